"""Writing the hls4ml project: hls4ml writes into a scratch folder, and the files are read back.

What hls4ml writes depends only on the graph and the options: its random stamp and the path of the
scratch folder are replaced, so that the same run gives the same project.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigml import __version__
from trigml.backends.hls.calls import hls4ml_calls, project_files
from trigml.backends.hls.extension import register_kernels
from trigml.backends.hls.interface import Ports, interface_document
from trigml.backends.hls.layer import HlsLayer
from trigml.backends.hls.layers import hls_layers, spelled
from trigml.backends.hls.options import HlsBackend, HlsOptions, IoType, Strategy
from trigml.backends.hls.passes import port_layers, with_padding_apart
from trigml.backends.hls.preflight import NoExactProject, backend_problems
from trigml.errors import ToolFailed
from trigml.fixedpoint import FixedPoint, IntArray
from trigml.graph import Graph
from trigml.project import PROJECT_FILE, Project

_RESOURCE_ONLY = (HlsBackend.QUARTUS, HlsBackend.ONEAPI)


@dataclass(frozen=True)
class HlsProject(Project):
    """An HLS project in memory.

    Attributes:
        options: what it was made for.
        layers: its layers, with the graph's tensors that they yield.
        notes: where hls4ml departed from the options (a reuse factor it had to change).
    """

    options: HlsOptions
    layers: tuple[HlsLayer, ...]
    notes: tuple[str, ...]


def hls_project(
    graph: Graph,
    options: HlsOptions,
    *,
    vectors: tuple[IntArray, IntArray] | None = None,
) -> HlsProject:
    """The hls4ml project of a graph.

    Args:
        graph: a checked graph.
        options: backend, part, clock and the rest.
        vectors: input and output words (events, n) for the project's own C testbench.

    Raises:
        NoExactProject: the backend cannot compute the graph exactly; all the reasons.
        ToolFailed: hls4ml failed, or changed a precision that the graph demands.
    """
    if problems := backend_problems(graph, options):
        raise NoExactProject(graph, options, problems)
    return write_layers(graph, hls_layers(graph), options, vectors=vectors)


def write_layers(
    graph: Graph,
    layers: Sequence[HlsLayer],
    options: HlsOptions,
    *,
    vectors: tuple[IntArray, IntArray] | None = None,
) -> HlsProject:
    """Like ``hls_project`` for given layers (tests plant wrong precisions here)."""
    if options.io is IoType.STREAM:
        layers = with_padding_apart(layers)
    with tempfile.TemporaryDirectory(prefix="trigml_hls_") as scratch:
        folder = Path(scratch) / "project"
        with hls4ml_calls(options.backend):
            from hls4ml.model.graph import ModelGraph

            register_kernels(options.backend)
            inputs, outputs = port_layers(layers, graph)
            model = ModelGraph.from_layer_list(
                _configuration(graph, layers, options, folder),
                [dict(layer.description) for layer in layers],
                inputs=inputs,
                outputs=outputs,
            )
            _check_precisions(model, layers)
            model.write()
        stamp = str(model.config.config.get("Stamp", ""))
        notes = _departures(model, layers, options)
        files = project_files(folder, stamp=stamp, replacement=f"g{graph.digest[:7]}")
        ports = Ports(_names(model.get_input_variables()), _names(model.get_output_variables()))
    files |= _own_files(graph, options, ports, vectors)
    return HlsProject(graph.name, files, options, tuple(layers), notes)


def _configuration(
    graph: Graph, layers: Sequence[HlsLayer], options: HlsOptions, folder: Path
) -> dict[str, Any]:
    from hls4ml.backends import get_backend

    backend = get_backend(options.backend.hls4ml_name)
    configuration: dict[str, Any] = backend.create_initial_config(
        part=options.part, clock_period=options.clock_ns, io_type=f"io_{options.io.value}"
    )
    model_options = {"ReuseFactor": options.reuse_factor, "Strategy": options.strategy.value.capitalize()}
    configuration |= {
        "OutputDir": str(folder),
        "ProjectName": graph.name,
        "Backend": options.backend.hls4ml_name,
        "HLSConfig": {
            "Model": {"Precision": {"default": spelled(graph.results[0].format)}, **model_options},
            "LayerName": {
                layer.name: {
                    "Precision": {what: spelled(format_) for what, format_ in layer.precisions.items()},
                    **model_options,
                }
                for layer in layers
            },
        },
    }
    configuration.setdefault("WriterConfig", {})["WriteTar"] = False
    return configuration


def _check_precisions(model: Any, layers: Sequence[HlsLayer]) -> None:
    """hls4ml's optimiser passes may merge layers or change types; the graph's types must have survived."""
    written = {node.name: node for node in model.get_layers()}
    for layer in layers:
        node = written.get(layer.name)
        if node is None:
            raise ToolFailed(
                "hls4ml removed a layer that the graph demands",
                where=f"layer {layer.name!r}",
                remedy="please report this model",
            )
        types = {"result": node.get_output_variable().type}
        types |= {
            what: node.get_attr("accum_t") if what == "accum" else node.weights[what].type
            for what in layer.precisions
            if what != "result"
        }
        for what, format_ in layer.precisions.items():
            found = _format_of(types[what].precision)
            if found != format_:
                raise ToolFailed(
                    "hls4ml changed a precision that the graph demands",
                    where=f"layer {layer.name!r}, {what}",
                    expected=str(format_),
                    found=str(found),
                )


def _names(variables: Sequence[Any]) -> tuple[str, ...]:
    return tuple(str(getattr(variable, "member_name", variable.name)) for variable in variables)


def _format_of(precision: Any) -> FixedPoint:
    return FixedPoint.parse(str(precision))


def _departures(model: Any, layers: Sequence[HlsLayer], options: HlsOptions) -> tuple[str, ...]:
    names = {layer.name for layer in layers if "accum" in layer.precisions}
    notes = [
        f"hls4ml uses reuse factor {factor} instead of {options.reuse_factor} in {node.name}"
        for node in model.get_layers()
        if node.name in names and (factor := int(node.get_attr("reuse_factor"))) != options.reuse_factor
    ]
    if options.strategy is not Strategy.RESOURCE and options.backend in _RESOURCE_ONLY:
        notes.append(
            f"hls4ml's {options.backend.value} backend has one strategy for dense layers, resource; "
            f"{options.strategy.value} has no effect"
        )
    return tuple(notes)


def _own_files(
    graph: Graph,
    options: HlsOptions,
    ports: Ports,
    vectors: tuple[IntArray, IntArray] | None,
) -> dict[str, bytes]:
    description = {
        "trigml": __version__,
        "hls4ml": version("hls4ml"),
        "top": graph.name,
        "graph": graph.digest,
        "options": options.to_json(),
    }
    files = {
        PROJECT_FILE: (json.dumps(description, indent=2) + "\n").encode(),
        "INTERFACE.md": interface_document(graph, options, ports).encode(),
    }
    for operation, contract in zip(graph.inputs, graph.contracts, strict=True):
        name = "contract.json" if len(graph.inputs) == 1 else f"contract_{operation.name}.json"
        files[name] = (json.dumps(contract.to_json(), indent=2) + "\n").encode()
    if vectors is not None:
        inputs, outputs = vectors
        files["tb_data/tb_input_features.dat"] = _vector_lines(inputs, graph.input_fractions)
        files["tb_data/tb_output_predictions.dat"] = _vector_lines(outputs, graph.output_fractions)
    return files


def _vector_lines(words: IntArray, fractions: NDArray[np.int32]) -> bytes:
    """One event a line, port after port, exact decimal values, as hls4ml's testbench reads them."""
    values = np.ldexp(words.astype(np.float64), -fractions)
    return "".join(" ".join(map(repr, event)) + "\n" for event in values.tolist()).encode()
