"""``HlsLayer``: what hls4ml is told about one layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trigml.backends.hls.kernels import Kernel
from trigml.fixedpoint import FixedPoint, to_values


@dataclass(frozen=True)
class HlsLayer:
    """One hls4ml layer.

    Attributes:
        name: hls4ml's name of the layer.
        tensor: the graph's tensor that the layer yields; empty for a step on the way to one.
        description: the dictionary that hls4ml reads.
        precisions: ``result``; ``accum`` for product sums; ``weight`` and ``bias`` where there are some.
        is_copy: the layer repeats a tensor that others read, too, for an output port.
    """

    name: str
    tensor: str
    description: dict[str, Any]
    precisions: dict[str, FixedPoint]
    is_copy: bool = False

    @property
    def inputs(self) -> list[str]:
        """Names of the layers that it reads."""
        return list(self.description.get("inputs", ()))


def kernel_layer(
    name: str,
    tensor: str,
    kernel: Kernel,
    *,
    inputs: Sequence[str],
    shape: Sequence[int],
    result: FixedPoint,
    is_copy: bool = False,
) -> HlsLayer:
    """A layer that one of trigml's own kernels computes."""
    precisions = {"result": result}
    constants: dict[str, Any] = {}
    for what, (words, format_) in kernel.constants.items():
        precisions[what] = format_
        constants[f"{what}_data"] = to_values(words, format_.fraction)
    description = {
        "class_name": "TrigmlKernel",
        "name": name,
        "inputs": list(inputs),
        "out_shape": list(shape),
        "kernel": kernel,
        **constants,
    }
    return HlsLayer(name, tensor, description, precisions, is_copy)


def free_name(name: str, taken: set[str]) -> str:
    """The name, with underscores behind it until it is free; hls4ml looks names up without regard to case."""
    while name.lower() in taken:
        name += "_"
    return name
