"""What can be chosen for an HLS project."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from trigml.backends.part_names import require_part_name
from trigml.errors import BadInput


class HlsBackend(StrEnum):
    """The backends of hls4ml that trigml writes projects for."""

    VITIS = "vitis"
    VIVADO = "vivado"
    QUARTUS = "quartus"
    CATAPULT = "catapult"
    ONEAPI = "oneapi"

    @property
    def hls4ml_name(self) -> str:
        """The name under which hls4ml knows the backend."""
        return {"vitis": "Vitis", "vivado": "Vivado", "quartus": "Quartus", "catapult": "Catapult"}.get(
            self.value, "oneAPI"
        )

    @property
    def default_part(self) -> str:
        """The part used when none is given."""
        if self is HlsBackend.QUARTUS:
            return "Arria10"
        return "Agilex7" if self is HlsBackend.ONEAPI else "xcvu13p-flga2577-2-e"

    @property
    def emulates_with_gxx(self) -> bool:
        """Whether the project's C++ compiles with plain g++ (oneAPI needs Intel's compiler)."""
        return self is not HlsBackend.ONEAPI


class IoType(StrEnum):
    """How data moves between layers."""

    PARALLEL = "parallel"
    STREAM = "stream"


class Strategy(StrEnum):
    """How hls4ml implements the products of a dense layer."""

    LATENCY = "latency"
    RESOURCE = "resource"


@dataclass(frozen=True, slots=True)
class HlsOptions:
    """Choices for one HLS project.

    Attributes:
        backend: which HLS tool the project is for.
        part: FPGA part or family, in the spelling of that tool.
        clock_ns: requested clock period in ns.
        io: parallel or stream.
        strategy: latency or resource.
        reuse_factor: how many products share one multiplier.
    """

    backend: HlsBackend
    part: str
    clock_ns: float
    io: IoType = IoType.PARALLEL
    strategy: Strategy = Strategy.LATENCY
    reuse_factor: int = 1

    def __post_init__(self) -> None:
        require_part_name(self.part)
        if not 0.5 <= self.clock_ns <= 1000:
            raise BadInput(
                "the clock period is out of range", expected="0.5 to 1000 ns", found=f"{self.clock_ns} ns"
            )
        if self.reuse_factor < 1:
            raise BadInput(
                "the reuse factor is out of range", expected="1 or more", found=str(self.reuse_factor)
            )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)


def options_from(
    backend: str, *, part: str | None, clock_ns: float, io: str, strategy: str, reuse_factor: int
) -> HlsOptions:
    """Options from their names, as a spec or the command line gives them; ``part`` may be left out."""
    chosen = HlsBackend(backend)
    return HlsOptions(
        chosen, part or chosen.default_part, clock_ns, IoType(io), Strategy(strategy), reuse_factor
    )
