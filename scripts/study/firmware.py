"""Latency and resources of the shipped networks: the figures of their RTL projects, each with its tier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from study.trainings import Place
from trigml.devices import load_devices
from trigml.reports.assessment import Assessment, assess
from trigml.reports.figures import Figure
from trigml.reports.terminal import percent
from trigml.reports.utilisation import utilisation

SHOWN = (("LUT", ""), ("FF", ""), ("DSP", ""), ("latency", "cycles"), ("latency", "ns"))
INTERVAL = ("initiation interval", "cycles")


@dataclass(frozen=True, slots=True)
class Firmware:
    """What a network takes as RTL.

    Attributes:
        network: its name.
        assessment: the report of its project, held against device and budget.
    """

    network: str
    assessment: Assessment

    def figure(self, metric: str, unit: str) -> Figure | None:
        """The most trustworthy figure of a quantity."""
        figures = self.assessment.report.figures
        return next((f for f in figures if (f.metric, f.unit) == (metric, unit)), None)

    @property
    def head(self) -> tuple[str, ...]:
        """Of the table."""
        names = [f"{metric}, {unit}" if unit else metric for metric, unit in (*SHOWN, INTERVAL)]
        return ("network", *names, f"LUT of {self.assessment.report.options.part}", "budget")

    @property
    def cells(self) -> tuple[str, ...]:
        """A row of the table, each figure with its tier."""
        found = [self.figure(*wanted) for wanted in (*SHOWN, INTERVAL)]
        texts = ["none" if one is None else f"{one.value:,.10g} ({one.tier})" for one in found]
        part = self.assessment.part
        used = () if part is None else utilisation(self.assessment.report.figures, part)
        share = next((percent(row.of_part) for row in used if row.figure.metric == "LUT"), "not known")
        budget = self.assessment.budget
        kept = "none" if budget is None else "BROKEN" if budget.broken else "kept"
        return (self.network, *texts, share, kept)

    def to_json(self) -> dict[str, Any]:
        """As plain values, without the place of the project."""
        content = self.assessment.to_json()
        return {"network": self.network} | {
            name: content[name] for name in ("figures", "utilisation", "budget", "bit_exact")
        }


def firmware_of(place: Place) -> Firmware | None:
    """The RTL of a network; ``None`` if there is none."""
    report = place.project()
    return None if report is None else Firmware(place.network.name, assess(report, load_devices(())))
