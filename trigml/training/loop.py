"""The training loop: epochs of Adam with a checkpoint after each, so that a stopped training can go on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from trigml.errors import BadInput
from trigml.legacy_keras import load
from trigml.progress import Progress, Task
from trigml.spec import ScheduleSpec
from trigml.training.dropout import Dropout
from trigml.training.heads import LINEAR_PATH
from trigml.training.objectives import CrossEntropy, Objective
from trigml.training.schedule import epochs_since_best, learning_rate
from trigml.training.state import EpochRecord, TrainState

EVALUATION_BATCH = 8192
_REPORT_EVERY = 20  # batches

Batch = tuple[NDArray[np.float32], NDArray[np.int64] | NDArray[np.float32]]
"""Model inputs (n, features) and the truth (n,): labels, or the numbers that a regression learns."""


class TrainingEvents(Protocol):
    """Events for training, in an order that depends on nothing but the seed and the epoch."""

    @property
    def n_events(self) -> int:
        """Events of one epoch."""

    def epoch(self, epoch: int, batch_size: int) -> Iterator[Batch]:
        """Model inputs (n, features) and the truth (n,) in batches."""


@dataclass(frozen=True, slots=True)
class FitSettings:
    """What the loop needs to know of a spec; ``objective`` is what it makes small."""

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    patience: int
    schedule: ScheduleSpec
    dropout: Dropout | None = None
    objective: Objective = field(default_factory=CrossEntropy)


class Diverged(BadInput):
    """The loss is no longer a number; going on or repeating the training makes no sense."""


def fit(
    model: Any,
    events: TrainingEvents,
    validation: Batch,
    settings: FitSettings,
    *,
    checkpoint: Path,
    title: str,
    progress: Progress,
) -> TrainState:
    """Train a model from its present weights, or from the checkpoint if there is one.

    The same arguments give the same weights, to the bit, on the same machine, wherever the training was
    interrupted in between.

    Args:
        model: the trainee of the objective; left with the best weights.
        events: training events.
        validation: model inputs and truth that decide about the best epoch.
        settings: epochs, rates and so on.
        checkpoint: file that is replaced after each epoch.
        title: what the progress bar calls this.
        progress: who listens.

    Raises:
        Diverged: a loss is NaN or infinite.
        BadInput: the checkpoint is damaged or cannot be written.
    """
    steps = _Steps(model, settings)
    state = TrainState.load(checkpoint)
    if state is None:
        weights = tuple(model.get_weights())
        state = TrainState(weights=weights, optimizer=steps.optimizer_values(), best_weights=weights)
    elif state.history:
        progress.say(f"{title}: going on after epoch {state.epochs_done} of {settings.epochs}")
    model.set_weights(list(state.weights))
    steps.set_optimizer(state.optimizer)
    with progress.task(title, total=settings.epochs) as task:
        if state.history:
            task.advance(state.epochs_done, _note(state.history[-1]))
        while not _finished(state, settings):
            record = _one_epoch(steps, events, validation, state, settings, task=task)
            _refuse_diverged(record, title)
            state = state.after_epoch(record, model.get_weights(), steps.optimizer_values())
            state.save(checkpoint)
            task.advance(0, _note(record))
    best = state.best
    stopped = f", stopped early after {state.epochs_done}" if state.epochs_done < settings.epochs else ""
    progress.detail(
        f"{title}: kept epoch {best.epoch + 1} of {settings.epochs}{stopped} "
        f"(validation loss {best.validation_loss:.5f}{_accuracy(best)})"
    )
    model.set_weights(list(state.best_weights))
    return state


def outputs(model: Any, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits (n, classes) or predictions (n, 1) of model inputs (n, features)."""
    evaluate = _compiled_forward(model)
    parts = [
        evaluate(inputs[start : start + EVALUATION_BATCH]).numpy()
        for start in range(0, len(inputs), EVALUATION_BATCH)
    ]
    return np.concatenate(parts) if parts else np.empty((0, model.output_shape[-1]), np.float32)


def _finished(state: TrainState, settings: FitSettings) -> bool:
    if state.epochs_done >= settings.epochs:
        return True
    return bool(state.history) and epochs_since_best(state.validation_losses) >= settings.patience


def _one_epoch(
    steps: _Steps,
    events: TrainingEvents,
    validation: Batch,
    state: TrainState,
    settings: FitSettings,
    *,
    task: Task,
) -> EpochRecord:
    epoch = state.epochs_done
    rate = learning_rate(
        settings.schedule, settings.learning_rate, epoch, settings.epochs, state.validation_losses
    )
    steps.optimizer.learning_rate.assign(rate)
    batches = math.ceil(events.n_events / settings.batch_size)
    seen, loss, correct, reported = 0, 0.0, 0, 0
    for number, (inputs, truth) in enumerate(events.epoch(epoch, settings.batch_size), start=1):
        batch_loss, batch_correct = steps.train(inputs, truth)
        seen += len(truth)
        loss += float(batch_loss) * len(truth)
        correct += int(batch_correct)
        if number % _REPORT_EVERY == 0 and number < batches:
            task.advance(_REPORT_EVERY / batches, f"loss {loss / seen:.4f}")
            reported = number
    validation_loss, validation_accuracy = steps.evaluate(*validation)
    classifies = settings.objective.classifies
    task.advance(1 - reported / batches)
    return EpochRecord(
        epoch=epoch,
        learning_rate=rate,
        loss=loss / seen,
        accuracy=correct / seen if classifies else None,
        validation_loss=validation_loss,
        validation_accuracy=validation_accuracy if classifies else None,
    )


def _refuse_diverged(record: EpochRecord, title: str) -> None:
    for value, what in ((record.loss, "training"), (record.validation_loss, "validation")):
        if not math.isfinite(value):
            raise Diverged(
                f"the {what} loss is no longer a number",
                where=f"{title}, epoch {record.epoch + 1}, learning rate {record.learning_rate:.3g}",
                found=str(value),
                remedy="lower training.learning_rate (or that of training.quantized), or look for extreme "
                "values in the features with: trigml data describe FILE",
            )


def _note(record: EpochRecord) -> str:
    return f"loss {record.loss:.4f}, validation {record.validation_loss:.4f}{_accuracy(record)}"


def _accuracy(record: EpochRecord) -> str:
    return "" if record.validation_accuracy is None else f", accuracy {record.validation_accuracy:.4f}"


class _Steps:
    """The compiled steps of one model, and its optimiser."""

    def __init__(self, model: Any, settings: FitSettings) -> None:
        modules = load()
        tf, weight_decay = modules.tensorflow, settings.weight_decay
        self.optimizer = modules.keras.optimizers.Adam(weight_decay=weight_decay or None)
        if weight_decay:
            # Decay pulls weights towards 0; those of the linear path belong around 1.
            self.optimizer.exclude_from_weight_decay(var_names=["bias", f"^{LINEAR_PATH}/"])
        self.optimizer.build(model.trainable_variables)
        if settings.dropout is not None:
            model = settings.dropout.applied_to(model, self.optimizer.iterations)
        objective = settings.objective
        signature = [
            tf.TensorSpec((None, model.input_shape[-1]), tf.float32),
            tf.TensorSpec((None,), tf.int64 if objective.classifies else tf.float32),
        ]

        def losses(inputs: Any, truth: Any, training: bool) -> tuple[Any, Any]:
            outputs = model(inputs, training=training)
            loss = objective.losses(outputs, truth)
            if not objective.classifies:
                return loss, tf.constant(0, tf.int64)
            correct = tf.equal(tf.argmax(outputs, axis=-1), truth)
            return loss, tf.reduce_sum(tf.cast(correct, tf.int64))

        def train(inputs: Any, truth: Any) -> tuple[Any, Any]:
            with tf.GradientTape() as tape:
                loss, correct = losses(inputs, truth, training=True)
                mean = tf.reduce_mean(loss)
            gradients = tape.gradient(mean, model.trainable_variables)
            # Applies the models' constraints, too: QKeras's keep weights inside their quantiser's range.
            self.optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
            return mean, correct

        def evaluate(inputs: Any, truth: Any) -> tuple[Any, Any]:
            loss, correct = losses(inputs, truth, training=False)
            return tf.reduce_sum(loss), correct

        self.train: Callable[[Any, Any], tuple[Any, Any]] = tf.function(train, input_signature=signature)
        self._evaluate: Callable[[Any, Any], tuple[Any, Any]] = tf.function(
            evaluate, input_signature=signature
        )

    def evaluate(self, inputs: NDArray[np.float32], truth: NDArray[Any]) -> tuple[float, float]:
        """Mean loss, and accuracy if the truth is a class."""
        loss, correct = 0.0, 0
        for start in range(0, len(truth), EVALUATION_BATCH):
            stop = start + EVALUATION_BATCH
            batch_loss, batch_correct = self._evaluate(inputs[start:stop], truth[start:stop])
            loss += float(batch_loss)
            correct += int(batch_correct)
        return loss / len(truth), correct / len(truth)

    def optimizer_values(self) -> tuple[NDArray[Any], ...]:
        return tuple(variable.numpy() for variable in self.optimizer.variables)

    def set_optimizer(self, values: tuple[NDArray[Any], ...]) -> None:
        for variable, value in zip(self.optimizer.variables, values, strict=True):
            variable.assign(value)


def _compiled_forward(model: Any) -> Callable[[NDArray[np.float32]], Any]:
    tf = load().tensorflow
    signature = [tf.TensorSpec((None, model.input_shape[-1]), tf.float32)]
    compiled: Callable[[NDArray[np.float32]], Any] = tf.function(
        lambda inputs: model(inputs, training=False), input_signature=signature
    )
    return compiled
