"""The ``training``, ``baseline`` and ``gate`` sections of a spec."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from trigml.spec.fields import Fraction, Section


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


class TrainingSpec(Section):
    """Gradient descent: Adam on the cross-entropy."""

    seed: Annotated[int, Field(ge=0, lt=2**31)] = 1
    epochs: Annotated[int, Field(ge=1, le=100_000)] = 30
    batch_size: Annotated[int, Field(ge=1, le=1_000_000)] = 512
    learning_rate: Annotated[float, Field(gt=0, le=10)] = 2e-3
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.0
    patience: Annotated[int, Field(ge=1, le=100_000)] = 20
    schedule: ScheduleSpec = ScheduleSpec()
    quantized: QuantizedTrainingSpec = QuantizedTrainingSpec()


class BaselineSpec(Section):
    """The boosted trees that stand beside the networks."""

    kind: Literal["boosted_trees", "none"] = "boosted_trees"
    max_events: Annotated[int, Field(ge=100, le=1_000_000)] = 200_000


class GateSpec(Section):
    """Limits that a finished training has to keep (fractions, not per cent); left out: not asked for.

    A loss is float minus quantised. AUC is the mean of the one-against-the-rest AUCs of the classes.
    """

    max_auc_loss: Annotated[float, Field(ge=-1, le=1)] | None = None
    max_accuracy_loss: Annotated[float, Field(ge=-1, le=1)] | None = None
    min_auc: Annotated[float, Field(ge=0, le=1)] | None = None
    min_accuracy: Annotated[float, Field(ge=0, le=1)] | None = None
