"""The ``target`` and ``budget`` sections of a spec: the device, and limits that firmware has to keep."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from trigml.spec.fields import Amount, Interval, Part, Section, Time
from trigml.spec.limits import AmountLimit, TimeLimit


class TargetSpec(Section):
    """The device and the defaults of ``trigml synth``."""

    backend: Literal["vitis", "vivado", "quartus", "catapult", "oneapi", "rtl"] = "vitis"
    part: Part = "xcvu13p-flga2577-2-e"
    clock_ns: Annotated[float, Field(ge=0.5, le=1000)] = 5.0
    io: Literal["parallel", "stream"] = "parallel"
    strategy: Literal["latency", "resource"] = "latency"
    reuse_factor: Annotated[int, Field(ge=1, le=1_000_000)] = 1


class ResourceBudgetSpec(Section):
    """Most cells of each kind: a number, or a share of the part or of one of its super logic regions."""

    LUT: Amount = None
    FF: Amount = None
    CARRY: Amount = None
    DSP: Amount = None
    BRAM18: Amount = None
    URAM: Amount = None
    ALM: Amount = None
    M20K: Amount = None

    @property
    def limits(self) -> dict[str, AmountLimit]:
        """Those that are given."""
        return {name: AmountLimit.parse(value) for name, value in self if value is not None}


class BudgetSpec(Section):
    """Limits that firmware has to keep; left out: not asked for."""

    latency: Time = None
    initiation_interval: Interval = None
    resources: ResourceBudgetSpec = ResourceBudgetSpec()
    part: Part | None = None

    @property
    def times(self) -> dict[str, TimeLimit]:
        """Limits of latency and initiation interval, as figures call them, where given."""
        given = {"latency": self.latency, "initiation interval": self.initiation_interval}
        return {name: TimeLimit.parse(text) for name, text in given.items() if text is not None}

    @property
    def asks(self) -> bool:
        """Whether there is any limit."""
        return bool(self.times or self.resources.limits)
