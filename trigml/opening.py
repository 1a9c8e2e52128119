"""Opening the MODEL that a command was given: a run or a file of someone's model, as an exact graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trigml.graph import Graph
from trigml.runs import Run, open_run


@dataclass(frozen=True, slots=True)
class OpenOptions:
    """What a model file does not say by itself; a run needs none of it.

    Attributes:
        weights: file of the weights, for a model given as JSON.
        input_type: format of the inputs, for a model without an input quantiser.
        batchnorm_type: format to which the factors and offsets of batch normalisation are rounded.
        quantizers: YAML file with quantisers for a plain Keras model (post-training quantisation).
        softmax: what becomes of a softmax: ``logits`` (left away) or ``table``.
    """

    weights: Path | None = None
    input_type: str | None = None
    batchnorm_type: str | None = None
    quantizers: Path | None = None
    softmax: str = "logits"


@dataclass(frozen=True, slots=True)
class OpenedModel:
    """A model as an exact graph.

    Attributes:
        name: what it is called in messages.
        graph: its integer network.
        run: the run that it is, if it is one.
        keras: loads the Keras model that the graph was made from; ``None`` if there is none (QONNX).
        notes: what was decided on the way (a softmax left away, rounded batch normalisation).
    """

    name: str
    graph: Graph
    run: Run | None
    keras: Callable[[], Any] | None
    notes: tuple[str, ...] = ()


def open_model(path: Path, options: OpenOptions | None = None) -> OpenedModel:
    """Open a run or a model file.

    Raises:
        BadInput: it is neither, is damaged, or breaks rules (``NoExactForm``, with all of them).
    """
    run = open_run(path)

    def keras() -> Any:
        from trigml.training.model_files import load_model

        return load_model(run.quantized_folder)

    return OpenedModel(str(path), run.graph(), run, keras)
