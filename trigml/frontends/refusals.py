"""Reasons for which a layer has no exact form, collected so that all of them are told at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from trigml.errors import BadInput

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reason:
    """What is wrong with a layer, why that cannot be exact, and the line to change."""

    what: str
    why: str
    remedy: str


class Refused(Exception):
    """A layer without an exact form; ``reasons`` has everything that is wrong with it."""

    def __init__(self, *reasons: Reason) -> None:
        super().__init__("; ".join(f"{reason.what} ({reason.remedy})" for reason in reasons))
        self.reasons = reasons


def refused(what: str, why: str, remedy: str) -> Refused:
    """A refusal for one reason."""
    return Refused(Reason(what, why, remedy))


@dataclass
class Reasons:
    """Collects the refusals of one layer."""

    found: list[Reason] = field(default_factory=list)

    def attempt(self, make: Callable[[], T]) -> T | None:
        """What ``make`` returns; ``None`` if it refuses."""
        try:
            return make()
        except Refused as error:
            self.found.extend(error.reasons)
            return None

    def expect(self, holds: bool, what: str, why: str, remedy: str) -> None:
        """Collect a reason if something does not hold."""
        if not holds:
            self.found.append(Reason(what, why, remedy))

    def raise_any(self) -> None:
        """Refuse the layer if there is a reason to."""
        if self.found:
            raise Refused(*self.found)


def reason_of(error: BadInput) -> Reason:
    """An error of the graph builder as a reason."""
    what = error.problem if error.found is None else f"{error.problem}: {error.found}"
    why = "" if error.expected is None else f"expected {error.expected}"
    return Reason(what, why, error.remedy or "change the layer")
