"""What a report has to be of: the same top level, part and clock as the project, or it is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from trigml.errors import BadInput

CLOCK_DIGITS_NS = 0.006
"""Reports round the clock period; the coarsest (csynth) to 0.01 ns."""


@dataclass(frozen=True)
class Expected:
    """The project that a report has to be of.

    Attributes:
        top: name of the top level.
        part: FPGA part, ``None`` if it is not known.
        clock_ns: requested clock period, ``None`` if it is not known.
    """

    top: str
    part: str | None = None
    clock_ns: float | None = None

    def require_top(self, path: Path, found: str) -> None:
        """Refuse a report of another top level (BadInput)."""
        if found != self.top:
            raise _other("the vendor report is of another project", path, self.top, found)

    def require_part(self, path: Path, found: str) -> None:
        """Refuse a report of another part (BadInput); the tools spell one part in several ways."""
        if self.part is not None and not same_part(self.part, found):
            raise _other("the vendor report is of another part", path, self.part, found)

    def require_clock(self, path: Path, found_ns: float) -> None:
        """Refuse a report for another clock (BadInput)."""
        if self.clock_ns is not None and abs(found_ns - self.clock_ns) > CLOCK_DIGITS_NS:
            raise _other(
                "the vendor report is for another clock", path, f"{self.clock_ns:g} ns", f"{found_ns:g} ns"
            )


def same_part(first: str, second: str) -> bool:
    """Whether two names mean one part.

    Vivado names ``xcu250-figd2104-2L-e`` also ``xcu250figd2104-2L`` (utilisation) and ``u250-figd2104``
    (timing): device and package have to agree, and the speed and temperature grades as far as both give them.
    """
    one, other = _pieces(first), _pieces(second)
    return all(a == b for a, b in zip(one, other, strict=False))


def _pieces(part: str) -> tuple[str, ...]:
    """Device with package, speed grade, temperature grade."""
    device, *rest = re.sub(r"[\s_]", "", part.lower()).split("-")
    if rest and re.match(r"[a-z]{2}", rest[0]):
        device += rest.pop(0)
    return (re.sub(r"^x[caq](?=.)", "", device), *rest)


def _other(problem: str, path: Path, expected: str, found: str) -> BadInput:
    return BadInput(
        problem,
        where=str(path),
        expected=expected,
        found=found,
        remedy="run the vendor's tool in this project, or remove the report",
    )
