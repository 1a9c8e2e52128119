"""The keys of a spec, their types and ranges. ``docs/spec.md`` explains them to those who write specs."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from trigml.contract import LARGEST_SHIFT
from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint, Overflow, Rounding
from trigml.frontends.names import usable_as_top
from trigml.spec.limits import AmountLimit, TimeLimit

SPEC_VERSION = 1
AUTO: Literal["auto"] = "auto"
"""A number of integer bits that training chooses from the data; a run's own spec has the numbers."""

MOST_CELLS = 4096

MAX_BITS = 16
"""Widest weights and activations: single-precision training is exact far beyond, QKeras is slow there."""


def _integer_bits(least: int) -> BeforeValidator:
    """``auto``, one number for all layers, or one number per layer."""

    def check(value: Any) -> Any:
        numbers = value if isinstance(value, list | tuple) else [value]
        good = bool(numbers) and all(type(n) is int and least <= n <= MAX_BITS for n in numbers)
        if value != AUTO and not good:
            raise ValueError(
                f"expected 'auto', an integer from {least} to {MAX_BITS}, or a list with one per layer"
            )
        return tuple(value) if isinstance(value, list) else value

    return BeforeValidator(check)


def _named_feature(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def _offsets(value: Any) -> Any:
    """One number, or a list of them."""
    numbers = value if isinstance(value, list | tuple) else [value]
    if value is not None and not all(type(n) in (int, float) and math.isfinite(n) for n in numbers):
        raise ValueError("expected a number, or a list with one per cell")
    return tuple(map(float, value)) if isinstance(value, list) else value


def _shifts(value: Any) -> Any:
    """One shift, or a list of them."""
    numbers = value if isinstance(value, list | tuple) else [value]
    if value is not None and not all(type(n) is int and abs(n) <= LARGEST_SHIFT for n in numbers):
        raise ValueError(
            f"expected an integer from -{LARGEST_SHIFT} to {LARGEST_SHIFT}, or a list with one per cell"
        )
    return tuple(value) if isinstance(value, list) else value


def _fixed_point(value: str) -> str:
    try:
        format_ = FixedPoint.parse(value)
    except BadInput as error:
        raise ValueError(f"expected {error.expected}") from error
    if format_.rounding is not Rounding.RND_CONV or format_.overflow not in (Overflow.SAT, Overflow.SAT_SYM):
        raise ValueError("expected an input format that rounds with RND_CONV and saturates with SAT")
    if not 2 <= format_.width <= 24 or not format_.signed:
        raise ValueError("expected a signed input format of 2 to 24 bits")
    if not 1 <= format_.integer <= 24:
        raise ValueError("expected an input format with 1 to 24 integer bits, the sign included")
    return str(format_)


def _free_in_cpp(name: str) -> str:
    if not usable_as_top(name):
        raise ValueError(
            "expected a name that is free in C++ and in generated code, where it becomes the top function; "
            f"for example {name}_net"
        )
    return name


def _unique(values: tuple[Any, ...]) -> tuple[Any, ...]:
    names = [getattr(value, "name", value) for value in values]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"expected each name once, but {', '.join(map(repr, repeated))} is repeated")
    return values


def _time(value: Any) -> Any:
    return None if value is None else str(TimeLimit.parse(value))


def _interval(value: Any) -> Any:
    """A time, or a whole number of cycles."""
    return _time(f"{value} cycles" if type(value) is int and value > 0 else value)


def _amount(value: Any) -> Any:
    return None if value is None else AmountLimit.parse(value).written


IntegerBits: TypeAlias = int | tuple[int, ...] | Literal["auto"]
SignedInteger: TypeAlias = Annotated[IntegerBits, _integer_bits(1)]  # QKeras cannot take fewer
UnsignedInteger: TypeAlias = Annotated[IntegerBits, _integer_bits(0)]
Bits: TypeAlias = Annotated[int, Field(ge=2, le=MAX_BITS)]
Fraction: TypeAlias = Annotated[float, Field(gt=0, lt=1)]
Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=128)]
TopName: TypeAlias = Annotated[
    str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$"), AfterValidator(_free_in_cpp)
]
Part: TypeAlias = Annotated[
    str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/-]*$")  # it becomes a word of Tcl
]

Time: TypeAlias = Annotated[str | None, BeforeValidator(_time)]
Interval: TypeAlias = Annotated[str | None, BeforeValidator(_interval)]
Amount: TypeAlias = Annotated[int | str | None, BeforeValidator(_amount)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class SplitSpec(_Section):
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


class DataSpec(_Section):
    """Which events."""

    files: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]
    classes: Annotated[tuple[Name, ...], Field(min_length=2), AfterValidator(_unique)]
    split: SplitSpec = SplitSpec()


class FeatureSpec(_Section):
    """One input: the column, and how its values become words (fitted on training events if left out)."""

    name: Name
    offset: float | None = None
    shift: Annotated[int, Field(ge=-LARGEST_SHIFT, le=LARGEST_SHIFT)] | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> FeatureSpec:
        if (self.offset is None) != (self.shift is None):
            raise ValueError("expected offset and shift together, or neither of them")
        return self


class CellsSpec(_Section):
    """Inputs from a column with several numbers per event: one word for each of its cells.

    ``offset`` and ``shift`` are one number for all cells, or a list with one per cell.
    """

    column: Name
    first: Annotated[int, Field(ge=0)] = 0
    count: Annotated[int, Field(ge=1, le=MOST_CELLS)] | None = None
    scale: Literal["shared", "each"] = "shared"
    offset: Annotated[float | tuple[float, ...] | None, BeforeValidator(_offsets)] = None
    shift: Annotated[int | tuple[int, ...] | None, BeforeValidator(_shifts)] = None

    @model_validator(mode="after")
    def _fit_together(self) -> CellsSpec:
        if (self.offset is None) != (self.shift is None):
            raise ValueError("expected offset and shift together, or neither of them")
        for name, values in (("offset", self.offset), ("shift", self.shift)):
            if isinstance(values, tuple) and len(values) != self.count:
                raise ValueError(f"expected as many numbers in {name} as count says, not {len(values)}")
        return self

    def names(self, count: int) -> tuple[str, ...]:
        """What the cells are called as inputs, if there are so many."""
        return tuple(f"{self.column}[{index}]" for index in range(self.first, self.first + count))


class InputsSpec(_Section):
    """The words that arrive at the network: first the features, then the cells."""

    format: Annotated[str, AfterValidator(_fixed_point)]
    features: Annotated[
        tuple[Annotated[FeatureSpec, BeforeValidator(_named_feature)], ...], AfterValidator(_unique)
    ] = ()
    cells: CellsSpec | None = None

    @model_validator(mode="after")
    def _not_empty(self) -> InputsSpec:
        if not self.features and self.cells is None:
            raise ValueError("expected features, cells or both in inputs")
        return self

    @property
    def fixed_point(self) -> FixedPoint:
        """The format of every input word."""
        return FixedPoint.parse(self.format)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns and cells, in the order of the network's ports.

        Raises:
            BadInput: how many cells there are is still left to the files.
        """
        names = tuple(feature.name for feature in self.features)
        if self.cells is None:
            return names
        if self.cells.count is None:
            raise BadInput("the spec is not resolved: the number of its cells is still left to the files")
        return names + self.cells.names(self.cells.count)


class ModelSpec(_Section):
    """The architecture: dense layers of these widths, then one output per class."""

    hidden: Annotated[tuple[Annotated[int, Field(ge=1, le=4096)], ...], Field(min_length=1, max_length=32)]
    activation: Literal["relu"] = "relu"


class QuantizationSpec(_Section):
    """Formats inside the network; integer bits as in ``ap_fixed``, the sign of a weight included."""

    weight_bits: Bits = 6
    weight_integer: SignedInteger = AUTO
    bias_bits: Bits = 6
    bias_integer: SignedInteger = AUTO
    activation_bits: Bits = 6
    activation_integer: UnsignedInteger = AUTO


class ScheduleSpec(_Section):
    """How the learning rate falls: along a cosine, on a plateau of the validation loss, or not at all."""

    kind: Literal["cosine", "plateau", "constant"] = "cosine"
    warmup_epochs: Annotated[int, Field(ge=0, le=1000)] = 0
    final_fraction: Annotated[float, Field(gt=0, le=1)] = 0.01
    factor: Fraction = 0.5
    patience: Annotated[int, Field(ge=1, le=1000)] = 5


class QuantizedTrainingSpec(_Section):
    """What is different when the quantised model is trained, starting from the float weights."""

    epochs: Annotated[int, Field(ge=1, le=100_000)] = 20
    learning_rate: Annotated[float, Field(gt=0, le=10)] = 1e-3
    patience: Annotated[int, Field(ge=1, le=100_000)] = 20


class TrainingSpec(_Section):
    """Gradient descent: Adam on the cross-entropy."""

    seed: Annotated[int, Field(ge=0, lt=2**31)] = 1
    epochs: Annotated[int, Field(ge=1, le=100_000)] = 30
    batch_size: Annotated[int, Field(ge=1, le=1_000_000)] = 512
    learning_rate: Annotated[float, Field(gt=0, le=10)] = 2e-3
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.0
    patience: Annotated[int, Field(ge=1, le=100_000)] = 20
    schedule: ScheduleSpec = ScheduleSpec()
    quantized: QuantizedTrainingSpec = QuantizedTrainingSpec()


class BaselineSpec(_Section):
    """The boosted trees that stand beside the networks."""

    kind: Literal["boosted_trees", "none"] = "boosted_trees"
    max_events: Annotated[int, Field(ge=100, le=1_000_000)] = 200_000


class GateSpec(_Section):
    """Limits that a finished training has to keep (fractions, not per cent); left out: not asked for.

    A loss is float minus quantised. AUC is the mean of the one-against-the-rest AUCs of the classes.
    """

    max_auc_loss: Annotated[float, Field(ge=-1, le=1)] | None = None
    max_accuracy_loss: Annotated[float, Field(ge=-1, le=1)] | None = None
    min_auc: Annotated[float, Field(ge=0, le=1)] | None = None
    min_accuracy: Annotated[float, Field(ge=0, le=1)] | None = None


class TargetSpec(_Section):
    """The device and the defaults of ``trigml synth``."""

    backend: Literal["vitis", "vivado", "quartus", "catapult", "oneapi", "rtl"] = "vitis"
    part: Part = "xcvu13p-flga2577-2-e"
    clock_ns: Annotated[float, Field(ge=0.5, le=1000)] = 5.0
    io: Literal["parallel", "stream"] = "parallel"
    strategy: Literal["latency", "resource"] = "latency"
    reuse_factor: Annotated[int, Field(ge=1, le=1_000_000)] = 1


class ResourceBudgetSpec(_Section):
    """Most cells of each kind: a number, or a share of the part or of one of its super logic regions."""

    LUT: Amount = None
    FF: Amount = None
    CARRY: Amount = None
    DSP: Amount = None
    BRAM18: Amount = None
    URAM: Amount = None
    ALM: Amount = None
    M20K: Amount = None

    @property
    def limits(self) -> dict[str, AmountLimit]:
        """Those that are given."""
        return {name: AmountLimit.parse(value) for name, value in self if value is not None}


class BudgetSpec(_Section):
    """Limits that firmware has to keep; left out: not asked for."""

    latency: Time = None
    initiation_interval: Interval = None
    resources: ResourceBudgetSpec = ResourceBudgetSpec()
    part: Part | None = None

    @property
    def times(self) -> dict[str, TimeLimit]:
        """Limits of latency and initiation interval, as figures call them, where given."""
        given = {"latency": self.latency, "initiation interval": self.initiation_interval}
        return {name: TimeLimit.parse(text) for name, text in given.items() if text is not None}

    @property
    def asks(self) -> bool:
        """Whether there is any limit."""
        return bool(self.times or self.resources.limits)


class Spec(_Section):
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
