"""Reading the reports of Intel's HLS compiler (``i++``): data for its web page, in JavaScript.

They stand in ``<top>-fpga.prj/reports/lib``: the scheduler's estimate of the area always, latency and
interval after the simulation, the fitter's counts after a compilation with Quartus. Each file holds
statements ``var name={…};`` whose right side is JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trigml.toolchains.vendor.report_text import ReportText, read_text

_AREA = ("ALUT", "FF", "RAM", "DSP", "MLAB")
"""Order of the totals; the last has no column of its own in the table of the page."""

_FITTED: Mapping[str, str] = {"ALM": "alm", "FF": "reg", "DSP": "dsp", "M20K": "ram"}


@dataclass(frozen=True)
class IntelArea:
    """What the HLS compiler expects a design to use.

    Attributes:
        version: of the compiler, empty if the report does not give it.
        resources: ALUT, FF, RAM (blocks), DSP, MLAB.
    """

    version: str
    resources: Mapping[str, int]


@dataclass(frozen=True)
class IntelLatency:
    """What the compiler's own simulation measured, of the top function.

    Attributes:
        latency_cycles: the longest.
        interval_cycles: the longest.
    """

    latency_cycles: int
    interval_cycles: int


@dataclass(frozen=True)
class IntelFit:
    """What Quartus made of the generated design.

    Attributes:
        resources: ALM, FF, DSP, M20K (block RAMs).
        fmax_mhz: highest clock rate.
    """

    resources: Mapping[str, int]
    fmax_mhz: float


def read_intel_area(path: Path) -> IntelArea:
    """Read ``report_data.js``.

    Raises:
        BadInput: it is truncated, or lacks a figure.
    """
    report = read_text(path)
    total = _entry(report, _variable(report, "areaJSON"), "total")
    if not isinstance(total, list) or len(total) != len(_AREA):
        raise report.lacks("five totals in areaJSON")
    counts = (report.whole(_text(number), name) for name, number in zip(_AREA, total, strict=True))
    version = re.search(r"(\d+\.\d+(?:\.\d+)?) Build \d+", report.text)
    return IntelArea(version[1] if version else "", dict(zip(_AREA, counts, strict=True)))


def read_intel_latency(path: Path) -> IntelLatency | None:
    """Read ``verification_data.js``; ``None`` if the simulation has not run (the file is empty then).

    Raises:
        BadInput: it is truncated, of more than one function, or lacks a figure.
    """
    report = read_text(path)
    content = _variable(report, "verifJSON")
    if content == {}:
        return None
    functions = _entry(report, content, "functions")
    if not isinstance(functions, list) or len(functions) != 1:
        raise report.lacks("the entry of one function")
    data = _entry(report, functions[0], "data")
    if not isinstance(data, list) or len(data) < 3:
        raise report.lacks("number of calls, latency and interval")
    return IntelLatency(_longest(report, data[1], "latency"), _longest(report, data[2], "interval"))


def read_intel_fit(path: Path) -> IntelFit | None:
    """Read ``quartus_data.js``; ``None`` if Quartus has not run (its figures are ``TBD``).

    Raises:
        BadInput: it is truncated, or lacks a figure.
    """
    report = read_text(path)
    content = _variable(report, "quartusJSON")
    clock = _last_node(report, content, "quartusFitClockSummary", 0).get("clock")
    if clock == "TBD":
        return None
    used = _last_node(report, content, "quartusFitResourceUsageSummary", -1)
    return IntelFit(
        {name: _rounded(report, used.get(key), name) for name, key in _FITTED.items()},
        report.number(_text(clock), "the clock rate"),
    )


def _variable(report: ReportText, name: str) -> Any:
    found = re.search(rf"\bvar\s+{name}\s*=\s*", report.text)
    if found is None:
        raise report.lacks(f"the variable {name}")
    try:
        return json.JSONDecoder().raw_decode(report.text, found.end())[0]
    except ValueError as error:
        raise report.lacks(f"the whole variable {name}", str(error)) from error


def _entry(report: ReportText, content: Any, name: str) -> Any:
    if not isinstance(content, dict) or name not in content:
        raise report.lacks(f"the entry {name!r}")
    return content[name]


def _last_node(report: ReportText, content: Any, name: str, position: int) -> dict[str, Any]:
    nodes = _entry(report, _entry(report, content, name), "nodes")
    if not isinstance(nodes, list) or not nodes or not isinstance(nodes[position], dict):
        raise report.lacks(f"the nodes of {name}")
    node: dict[str, Any] = nodes[position]
    return node


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) and value.is_integer() else str(value)


def _longest(report: ReportText, value: Any, what: str) -> int:
    """The second of ``shortest,longest,mean``."""
    parts = str(value).split(",")
    if len(parts) != 3:
        raise report.no_number(str(value), f"the {what}")
    return report.whole(parts[1], f"the {what}")


def _rounded(report: ReportText, value: Any, what: str) -> int:
    """ALMs are given with a fraction; a part of one is used whole."""
    number = report.number(_text(value), what)
    return int(-(-number // 1))
