"""From a design to the terms that its figures are sums of: each term a number times a fitted coefficient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from trigml.estimation.design import Design, Schedule
from trigml.estimation.work import Delay, Kind


class Quantity(StrEnum):
    """What is estimated with fitted coefficients."""

    LUT = "LUT"
    FF = "FF"
    LATENCY = "latency"
    PERIOD = "estimated clock period"


class Term(StrEnum):
    """What a coefficient stands for."""

    DESIGN = "per design"
    DSP_PRODUCT = "per product with DSP blocks"
    ADDER_BIT = "per bit of an adder"
    ODD_ADDER = "per adder without a partner"
    COMPARATOR_BIT = "per bit of a comparison and choice"
    ELU = "per word of an ELU table"
    STREAM_ELU = "per word of an ELU table between streams"
    SIGMOID = "per word of a sigmoid table"
    STREAM_SIGMOID = "per word of a sigmoid table between streams"
    DIVISION = "per word divided by a variable"
    STREAM_BIT = "per bit of a stream"
    STREAM_WORD = "per word of a stream"
    INPUT_BIT = "per bit of the input"
    PLACE_BIT = "per bit of a window and place"
    WINDOW_BIT = "per bit of a window that moves over a stream"
    TABLE_LAYER = "per layer of tables"
    DIVIDED_LAYER = "per layer with divisions"
    STREAM_LAYER = "per layer between streams"
    PLACES_LAYER = "per layer that visits places in turn"
    PRODUCT_DELAY = "per product"
    ADDER_DELAY = "per adder"
    COMPARATOR_DELAY = "per comparison and choice"


@dataclass(frozen=True)
class Row:
    """A figure as ``fixed + sum of terms × coefficients``.

    Attributes:
        terms: the terms that are not zero.
        fixed: what needs no coefficient.
    """

    terms: Mapping[Term, float]
    fixed: float = 0.0


def lut_row(design: Design) -> Row:
    """Look-up tables."""
    works = design.works
    return _row(
        {
            Term.DESIGN: 1.0,
            Term.DSP_PRODUCT: sum(w.dsp_products for w in works),
            Term.ADDER_BIT: sum(w.adder_bits for w in works),
            Term.ODD_ADDER: sum(w.odd_adders for w in works),
            Term.COMPARATOR_BIT: sum(w.comparator_bits for w in works),
            Term.DIVISION: sum(w.divisions for w in works),
            **_tables(design),
            **_streams(design),
            **_windows(design),
        }
    )


def ff_row(design: Design, cut: Schedule) -> Row:
    """Flip-flops; the registers between clock cycles are counted, not fitted."""
    return _row(
        {
            Term.DESIGN: 1.0,
            Term.INPUT_BIT: 0.0 if design.is_stream or visits_places(design) else design.input_bits,
            Term.DIVISION: sum(w.divisions for w in design.works),
            **_tables(design),
            **_streams(design),
            **_windows(design),
        },
        cut.register_bits,
    )


def latency_row(design: Design, cut: Schedule) -> Row:
    """Cycles from input to output."""
    works = design.works
    visits = [w.places for w in works if w.places > 1]
    return _row(
        {
            Term.TABLE_LAYER: sum(w.lookups > 0 for w in works),
            Term.DIVIDED_LAYER: sum(w.divisions > 0 for w in works),
            Term.STREAM_LAYER: len(works) if design.is_stream else 0,
            Term.PLACES_LAYER: len(visits),
        },
        cut.cycles + (max(visits) if design.is_stream and visits else sum(visits)),
    )


def period_row(design: Design) -> Row:
    """ns of the operators that follow each other, in a design without registers."""
    levels = [level.delay for work in design.works for level in work.levels]
    return _row(
        {
            Term.PRODUCT_DELAY: levels.count(Delay.PRODUCT),
            Term.ADDER_DELAY: levels.count(Delay.ADDER),
            Term.COMPARATOR_DELAY: levels.count(Delay.COMPARATOR),
        }
    )


DELAY_TERMS = {
    Delay.PRODUCT: Term.PRODUCT_DELAY,
    Delay.ADDER: Term.ADDER_DELAY,
    Delay.COMPARATOR: Term.COMPARATOR_DELAY,
}
"""The coefficient that is an operator's delay."""


def visits_places(design: Design) -> bool:
    """Whether logic is used for one place of an image after the other."""
    return any(work.places > 1 for work in design.works)


def _tables(design: Design) -> dict[Term, float]:
    elu, sigmoid = (Term.STREAM_ELU, Term.STREAM_SIGMOID) if design.is_stream else (Term.ELU, Term.SIGMOID)
    return {
        elu: sum(w.lookups for w in design.works if w.kind is Kind.ELU),
        sigmoid: sum(w.lookups for w in design.works if w.kind is Kind.SIGMOID),
    }


def _streams(design: Design) -> dict[Term, float]:
    """Streams carry one place at a time: Vitis HLS all its words in one FIFO, Vivado HLS each in its own."""
    if not design.is_stream:
        return {}
    packets = [(w.words_out / w.places, w.bits_out) for w in design.works]
    if design.generation.is_vitis:
        return {Term.STREAM_BIT: sum(words * bits for words, bits in packets)}
    return {Term.STREAM_WORD: sum(words for words, _ in packets)}


def _windows(design: Design) -> dict[Term, float]:
    if design.is_stream:
        return {Term.WINDOW_BIT: sum(w.window_bits for w in design.works)}
    return {Term.PLACE_BIT: sum(w.window_bits * w.places for w in design.works if w.places > 1)}


def _row(terms: Mapping[Term, float], fixed: float = 0.0) -> Row:
    return Row({term: float(value) for term, value in terms.items() if value}, fixed)
