"""What was drawn, and the Keras model that it becomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .growing import Shape


@dataclass(frozen=True)
class RandomModel:
    """A model to be built.

    Attributes:
        source: Python that ends with ``model = keras.Model(...)``; it knows ``keras``, ``qkeras`` and ``tf``.
        seed: of the weights.
        batchnorm_type: format of factors and offsets of batch normalisations; None if there is none.
        input_type: format of the inputs; None if the model quantises them itself.
        drawn: layers and options in it, for the count of what was covered.
    """

    source: str
    seed: int
    batchnorm_type: str | None
    input_type: str | None
    drawn: frozenset[str]

    def __repr__(self) -> str:
        return (
            f"# weights of seed {self.seed}, batchnorm_type={self.batchnorm_type}, "
            f"input_type={self.input_type}\n{self.source}"
        )


def built(drawn: RandomModel) -> Any:
    """The Keras model with its weights."""
    from trigml.legacy_keras import load

    modules = load()
    names: dict[str, Any] = {"keras": modules.keras, "qkeras": modules.qkeras, "tf": modules.tensorflow}
    exec(drawn.source, names)
    model = names["model"]
    random = np.random.default_rng(drawn.seed)
    model.set_weights([_weights(random, v.name, tuple(v.shape)) for v in model.weights])
    return model


def _weights(random: np.random.Generator, name: str, shape: Shape) -> np.ndarray:
    """Small, saturating, or exactly between two words; variances are positive, counters stay integers."""
    if not shape:
        return np.zeros(shape)
    if "variance" in name:
        return random.choice([random.uniform(0.3, 3.0), 0.999], size=shape)
    style = random.integers(0, 4)
    values = random.normal(0.0, 0.6, shape)
    if style == 1:
        values = values * 8
    elif style == 2:
        values = (np.floor(values * 16) + 0.5) / 2.0 ** random.integers(1, 6)
    elif style == 3:
        values = np.where(random.random(shape) < 0.5, 0.0, values)
    return np.clip(values, -3.9, 3.9) if any(w in name for w in ("gamma", "beta", "mean")) else values
