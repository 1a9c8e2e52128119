"""The keys of a spec. ``docs/spec.md`` explains them to those who write specs."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from trigml.fixedpoint import FixedPoint, Overflow, Rounding
from trigml.spec.fields import (
    AUTO,
    MAX_BITS,
    Bits,
    Fraction,
    Name,
    Section,
    SignedInteger,
    TopName,
    UnsignedInteger,
    power_of_two,
    unique,
)
from trigml.spec.firmware import BudgetSpec, TargetSpec
from trigml.spec.inputs import InputsSpec
from trigml.spec.model import ModelSpec
from trigml.spec.tasks import check_task
from trigml.spec.training import BaselineSpec, GateSpec, LossSpec, TrainingSpec

SPEC_VERSION = 1


class SplitSpec(Section):
    """Fractions of the collisions (not rows) for training, validation and test; they add up to 1."""

    train: Fraction = 0.6
    validation: Fraction = 0.2
    test: Fraction = 0.2

    @model_validator(mode="after")
    def _whole(self) -> SplitSpec:
        total = self.train + self.validation + self.test
        if not math.isclose(total, 1.0, abs_tol=1e-9):
            raise ValueError(f"expected train, validation and test to add up to 1, not {total:g}")
        return self


class DataSpec(Section):
    """Which events."""

    files: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]
    classes: Annotated[tuple[Name, ...], Field(min_length=1), AfterValidator(unique)]
    target: Name | None = None
    split: SplitSpec = SplitSpec()


class OutputSpec(Section):
    """The word of a regression: unsigned, rounded half to even, saturating; ``lsb`` in the target's unit."""

    lsb: Annotated[float, AfterValidator(power_of_two)]
    bits: Bits

    @model_validator(mode="after")
    def _reach(self) -> OutputSpec:
        if not 0 <= self.fixed_point.integer <= 24:  # QKeras fails below 0 and from 32 on
            raise ValueError(f"expected lsb × 2^bits from 1 to 2^24, not {self.lsb * 2**self.bits:g}")
        return self

    @property
    def fixed_point(self) -> FixedPoint:
        """The format of the word."""
        integer = self.bits + round(math.log2(self.lsb))
        return FixedPoint(False, self.bits, integer, Rounding.RND_CONV, Overflow.SAT)


class QuantizationSpec(Section):
    """Formats inside the network; integer bits as in ``ap_fixed``, the sign of a weight included."""

    weight_bits: Bits = 6
    weight_integer: SignedInteger = AUTO
    bias_bits: Bits = 6
    bias_integer: SignedInteger = AUTO
    activation_bits: Bits = 6
    activation_integer: UnsignedInteger = AUTO
    linear_bits: Bits | None = None
    linear_integer: Annotated[int, Field(ge=1, le=MAX_BITS)] | None = None


class Spec(Section):
    """A whole spec; every section that has defaults may be left out."""

    trigml: Literal[1]
    name: TopName
    title: str = ""
    task: Literal["classification", "regression"] = "classification"
    data: DataSpec
    inputs: InputsSpec
    model: ModelSpec
    output: OutputSpec | None = None
    quantization: QuantizationSpec = QuantizationSpec()
    training: TrainingSpec = TrainingSpec()
    baseline: BaselineSpec = BaselineSpec()
    gate: GateSpec = GateSpec()
    target: TargetSpec = TargetSpec()
    budget: BudgetSpec = BudgetSpec()

    @property
    def firmware_budget(self) -> BudgetSpec:
        """The budget with the device that it is for."""
        return self.budget.model_copy(update={"part": self.budget.part or self.target.part})

    @property
    def loss(self) -> LossSpec:
        """What the training makes small, the task's own default filled in."""
        default = LossSpec(kind="cross_entropy" if self.task == "classification" else "relative")
        return self.training.loss or default

    def with_loss(self) -> Spec:
        """The spec of a regression with its loss written out; a classification has no choice."""
        if self.task == "classification":
            return self
        training = self.training.model_copy(update={"loss": self.loss})
        return self.model_copy(update={"training": training})

    @model_validator(mode="after")
    def _sections_of_the_task(self) -> Spec:
        check_task(self)
        return self

    @model_validator(mode="after")
    def _integer_bits_per_layer(self) -> Spec:
        layers = self.model.hidden_layers
        for key, needed in (
            ("weight_integer", layers + 1),
            ("bias_integer", layers + 1),
            ("activation_integer", layers),
        ):
            value = getattr(self.quantization, key)
            if isinstance(value, tuple) and len(value) != needed:
                raise ValueError(
                    f"expected {needed} numbers in quantization.{key}, one per "
                    f"{'layer' if needed > layers else 'hidden layer'}, not {len(value)}"
                )
        return self

    @model_validator(mode="after")
    def _convolutions_have_an_image(self) -> Spec:
        if not self.model.convolutions:
            return self
        if self.inputs.cells is None or not self.inputs.cells.images:
            raise ValueError("expected inputs.cells.images where there are model.convolutions")
        self.model.check_image(self.inputs.cells.images[0])
        return self

    @model_validator(mode="after")
    def _symmetries_have_images(self) -> Spec:
        if not self.training.symmetries:
            return self
        images = () if self.inputs.cells is None else self.inputs.cells.images
        if not images:
            raise ValueError(
                "expected inputs.cells.images where there are training.symmetries: what is x and what is y"
            )
        if self.inputs.features:
            raise ValueError(
                "expected no inputs.features beside training.symmetries, which only know how cells change"
            )
        oblong = [list(image) for image in images if image[1] != image[2]]
        if "transpose" in self.training.symmetries and oblong:
            raise ValueError(f"expected images with as many rows as columns for transpose, not {oblong[0]}")
        return self
