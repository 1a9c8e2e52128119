"""The ``training``, ``baseline`` and ``gate`` sections of a spec."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from trigml.spec.fields import Fraction, Section, unique

Symmetry: TypeAlias = Literal["mirror_x", "mirror_y", "transpose"]
"""What leaves a calorimeter as it is: x or y reversed, or exchanged with each other."""


class ScheduleSpec(Section):
    """How the learning rate falls: along a cosine, on a plateau of the validation loss, or not at all."""

    kind: Literal["cosine", "plateau", "constant"] = "cosine"
    warmup_epochs: Annotated[int, Field(ge=0, le=1000)] = 0
    final_fraction: Annotated[float, Field(gt=0, le=1)] = 0.01
    factor: Fraction = 0.5
    patience: Annotated[int, Field(ge=1, le=1000)] = 5


class QuantizedTrainingSpec(Section):
    """What is different when the quantised model is trained, starting from the float weights."""

    epochs: Annotated[int, Field(ge=1, le=100_000)] = 20
    learning_rate: Annotated[float, Field(gt=0, le=10)] = 1e-3
    patience: Annotated[int, Field(ge=1, le=100_000)] = 20


class LossSpec(Section):
    """What the training makes small; for a regression, with r = (predicted − true) / true.

    ``relative``: r², or with ``delta`` Huber's loss of r; ``quantile``: the pinball loss of r; ``gaussian``:
    the negative logarithm of a Gaussian likelihood of r, whose width the network learns, too.
    """

    kind: Literal["cross_entropy", "relative", "quantile", "gaussian"]
    delta: Annotated[float, Field(gt=0, le=100)] | None = None
    quantile: Fraction | None = None

    @model_validator(mode="after")
    def _fit_together(self) -> LossSpec:
        if self.delta is not None and self.kind != "relative":
            raise ValueError("expected delta only with the loss relative")
        if (self.quantile is None) == (self.kind == "quantile"):
            raise ValueError("expected quantile with the loss quantile, and only with it")
        return self


class TrainingSpec(Section):
    """Gradient descent: Adam on the loss."""

    seed: Annotated[int, Field(ge=0, lt=2**31)] = 1
    epochs: Annotated[int, Field(ge=1, le=100_000)] = 30
    batch_size: Annotated[int, Field(ge=1, le=1_000_000)] = 512
    learning_rate: Annotated[float, Field(gt=0, le=10)] = 2e-3
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.0
    patience: Annotated[int, Field(ge=1, le=100_000)] = 20
    symmetries: Annotated[tuple[Symmetry, ...], AfterValidator(unique)] = ()
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    loss: LossSpec | None = None
    schedule: ScheduleSpec = ScheduleSpec()
    quantized: QuantizedTrainingSpec = QuantizedTrainingSpec()


class BaselineSpec(Section):
    """The boosted trees that stand beside the networks."""

    kind: Literal["boosted_trees", "none"] = "boosted_trees"
    max_events: Annotated[int, Field(ge=100, le=1_000_000)] = 200_000


class GateSpec(Section):
    """Limits that a finished training has to keep (fractions, not per cent); left out: not asked for.

    A loss is float minus quantised. AUC is the mean of the one-against-the-rest AUCs of the classes. The
    stochastic term is a of σ/E = a/√E ⊕ b/E ⊕ c, its loss the relative rise from float to quantised; a bias
    is the distance of the median response from 1. Both are those of the worst particle type.
    """

    max_auc_loss: Annotated[float, Field(ge=-1, le=1)] | None = None
    max_accuracy_loss: Annotated[float, Field(ge=-1, le=1)] | None = None
    min_auc: Annotated[float, Field(ge=0, le=1)] | None = None
    min_accuracy: Annotated[float, Field(ge=0, le=1)] | None = None
    max_stochastic_loss: Annotated[float, Field(ge=-1, le=100)] | None = None
    max_bias: Annotated[float, Field(ge=0, le=1)] | None = None
