"""Opening the MODEL that a command was given: a run or a file of someone's model, as an exact graph."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint
from trigml.graph import Graph
from trigml.progress import Progress, Silent
from trigml.runs import Run, names, open_run

if TYPE_CHECKING:
    from trigml.frontends.options import ConversionOptions
    from trigml.qonnx_model import QonnxModel


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
        conversion: how a model file was converted; ``None`` for a run, which needs nothing.
        qonnx: the network as qonnx's executor runs it, if it was read from ONNX.
    """

    name: str
    graph: Graph
    run: Run | None
    keras: Callable[[], Any] | None
    notes: tuple[str, ...] = ()
    conversion: ConversionOptions | None = None
    qonnx: QonnxModel | None = None


def open_model(
    path: Path, options: OpenOptions | None = None, progress: Progress | None = None
) -> OpenedModel:
    """Open a run or a model file.

    Raises:
        BadInput: it is neither, is damaged, or breaks rules (``NoExactForm``, with all of them).
    """
    with (progress or Silent()).task("Opening the model"):
        return _opened(path, options or OpenOptions())


def run_at(path: Path) -> Run | None:
    """The run that a MODEL is; ``None`` for a model file, which is not read.

    Raises:
        BadInput: it is neither, or the run is damaged.
    """
    _refuse_missing(path)
    return None if _is_onnx(path) or _is_keras_model(path) else open_run(path)


def _refuse_missing(path: Path) -> None:
    """Refuse a place where nothing is, with what can be given and what is there of a similar name."""
    whole = path.absolute()
    if path.exists() or whole.with_name(whole.name + names.UNFINISHED_SUFFIX).is_dir():
        return
    others = [entry.name for entry in whole.parent.iterdir()] if whole.parent.is_dir() else []
    near = difflib.get_close_matches(whole.name, others, n=2, cutoff=0.7)
    file = _is_onnx(path) or _is_keras_model(path)
    raise BadInput(
        "there is no such file" if file else "there is no such run or model file",
        where=str(path),
        expected="a run (trigml train makes one), or a model: .keras, .h5, .json (with --weights), .onnx",
        remedy=f"did you mean {' or '.join(near)}?" if near else None,
    )


def _opened(path: Path, options: OpenOptions) -> OpenedModel:
    _refuse_missing(path)
    if _is_onnx(path):
        return _open_onnx(path, options)
    if not _is_keras_model(path):
        return _open_run(path, options)
    from trigml.frontends.qkeras import graph_from_keras

    model = keras_model(path, options)
    asked = conversion_options(options, str(model.name))
    made = graph_from_keras(model, asked)
    return OpenedModel(str(path), made.graph, None, lambda: model, made.notes, asked)


def keras_model(path: Path, options: OpenOptions) -> Any:
    """The Keras model of a file, with the quantisers of ``options.quantizers`` if there are any.

    Raises:
        BadInput: the file cannot be loaded, or the quantisers do not fit the model.
    """
    from trigml.frontends.keras_files import load_keras_model

    model = load_keras_model(path, options.weights)
    if options.quantizers is None:
        return model
    from trigml.frontends.post_training import quantised_model
    from trigml.frontends.quantizers_file import load_quantizers

    return quantised_model(model, load_quantizers(options.quantizers), str(options.quantizers))


def conversion_options(options: OpenOptions, name: str) -> ConversionOptions:
    """What a frontend has to know, for a model called ``name``.

    Raises:
        BadInput: a format that is none.
    """
    from trigml.frontends.names import identifier, usable_as_top
    from trigml.frontends.options import ConversionOptions, Softmax

    own = identifier(name)
    return ConversionOptions(
        input_type=_format("--input-type", options.input_type),
        batchnorm_type=_format("--batchnorm-type", options.batchnorm_type),
        softmax=Softmax(options.softmax),
        name=own if usable_as_top(own) else f"{own}_net",
    )


def _format(option: str, text: str | None) -> FixedPoint | None:
    if text is None:
        return None
    try:
        return FixedPoint.parse(text)
    except BadInput as error:
        raise BadInput(
            error.problem, where=f"{option} {text}", expected=error.expected, found=error.found
        ) from error


def _is_onnx(path: Path) -> bool:
    return path.suffix.lower() == ".onnx" and not path.is_dir()


def _is_keras_model(path: Path) -> bool:
    """Whether it is a file, or a folder with an architecture, but no run."""
    from trigml.frontends.keras_files import ARCHITECTURE, SUFFIXES

    if path.is_dir():
        return not (path / names.MANIFEST).is_file() and (path / ARCHITECTURE).is_file()
    return path.is_file() or path.suffix.lower() in SUFFIXES


def _open_run(path: Path, options: OpenOptions) -> OpenedModel:
    run = open_run(path)
    if options != OpenOptions():
        raise BadInput(
            "a run says everything about its model by itself",
            where=str(path),
            found="--weights, --input-type, --batchnorm-type, --quantizers or --softmax",
            remedy="leave them out",
        )

    def keras() -> Any:
        from trigml.training.model_files import load_model

        return load_model(run.quantized_folder)

    return OpenedModel(str(path), run.graph(), run, keras)


def _open_onnx(path: Path, options: OpenOptions) -> OpenedModel:
    if options.weights is not None:
        raise BadInput(
            "--weights is for Keras models; an ONNX file has its weights inside",
            where=str(path),
            remedy="leave --weights out",
        )
    from trigml.frontends.qonnx import qonnx_from_file

    asked = conversion_options(options, path.stem)
    made = qonnx_from_file(path, asked, options.quantizers)
    return OpenedModel(str(path), made.model.graph, None, None, made.notes, asked, made.model)
