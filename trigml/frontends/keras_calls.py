"""A Keras model as the calls of its layers, in the order in which they are computed.

A layer that is used twice makes two calls. Models inside of a model are unrolled into their layers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from trigml.frontends.names import identifier
from trigml.frontends.refusals import refused
from trigml.graph.shapes import Shape
from trigml.legacy_keras import load


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a layer.

    Attributes:
        layer: the Keras layer.
        name: a C++ identifier, made of the layer's name, distinct for a second call.
        inputs: keys of the tensors that are read, in the order of the arguments.
        outputs: keys of the tensors that are made.
        shapes: their shapes, without the event axis; ``None`` for a length that is not known.
        node: Keras' record of the call.
    """

    layer: Any
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    shapes: tuple[tuple[int | None, ...], ...]
    node: Any

    @property
    def kind(self) -> str:
        """Class of the layer."""
        return type(self.layer).__name__

    @property
    def shape(self) -> Shape:
        """Shape of the first result; lengths that are not known are 1."""
        return tuple(n or 1 for n in self.shapes[0]) or (1,)

    def arguments(self, value: Callable[[int], Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of the call, with ``value(key)`` in the place of each tensor."""
        tensors: dict[str, list[Any]] = {}
        for tensor, key in zip(self.node.flat_input_ids, self.inputs, strict=True):
            tensors.setdefault(tensor, []).append(value(key))
        args, kwargs = self.node.map_arguments(tensors)
        return tuple(args), dict(kwargs)


@dataclass(frozen=True)
class Port:
    """An input of the model: key of its tensor, name and shape (``None`` for an unknown length)."""

    key: int
    name: str
    shape: tuple[int | None, ...]


@dataclass
class Network:
    """The calls of a model.

    Attributes:
        model: the Keras model.
        ports: its inputs.
        calls: in an order in which each call comes after those that it reads.
        outputs: keys of the model's outputs.
        shapes: per key, the shape of the tensor without the event axis.
    """

    model: Any
    ports: list[Port] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    shapes: dict[int, tuple[int | None, ...]] = field(default_factory=dict)
    _names: set[str] = field(default_factory=set)
    _keys: int = 0

    def readers(self, key: int) -> list[Call]:
        """The calls that read a tensor."""
        return [call for call in self.calls if key in call.inputs]

    def only_reader(self, key: int) -> Call | None:
        """The call that reads a tensor, if it is the only one and the tensor is no output."""
        readers = self.readers(key)
        return readers[0] if len(readers) == 1 and key not in self.outputs else None

    def fresh(self, name: str) -> str:
        """``name``, or with a number behind it if a layer bears it, too."""
        chosen, number = name, 0
        while chosen in self._names:
            number += 1
            chosen = f"{name}_{number}"
        self._names.add(chosen)
        return chosen

    def key(self, shape: Sequence[int | None]) -> int:
        """A new key."""
        self._keys += 1
        self.shapes[self._keys] = tuple(shape)
        return self._keys


def network_of(model: Any) -> Network:
    """The calls of a functional or Sequential model.

    Raises:
        Refused: a model that has no fixed structure yet.
    """
    if not getattr(model, "_is_graph_network", False) or not model.inputs or not model.outputs:
        raise refused(
            "the model has no inputs and outputs yet",
            "only a functional or Sequential model that knows its input shape has a fixed structure",
            "begin it with keras.Input(shape)",
        )
    network = Network(model)
    top = [identifier(layer.name) for layer in model.layers]
    network._names.update(top)
    for tensor, layer_name in zip(model.inputs, model.input_names, strict=True):
        shape = _shape(tensor)
        network.ports.append(Port(network.key(shape), identifier(layer_name), shape))
    keys = [port.key for port in network.ports]
    network.outputs = _unrolled(network, model, keys, outer="")
    return network


def _unrolled(network: Network, model: Any, inputs: Sequence[int], outer: str) -> list[int]:
    """Append the calls of a model; the keys of its outputs."""
    keys = {str(id(tensor)): key for tensor, key in zip(model.inputs, inputs, strict=True)}
    seen: dict[int, int] = {}
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            if node.is_input or not all(tensor in keys for tensor in node.flat_input_ids):
                continue
            read = [keys[tensor] for tensor in node.flat_input_ids]
            layer = node.layer
            uses = seen.get(id(layer), 0)
            seen[id(layer)] = uses + 1
            if isinstance(layer, load().keras.Model) and getattr(layer, "_is_graph_network", False):
                made = _unrolled(network, layer, read, outer=f"{outer}{identifier(layer.name)}_")
            else:
                made = _appended(network, node, read, outer, first=uses == 0)
            keys.update(zip(node.flat_output_ids, made, strict=True))
    return [keys[str(id(tensor))] for tensor in model.outputs]


def _appended(network: Network, node: Any, read: Sequence[int], outer: str, *, first: bool) -> list[int]:
    name = identifier(node.layer.name)
    if outer:
        name = network.fresh(name) if name not in network._names else network.fresh(f"{outer}{name}")
    elif not first:
        name = network.fresh(f"{name}_1")
    flat = load().tensorflow.nest.flatten(node.outputs)
    shapes = tuple(_shape(tensor) for tensor in flat)
    made = tuple(network.key(shape) for shape in shapes)
    network.calls.append(Call(node.layer, name, tuple(read), made, shapes, node))
    return list(made)


def _shape(tensor: Any) -> tuple[int | None, ...]:
    return tuple(None if n is None else int(n) for n in tensor.shape[1:])
