"""QONNX file → graph, and the same network for qonnx's executor.

Quant nodes say where words are rounded; scales have to be powers of two. What options ask for (input
quantisers, rounded batch normalisation, quantisers for a plain ONNX model) is first written into the ONNX
graph, so that the graph and the executor read the same network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from trigml.contract import InputContract
from trigml.errors import BadInput
from trigml.frontends.names import identifier
from trigml.frontends.onnx.conversion import Port, converted, outputs_of, ports_of
from trigml.frontends.onnx.file import metadata_of, read_onnx
from trigml.frontends.onnx.post_training import quantise_model
from trigml.frontends.onnx.preparation import Preparation
from trigml.frontends.onnx.quantisers import same_words
from trigml.frontends.onnx.reader import Reader
from trigml.frontends.onnx.values import Known
from trigml.frontends.options import Conversion, ConversionOptions, Softmax, rounding_half_even
from trigml.frontends.quantizers_file import load_quantizers
from trigml.graph.float32 import where_float32_may_round
from trigml.problems import NoExactForm, Problem
from trigml.qonnx_model import IR_VERSION, Place, QonnxModel, constants_of

CONTRACTS = "trigml.input_contracts"
OUTPUT_LABELS = "trigml.output_labels"
DIGEST = "trigml.graph_digest"


@dataclass(frozen=True)
class QonnxConversion:
    """A QONNX file as an exact graph.

    Attributes:
        model: the graph, and the network as qonnx's executor runs it.
        notes: what was decided on the way, for people.
    """

    model: QonnxModel
    notes: tuple[str, ...]


def graph_from_qonnx(
    path: Path, options: ConversionOptions | None = None, quantizers: Path | None = None
) -> Conversion:
    """The integer network that a QONNX file describes.

    Raises:
        BadInput: the file cannot be read.
        NoExactForm: the model breaks rules; all of them are named.
    """
    conversion = qonnx_from_file(path, options, quantizers)
    return Conversion(conversion.model.graph, conversion.notes)


def problems_of_qonnx(
    path: Path, options: ConversionOptions | None = None, quantizers: Path | None = None
) -> list[Problem]:
    """The rules that a model breaks; empty if it has an exact form.

    Raises:
        BadInput: the file cannot be read.
    """
    try:
        qonnx_from_file(path, options, quantizers)
    except NoExactForm as error:
        return list(error.problems)
    return []


def qonnx_from_file(
    path: Path, options: ConversionOptions | None = None, quantizers: Path | None = None
) -> QonnxConversion:
    """Like ``graph_from_qonnx``, with what the executor needs.

    Args:
        path: the file.
        options: how to convert it.
        quantizers: formats for a plain ONNX model (post-training quantisation, docs/models.md).
    """
    options = options or ConversionOptions()
    proto = read_onnx(path)
    where = str(path)
    preparation = Preparation(proto, where)
    preparation.normalise_domains()
    if quantizers is not None:
        _, ports = ports_of(proto, where)
        quantise_model(preparation, load_quantizers(quantizers), ports, str(quantizers))
    contracts = _contracts(preparation, options)
    if options.batchnorm_type is not None:
        preparation.round_batchnorms(rounding_half_even(options.batchnorm_type))
    name = _own_name(proto) or options.name or identifier(path.stem)
    reader = converted(
        proto,
        contracts,
        name,
        where,
        softmax_tables=options.softmax is Softmax.TABLE,
        known_problems=preparation.problems,
    )
    if reader.problems:
        raise NoExactForm(path.name, reader.problems)
    outputs = outputs_of(reader)
    labels = tuple(options.output_labels) or _labels(proto)
    graph = reader.graph.finish(outputs, ())
    if len(labels) == graph.n_out:
        graph = replace(graph, output_labels=labels).check()
    _, ports = ports_of(proto, where)
    may_round = where_float32_may_round(graph)
    model = QonnxModel(
        graph,
        _executable(reader, proto, ports),
        tuple(Place(port.name, tuple(range(len(port.shape)))) for port in ports),
        {key: place for key, place in reader.places.items() if key in reader.graph.operations},
        may_round,
    )
    notes = [*preparation.notes, *reader.notes]
    if may_round:
        notes.append(f"float32 may round in {', '.join(may_round)}: qonnx's executor may differ there")
    return QonnxConversion(model, tuple(notes))


def _contracts(preparation: Preparation, options: ConversionOptions) -> Sequence[InputContract] | None:
    """The input contracts; inputs get the quantisers that the options ask for."""
    proto, where = preparation.model, preparation.where
    _, ports = ports_of(proto, where)
    contracts = options.contracts if options.contracts is not None else _own_contracts(proto, where)
    if contracts is not None and len(contracts) != len(ports):
        raise BadInput(
            "the input contracts do not fit the inputs of the model",
            where=where,
            expected=f"{len(ports)} contracts",
            found=str(len(contracts)),
        )
    for index, port in enumerate(ports):
        wanted = options.input_format
        if wanted is None and contracts is not None:
            wanted = contracts[index].format
        if wanted is not None and (port.format is None or not same_words(wanted, port.format)):
            preparation.quantise_input(port, wanted)
    if options.contracts is None and options.input_format is not None and contracts is not None:
        return [replace(contract, format=options.input_format) for contract in contracts]
    return contracts


def _own_contracts(proto: Any, where: str) -> list[InputContract] | None:
    """The contracts that trigml wrote into a file."""
    content = metadata_of(proto).get(CONTRACTS)
    if content is None:
        return None
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
        raise BadInput("the input contract is damaged", where=f"{where}: {CONTRACTS}")
    return [InputContract.from_json(entry, where=f"{where}: {CONTRACTS}") for entry in content]


def _own_name(proto: Any) -> str | None:
    """The name of the graph if trigml wrote the file."""
    name = str(proto.graph.name)
    return name if DIGEST in metadata_of(proto) and name.isascii() and name.isidentifier() else None


def _labels(proto: Any) -> tuple[str, ...]:
    found = metadata_of(proto).get(OUTPUT_LABELS)
    return tuple(map(str, found)) if isinstance(found, list) else ()


def _executable(reader: Reader, proto: Any, ports: Sequence[Port]) -> Any:
    """The network as the executor runs it: each value with its shape, constants folded."""
    from onnx import helper, numpy_helper

    nodes = []
    for kept in reader.kept:
        node = type(kept)()
        node.CopyFrom(kept)
        node.input[:] = [reader.actual(name) for name in node.input]
        nodes.append(node)
    made = {name for node in nodes for name in node.output}
    constants = {name: value.array for name, value in reader.values.items() if isinstance(value, Known)}
    constants |= reader.constants
    read = dict.fromkeys(name for node in nodes for name in node.input if name and name not in made)
    initializers = {name: constants[name] for name in read if name in constants}
    outputs = dict.fromkeys(reader.actual(name) for name in reader.outputs)
    graph = helper.make_graph(
        nodes,
        reader.graph.name,
        [_described(reader, port.name) for port in ports],
        [_described(reader, name) for name in outputs],
        initializer=[
            numpy_helper.from_array(_in_single(array), name) for name, array in initializers.items()
        ],
    )
    model = helper.make_model(graph, opset_imports=list(proto.opset_import), ir_version=IR_VERSION)
    batched = made - constants_of(model)
    known = {port.name for port in ports} | set(outputs)
    shown = [name for name in (*initializers, *made) if name not in known]
    model.graph.value_info.extend(
        _described(reader, name)
        if name in batched
        else helper.make_tensor_value_info(name, _type_of(constants[name]), constants[name].shape)
        for name in sorted(shown)
    )
    return model


def _in_single(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.asarray(array, dtype=np.float32) if array.dtype.kind == "f" else array


def _type_of(array: np.ndarray[Any, Any]) -> int:
    from onnx import helper

    return int(helper.np_dtype_to_tensor_dtype(_in_single(array).dtype))


def _described(reader: Reader, name: str) -> Any:
    from onnx import TensorProto, helper

    kind = TensorProto.INT64 if name in reader.integers else TensorProto.FLOAT
    return helper.make_tensor_value_info(name, kind, (1, *reader.shapes[name]))
