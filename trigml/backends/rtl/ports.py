"""The wires of the top level: which bit of which word goes where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trigml.fixedpoint import FixedPoint, IntArray
from trigml.graph import Graph, Operation
from trigml.graph.network import words_in


@dataclass(frozen=True)
class Word:
    """One word in a packed bus.

    Attributes:
        tensor: the graph's input or output that it belongs to.
        element: its index there, the last axis fastest.
        format: its format.
        low: its lowest bit in the bus.
    """

    tensor: str
    element: int
    format: FixedPoint
    low: int

    @property
    def bits(self) -> str:
        """Its bits in the bus, as Verilog writes them."""
        return f"{self.low + self.format.width - 1}:{self.low}"


def input_words(graph: Graph) -> list[Word]:
    """The words of ``in_words``, from bit 0 on."""
    return list(_packed(graph.inputs))


def output_words(graph: Graph) -> list[Word]:
    """The words of ``out_words``, from bit 0 on."""
    return list(_packed(graph.results))


def _packed(operations: Sequence[Operation]) -> Iterator[Word]:
    low = 0
    for operation in operations:
        for element in range(words_in(operation.shape)):
            yield Word(operation.name, element, operation.format, low)
            low += operation.format.width


def bus_width(words: Sequence[Word]) -> int:
    """Bits of a bus."""
    return words[-1].low + words[-1].format.width


def packed_bytes(rows: IntArray, words: Sequence[Word]) -> np.ndarray[Any, Any]:
    """Rows of words (events, n) as bytes of the bus, the least significant first: (events, bytes) uint8."""
    bits = np.zeros((len(rows), -(-bus_width(words) // 8) * 8), dtype=np.uint8)
    for column, word in enumerate(words):
        places = np.arange(word.format.width)
        bits[:, word.low : word.low + word.format.width] = (rows[:, column, None] >> places) & 1
    return np.packbits(bits, axis=1, bitorder="little")


def unpacked_words(buses: np.ndarray[Any, Any], words: Sequence[Word]) -> IntArray:
    """The inverse of ``packed_bytes``: (events, n) int64."""
    bits = np.unpackbits(buses, axis=1, bitorder="little")
    rows = np.zeros((len(buses), len(words)), dtype=np.int64)
    for column, word in enumerate(words):
        places = np.arange(word.format.width)
        value = (bits[:, word.low : word.low + word.format.width].astype(np.int64) << places).sum(axis=1)
        if word.format.signed:
            value -= (value >> (word.format.width - 1)) << word.format.width
        rows[:, column] = value
    return rows


def core_inputs(words: Sequence[Word], precisions: Sequence[Any]) -> tuple[list[str], int]:
    """Verilog that feeds the core's packed input, and its width; unused bits are left where they are.

    Args:
        words: of ``in_words``.
        precisions: alkaid's sign, integer and fractional bits of each of the core's inputs.
    """
    lines, at = [], 0
    for word, (signed, integer, fraction) in zip(words, precisions, strict=True):
        width = int(signed) + integer + fraction
        if width > 0:
            first = word.low + word.format.fraction - fraction
            lines.append(
                f"    assign core_in[{at + width - 1}:{at}] = in_words[{first + width - 1}:{first}];"
            )
            at += width
    return lines, at


def core_outputs(words: Sequence[Word], precisions: Sequence[Any]) -> tuple[list[str], int]:
    """Verilog that makes the words of the contract from the core's packed output, and its width.

    alkaid's own ranges may be wider or narrower than the graph's: a word is extended by its sign, or loses
    bits above that the graph proves to be copies of the sign.
    """
    lines, at = [], 0
    for word, (signed, integer, fraction) in zip(words, precisions, strict=True):
        width = int(signed) + integer + fraction
        zeros = word.format.fraction - fraction
        kept = max(0, min(width, word.format.width - zeros))
        above = word.format.width - zeros - kept
        parts = []
        if above > 0:
            sign = f"core_out[{at + width - 1}]" if signed and width else "1'b0"
            parts.append(f"{{{above}{{{sign}}}}}")
        if kept > 0:
            parts.append(f"core_out[{at + kept - 1}:{at}]")
        if zeros > 0:
            parts.append(f"{zeros}'b0" if kept or above else f"{word.format.width}'b0")
        lines.append(f"    assign out_words[{word.bits}] = {{{', '.join(parts)}}};")
        at += max(0, width)
    return lines, at
