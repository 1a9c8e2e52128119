"""The keys of a spec. ``docs/spec.md`` explains them to those who write specs."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from trigml.spec.fields import (
    AUTO,
    Bits,
    Fraction,
    Name,
    Section,
    SignedInteger,
    TopName,
    UnsignedInteger,
    unique,
)
from trigml.spec.firmware import BudgetSpec, TargetSpec
from trigml.spec.inputs import InputsSpec
from trigml.spec.training import BaselineSpec, GateSpec, TrainingSpec

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
    classes: Annotated[tuple[Name, ...], Field(min_length=2), AfterValidator(unique)]
    split: SplitSpec = SplitSpec()


class ModelSpec(Section):
    """The architecture: dense layers of these widths, then one output per class."""

    hidden: Annotated[tuple[Annotated[int, Field(ge=1, le=4096)], ...], Field(min_length=1, max_length=32)]
    activation: Literal["relu"] = "relu"


class QuantizationSpec(Section):
    """Formats inside the network; integer bits as in ``ap_fixed``, the sign of a weight included."""

    weight_bits: Bits = 6
    weight_integer: SignedInteger = AUTO
    bias_bits: Bits = 6
    bias_integer: SignedInteger = AUTO
    activation_bits: Bits = 6
    activation_integer: UnsignedInteger = AUTO


class Spec(Section):
    """A whole spec; every section that has defaults may be left out."""

    trigml: Literal[1]
    name: TopName
    title: str = ""
    task: Literal["classification"] = "classification"
    data: DataSpec
    inputs: InputsSpec
    model: ModelSpec
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

    @model_validator(mode="after")
    def _integer_bits_per_layer(self) -> Spec:
        layers = len(self.model.hidden)
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
