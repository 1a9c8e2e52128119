"""``trigml export``: a model as ONNX, QONNX or C++, checked before it appears."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml.atomic import replacing_file
from trigml.backends.hls.from_qonnx import refuse_unread
from trigml.backends.hls.options import HlsOptions
from trigml.backends.onnx.assembly import serialised
from trigml.backends.onnx.float_reference import FloatCheck, check_float_onnx, float_onnx
from trigml.backends.onnx.kinds import ExportKind
from trigml.backends.onnx.qonnx_writer import qonnx_model
from trigml.emulation.native import emulator_project
from trigml.errors import BadInput
from trigml.graph import Graph
from trigml.progress import Progress, Silent
from trigml.qonnx_model import QonnxModel
from trigml.runs import Run
from trigml.verify.comparison import Comparison, compare
from trigml.verify.events import NamedEvents
from trigml.verify.hls_from_qonnx_stage import HlsFromQonnxStage
from trigml.verify.qonnx_stage import QonnxStage
from trigml.verify.stages import GraphStage, NativeStage
from trigml.verify.vectors import Vectors

HLS_EVENTS = 2000
"""Events of each set that go through the C++ that hls4ml makes of a QONNX file."""


@dataclass(frozen=True)
class QonnxExport:
    """A written QONNX file.

    Attributes:
        path: the file.
        size: bytes.
        comparison: graph, executor and, if asked for, hls4ml, word by word.
        digest: of the graph.
    """

    path: Path
    size: int
    comparison: Comparison
    digest: str

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "kind": ExportKind.QONNX.value,
            "file": str(self.path),
            "bytes": self.size,
            "graph": self.digest,
            "verification": self.comparison.to_json(),
        }


@dataclass(frozen=True)
class OnnxExport:
    """A written ONNX file of the float reference.

    Attributes:
        path: the file.
        size: bytes.
        inputs: name of the events that it was checked on.
        check: how far onnxruntime is from Keras.
    """

    path: Path
    size: int
    inputs: str
    check: FloatCheck

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "kind": ExportKind.ONNX.value,
            "file": str(self.path),
            "bytes": self.size,
            "inputs": self.inputs,
            "check": asdict(self.check),
        }

    def text(self) -> str:
        """What was found, for people."""
        check = self.check
        return "\n".join(
            (
                f"Float reference in {check.tool}",
                f"{check.events:,} events ({self.inputs}), {check.numbers:,} outputs",
                f"largest deviation from Keras: {check.largest_deviation:.3g} ({check.relative:.2g} of the "
                f"largest output, {check.ulp:.3g} ulp)",
                "bound of float32 arithmetic, the sums in any order: "
                f"{check.bound:.3g} for the output that takes most of it ({check.used:.2g} of it)",
                "floats are not compared bit by bit",
            )
        )


def export_qonnx(
    graph: Graph,
    path: Path,
    sets: Sequence[Vectors],
    progress: Progress | None = None,
    *,
    hls: HlsOptions | None = None,
) -> QonnxExport:
    """Write a graph as QONNX, after qonnx's executor gave the same words.

    Args:
        graph: the network.
        path: the file to write.
        sets: inputs to compare on.
        progress: listener.
        hls: if given, hls4ml reads the file, too, for this backend; its C++ has to give the same words on the
            first ``HLS_EVENTS`` of each set.

    Raises:
        NoQonnxForm: an operation has no exact form in QONNX.
        NotReadByHls4ml: hls4ml was asked for, and does not read an operation exactly.
        NotBitExact: the executor or hls4ml differs from the graph; nothing is written.
        BadInput: the file cannot be written.
    """
    from onnx import load_model_from_string

    _refuse_folder(path)
    listener = progress or Silent()
    if hls is not None:
        refuse_unread(graph)
    model = qonnx_model(graph)
    content = serialised(model.proto)
    as_written = replace(model, proto=load_model_from_string(content))
    comparison = compare(GraphStage(graph), [QonnxStage(as_written)], sets, listener)
    if hls is not None and comparison.first_difference is None:
        comparison = _with_hls(comparison, as_written, hls, sets, listener)
    if comparison.first_difference is not None:
        raise comparison.first_difference.explained()
    _write(path, content)
    return QonnxExport(path, len(content), comparison, graph.digest)


def _with_hls(
    comparison: Comparison,
    model: QonnxModel,
    options: HlsOptions,
    sets: Sequence[Vectors],
    listener: Progress,
) -> Comparison:
    """The comparison with one more row: hls4ml, on fewer events, because ``ap_fixed`` is slow."""
    with tempfile.TemporaryDirectory(prefix="trigml_export_") as scratch:
        with listener.task("hls4ml: reading the QONNX file and compiling") as task:
            stage = HlsFromQonnxStage(model, options, Path(scratch))
            task.advance()
        few = [vectors.part(0, HLS_EVENTS) for vectors in sets]
        added = compare(GraphStage(model.graph), [stage], few, listener)
    return replace(
        comparison,
        stages=(*comparison.stages, added.stages[1]),
        events_per_s=(*comparison.events_per_s, added.events_per_s[1]),
    )


def export_onnx(
    run: Run, path: Path, events: NamedEvents | None, random_count: int, progress: Progress | None = None
) -> OnnxExport:
    """Write the float reference of a run as ONNX, after onnxruntime stayed within the bound of float32.

    Args:
        run: a finished run.
        path: the file to write.
        events: physical features to compare on; ``None``: random inputs.
        random_count: events of random inputs, if there are no others.
        progress: listener.

    Raises:
        BadInput: the model has a layer that has no ONNX form or no bound, or the file cannot be written.
        NotBitExact: the file computes something else; nothing is written.
    """
    from trigml.training.model_files import load_model

    _refuse_folder(path)
    listener = progress or Silent()
    with listener.task("Writing the float reference with tf2onnx") as task:
        model = load_model(run.float_folder)
        content = float_onnx(model)
        task.advance()
    name, inputs = _float_inputs(run, model, events, random_count)
    with listener.task(f"onnxruntime: {len(inputs):,} events") as task:
        check = check_float_onnx(model, content, inputs)
        task.advance()
    _write(path, content)
    return OnnxExport(path, len(content), name, check)


def _float_inputs(
    run: Run, model: Any, events: NamedEvents | None, random_count: int
) -> tuple[str, NDArray[np.float32]]:
    shape = tuple(model.inputs[0].shape[1:])
    if events is not None:
        normalised = run.contract.normalise(events.features).astype(np.float32)
        return events.name, normalised.reshape(-1, *shape)
    random = np.random.default_rng(1).normal(0, 1, (random_count, *shape))
    return "random", random.astype(np.float32)


def _refuse_folder(path: Path) -> None:
    if path.is_dir():
        raise BadInput("the output is a folder", where=str(path), remedy="name a file: -o model.onnx")


def _write(path: Path, content: bytes) -> None:
    with replacing_file(path) as beside:
        beside.write_bytes(content)


def export_emulator(
    graph: Graph, folder: Path, sets: Sequence[Vectors], progress: Progress | None = None
) -> Comparison:
    """Write the native emulator's sources with their C interface, after its words were compared.

    Args:
        graph: a checked graph.
        folder: where the sources go.
        sets: inputs on which the emulator is compared with the graph.
        progress: listener.

    Raises:
        BadInput: the folder cannot be written.
        MissingTool: no C++ compiler.
        NotBitExact: a word differs; nothing is written.
    """
    comparison = compare(GraphStage(graph), [NativeStage(graph)], sets, progress or Silent())
    if comparison.first_difference is not None:
        raise comparison.first_difference.explained()
    emulator_project(graph).write(folder)
    return comparison


def refuse_taken(path: Path, *, force: bool) -> None:
    """Refuse to write where something stands already; ``force`` allows to replace what export makes.

    Raises:
        BadInput: something is there without ``force``; with it, a folder of something else.
    """
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    if not force:
        raise BadInput(
            "the output is there already", where=str(path), remedy="choose another place (-o), or add --force"
        )
    if path.is_dir() and not (path / "trigml_emulator.h").is_file():
        raise BadInput(
            "the output is a folder of something else", where=str(path), remedy="choose another place (-o)"
        )
