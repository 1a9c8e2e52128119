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


@dataclass(frozen=True, slots=True)
class InputBits:
    """Bits of ``in_words`` that the core reads.

    Attributes:
        bus: the lowest of them in ``in_words``.
        core: where it goes in the core's packed input.
        count: how many.
    """

    bus: int
    core: int
    count: int


@dataclass(frozen=True, slots=True)
class OutputBits:
    """How a word of the contract is made of the core's packed output.

    Attributes:
        word: the word.
        zeros: its lowest bits that are always 0.
        core: lowest bit of the core's output in it.
        kept: how many bits it takes from there.
        above: bits above these, copies of ``sign``.
        sign: bit of the core's output, ``None``: always 0.
    """

    word: Word
    zeros: int
    core: int
    kept: int
    above: int
    sign: int | None


def core_inputs(words: Sequence[Word], precisions: Sequence[Any]) -> tuple[list[InputBits], int]:
    """What feeds the core's packed input, and its width; bits that the core does not read are left out.

    Args:
        words: of ``in_words``.
        precisions: alkaid's sign, integer and fractional bits of each of the core's inputs.
    """
    wires, at = [], 0
    for word, (signed, integer, fraction) in zip(words, precisions, strict=True):
        width = int(signed) + integer + fraction
        if width > 0:
            wires.append(InputBits(word.low + word.format.fraction - fraction, at, width))
            at += width
    return wires, at


def core_outputs(words: Sequence[Word], precisions: Sequence[Any]) -> tuple[list[OutputBits], int]:
    """What makes the words of the contract from the core's packed output, and its width.

    alkaid's own ranges may be wider or narrower than the graph's: a word is extended by its sign, or loses
    bits above that the graph proves to be copies of the sign.
    """
    wires, at = [], 0
    for word, (signed, integer, fraction) in zip(words, precisions, strict=True):
        width = max(0, int(signed) + integer + fraction)
        zeros = word.format.fraction - fraction if width else 0
        kept = max(0, min(width, word.format.width - zeros))
        zeros = min(zeros, word.format.width)
        sign = at + width - 1 if signed and width else None
        wires.append(OutputBits(word, zeros, at, kept, word.format.width - zeros - kept, sign))
        at += width
    return wires, at
