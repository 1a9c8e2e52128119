"""The graph on disk: ``graph.json`` for people and machines, ``graph_weights.npz`` for the words.

The JSON carries the digest over both, so that a changed or damaged file is refused on loading.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from trigml.atomic import replacing_file, write_json
from trigml.contract import InputContract
from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint
from trigml.graph.network import Graph, arrays, describe
from trigml.graph.operations import KINDS, Operation
from trigml.npz import UNREADABLE, read_arrays

GRAPH_VERSION = 2
_OPERATIONS: Mapping[str, type[Operation]] = {kind.__name__: kind for kind in KINDS}


def save_graph(graph: Graph, folder: Path) -> None:
    """Write ``graph.json`` and ``graph_weights.npz`` into ``folder``."""
    weights = {
        f"{operation.name}.{name}": array
        for operation in graph.operations
        for name, array in arrays(operation).items()
    }
    with replacing_file(folder / "graph_weights.npz") as beside:
        np.savez(beside, allow_pickle=False, **weights)
    write_json(
        folder / "graph.json",
        {"trigml_graph": GRAPH_VERSION, "digest": graph.digest} | describe(graph),
    )


def load_graph(folder: Path) -> Graph:
    """Read what ``save_graph`` wrote, check its invariants and its digest.

    Raises:
        BadInput: a file is missing, damaged, changed, or made by a newer trigml.
    """
    path = folder / "graph.json"
    content = _read_json(path)
    if content.get("trigml_graph") != GRAPH_VERSION:
        raise BadInput(
            "this graph was written in another version of the graph format",
            where=str(path),
            expected=str(GRAPH_VERSION),
            found=str(content.get("trigml_graph")),
            remedy="use the trigml that wrote it, or train again",
        )
    words = _read_arrays(folder / "graph_weights.npz")
    try:
        graph = _assembled(content, words)
        if graph.digest != content["digest"]:
            raise BadInput(
                "the graph is not the one that was saved: its digest differs",
                where=str(folder),
                expected=str(content["digest"]),
                found=graph.digest,
                remedy="restore graph.json and graph_weights.npz, or train again",
            )
        return graph.check()
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        raise BadInput(
            "the graph file is damaged", where=str(path), found=f"{type(error).__name__}: {error}"
        ) from error


def _assembled(content: Mapping[str, Any], words: Mapping[str, np.ndarray[Any, Any]]) -> Graph:
    return Graph(
        name=str(content["name"]),
        operations=tuple(_operation(entry, words) for entry in content["operations"]),
        outputs=tuple(content["outputs"]),
        contracts=tuple(InputContract.from_json(entry, where="graph.json") for entry in content["contracts"]),
        output_labels=tuple(content["output_labels"]),
    )


def _operation(entry: Mapping[str, Any], words: Mapping[str, np.ndarray[Any, Any]]) -> Operation:
    kind = _OPERATIONS[entry["operation"]]
    values: dict[str, Any] = {}
    for field in fields(kind):
        name = field.name
        if name not in entry:
            values[name] = words[f"{entry['name']}.{name}"].astype(np.int64, casting="safe")
        elif name.endswith("format"):
            values[name] = FixedPoint.parse(entry[name])
        else:
            values[name] = _tuples(entry[name])
    return kind(**values)


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadInput("there is no graph here", expected=str(path)) from error
    except (OSError, ValueError) as error:
        raise BadInput("the graph file is damaged", where=str(path), found=str(error)) from error
    if not isinstance(content, dict):
        raise BadInput("the graph file is damaged", where=str(path), expected="a JSON object")
    return content


def _read_arrays(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    try:
        return read_arrays(path)
    except UNREADABLE as error:
        raise BadInput("the graph's weights cannot be read", where=str(path), found=str(error)) from error
