"""What a training makes small: cross-entropy of a classification, losses of a regression.

The losses of a regression are functions of the relative error r = (predicted − true) / true, so that a shower
of 60 GeV does not count more than one of 4 GeV: they shape σ/E, not σ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from trigml.legacy_keras import load
from trigml.spec import Spec
from trigml.training.heads import HIDDEN_PATH

Tensor: TypeAlias = Any

LOG_WIDTH = "log_width"
_FIRST_WIDTH = 0.2
_LEAST_LOG_WIDTH = math.log(1e-3)


class Objective(Protocol):
    """The loss of each event."""

    @property
    def classifies(self) -> bool:
        """Whether the truth is a class (int64); else it is a number (float32)."""

    def trainee(self, model: Any) -> Any:
        """The model that is trained: ``model``, or one that shares its layers and has more outputs."""

    def losses(self, outputs: Tensor, truth: Tensor) -> Tensor:
        """Losses (n,) of the trainee's outputs for the truth (n,)."""


@dataclass(frozen=True, slots=True)
class CrossEntropy:
    """−log of the softmax probability of the true class."""

    @property
    def classifies(self) -> bool:
        """Yes."""
        return True

    def trainee(self, model: Any) -> Any:
        """The model itself."""
        return model

    def losses(self, outputs: Tensor, truth: Tensor) -> Tensor:
        """Losses (n,) of logits (n, classes) for labels (n,)."""
        tf = load().tensorflow
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=truth, logits=outputs)


class _OfPrediction:
    """What losses of a prediction alone have in common."""

    __slots__ = ()

    @property
    def classifies(self) -> bool:
        """No."""
        return False

    def trainee(self, model: Any) -> Any:
        """The model itself."""
        return model


@dataclass(frozen=True, slots=True)
class RelativeError(_OfPrediction):
    """r², or with ``delta`` its continuation by a straight line beyond |r| = delta: 2 δ |r| − δ².

    The latter is twice the loss of Huber, Ann. Math. Statist. 35 (1964) 73.
    """

    delta: float | None = None

    def losses(self, outputs: Tensor, truth: Tensor) -> Tensor:
        """Losses (n,) of predictions (n, 1) for the truth (n,)."""
        tf = load().tensorflow
        error = relative_errors(outputs, truth)
        if self.delta is None:
            return tf.square(error)
        inside = tf.minimum(tf.abs(error), self.delta)
        return inside * (2 * tf.abs(error) - inside)


@dataclass(frozen=True, slots=True)
class Quantile(_OfPrediction):
    """The pinball loss of r: q |r| where the prediction is too low, (1 − q) |r| where it is too high.

    Koenker and Bassett, Econometrica 46 (1978) 33.
    """

    quantile: float

    def losses(self, outputs: Tensor, truth: Tensor) -> Tensor:
        """Losses (n,) of predictions (n, 1) for the truth (n,)."""
        tf = load().tensorflow
        error = relative_errors(outputs, truth)
        return tf.maximum((1 - self.quantile) * error, -self.quantile * error)


@dataclass(frozen=True, slots=True)
class GaussianWidth:
    """−log of a Gaussian density of r around 0, without its constant: r² / 2s² + log s.

    The network learns log s, the logarithm of an event's own relative width, with one more output behind the
    last hidden layer; s is at least 0.001. That output is there in training only.
    """

    @property
    def classifies(self) -> bool:
        """No."""
        return False

    def trainee(self, model: Any) -> Any:
        """The model with the width as its second output; all widths are 0.2 at first."""
        keras = load().keras
        width = keras.layers.Dense(
            1,
            kernel_initializer="zeros",
            bias_initializer=keras.initializers.Constant(math.log(_FIRST_WIDTH)),
            name=LOG_WIDTH,
        )
        hidden = model.get_layer(HIDDEN_PATH).get_input_at(0)
        return keras.Model(model.inputs, [*model.outputs, width(hidden)], name=model.name)

    def losses(self, outputs: Tensor, truth: Tensor) -> Tensor:
        """Losses (n,) of predictions (n, 1) and logarithms of widths (n, 1) for the truth (n,)."""
        tf = load().tensorflow
        predicted, log_width = outputs
        log_width = tf.maximum(log_width[:, 0], _LEAST_LOG_WIDTH)
        pull = relative_errors(predicted, truth) * tf.exp(-log_width)
        return tf.square(pull) / 2 + log_width


def relative_errors(predicted: Tensor, truth: Tensor) -> Tensor:
    """r = (predicted − true) / true, (n,), of predictions (n, 1) for the truth (n,)."""
    return predicted[:, 0] / truth - 1


def objective_of(spec: Spec) -> Objective:
    """What the training of a spec makes small."""
    loss = spec.loss
    match loss.kind:
        case "cross_entropy":
            return CrossEntropy()
        case "relative":
            return RelativeError(loss.delta)
        case "gaussian":
            return GaussianWidth()
        case "quantile":
            if loss.quantile is None:
                raise ValueError("a quantile loss without its quantile passed the spec's checks")
            return Quantile(loss.quantile)
