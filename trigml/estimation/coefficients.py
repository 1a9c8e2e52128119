"""The fitted coefficients: per term and tool, with the mean over the tools for those that have no report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trigml.estimation.design import Generation
from trigml.estimation.features import Row, Term


@dataclass(frozen=True)
class Coefficients:
    """Of one quantity.

    Attributes:
        pooled: per term, over all tools.
        own: per tool and term, where that tool's reports have the term.
    """

    pooled: Mapping[Term, float]
    own: Mapping[Generation, Mapping[Term, float]]

    def of(self, term: Term, generation: Generation) -> float | None:
        """The coefficient of a term for a tool; ``None`` if no report has the term."""
        return self.own.get(generation, {}).get(term, self.pooled.get(term))

    def missing(self, row: Row) -> tuple[Term, ...]:
        """The terms that no report has."""
        return tuple(term for term in row.terms if term not in self.pooled)

    def value(self, row: Row, generation: Generation) -> float | None:
        """The figure; ``None`` if a term has no coefficient."""
        total = row.fixed
        for term, amount in row.terms.items():
            coefficient = self.of(term, generation)
            if coefficient is None:
                return None
            total += coefficient * amount
        return total

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, rounded to five significant digits."""
        return {
            "any tool": _terms_json(self.pooled),
            **{generation.value: _terms_json(terms) for generation, terms in self.own.items()},
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Mapping[str, float]]) -> Coefficients:
        """Read what ``to_json`` wrote."""
        own = {Generation(name): _terms_of(terms) for name, terms in content.items() if name != "any tool"}
        return cls(_terms_of(content["any tool"]), own)


def _terms_json(terms: Mapping[Term, float]) -> dict[str, float]:
    return {term.value: float(f"{value:.5g}") for term, value in terms.items()}


def _terms_of(content: Mapping[str, float]) -> dict[Term, float]:
    return {Term(name): value for name, value in content.items()}
