"""What can be chosen for an RTL project."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from trigml.backends.languages import Language
from trigml.backends.part_names import require_part_name
from trigml.errors import BadInput


@dataclass(frozen=True, slots=True)
class RtlOptions:
    """Choices for one RTL project.

    Attributes:
        part: FPGA part, for the vendor's scripts.
        clock_ns: requested clock period in ns.
        language: of the design and of its testbench.
        stages: number of pipeline stages; ``None``: as many as alkaid's delay model needs for the clock.
    """

    part: str
    clock_ns: float
    language: Language = Language.VERILOG
    stages: int | None = None

    def __post_init__(self) -> None:
        require_part_name(self.part)
        if not 0.5 <= self.clock_ns <= 1000:
            raise BadInput(
                "the clock period is out of range", expected="0.5 to 1000 ns", found=f"{self.clock_ns} ns"
            )
        if self.stages is not None and not 1 <= self.stages <= 200:
            raise BadInput(
                "the number of pipeline stages is out of range", expected="1 to 200", found=str(self.stages)
            )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)
