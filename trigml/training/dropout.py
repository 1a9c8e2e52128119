"""Dropout: outputs of hidden layers that are left out at random, in training only.

Srivastava et al., JMLR 15 (2014) 1929, but with the outputs that stay scaled up by 1 / (1 - rate) in training
instead of the weights scaled down afterwards. The model that is saved has no such layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trigml.legacy_keras import load

_MOST_LAYERS = 1024
"""Each layer has a stream of random numbers of its own in each step."""


@dataclass(frozen=True, slots=True)
class Dropout:
    """What is dropped. It depends on nothing but the seed, the step of the training and the layer.

    So a training goes on after an interruption as if nothing had happened.

    Attributes:
        rate: probability of an output to be dropped, above 0 and below 1.
        layers: names of the layers whose outputs are dropped.
        seed: of the random numbers.
    """

    rate: float
    layers: frozenset[str]
    seed: int

    def applied_to(self, model: Any, step: Any) -> Any:
        """A model of the same layers (not copies) that drops outputs when it is called for training.

        Args:
            model: a Keras model, each layer called once.
            step: a variable that counts the steps of the training.
        """
        modules = load()
        tf, layers = modules.tensorflow, modules.keras.layers
        numbers = {layer.name: number for number, layer in enumerate(model.layers)}

        def dropping(layer: Any) -> Any:
            if layer.name not in self.layers:
                return layer

            def call(inputs: Any, training: bool = False) -> Any:
                outputs = layer(inputs)
                if not training:
                    return outputs
                stream = tf.cast(step, tf.int64) * _MOST_LAYERS + numbers[layer.name]
                return tf.nn.experimental.stateless_dropout(outputs, self.rate, tf.stack([self.seed, stream]))

            return layers.Lambda(call, name=layer.name)

        return modules.keras.models.clone_model(model, clone_function=dropping)
