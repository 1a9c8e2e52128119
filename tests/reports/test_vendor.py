"""Figures of tier vendor come from the report in the project folder, or not at all."""

from pathlib import Path

import pytest

from trigml.errors import BadInput
from trigml.reports.figures import Tier
from trigml.reports.vendor import BY_HAND, vendor_figures

REPORT = """<profile>
  <ReportVersion><Version>2024.1</Version></ReportVersion>
  <UserAssignments>
    <ProductFamily>virtexuplus</ProductFamily><Part>xcvu9p-flga2104-2-e</Part>
    <TopModelName>net</TopModelName><TargetClockPeriod>4.00</TargetClockPeriod>
  </UserAssignments>
  <PerformanceEstimates>
    <SummaryOfTimingAnalysis><EstimatedClockPeriod>ESTIMATED</EstimatedClockPeriod></SummaryOfTimingAnalysis>
    <SummaryOfOverallLatency>
      <Worst-caseLatency>10</Worst-caseLatency><Interval-max>1</Interval-max>
    </SummaryOfOverallLatency>
  </PerformanceEstimates>
  <AreaEstimates><Resources><FF>7</FF><LUT>1234</LUT><DSP>0</DSP><BRAM_18K>2</BRAM_18K></Resources></AreaEstimates>
</profile>
"""


def project_with(folder: Path, estimated: str) -> Path:
    path = folder / "net_prj" / "solution1" / "syn" / "report" / "net_csynth.xml"
    path.parent.mkdir(parents=True)
    path.write_text(REPORT.replace("ESTIMATED", estimated))
    return folder


@pytest.mark.parametrize("estimated", ["3.9", "4", "4.1"])
def test_vendor_rows(tmp_path: Path, estimated: str) -> None:
    """Protects the rows: part and clock of the report, its stage, and a caution if the clock is missed."""
    rows = vendor_figures(project_with(tmp_path, estimated), "net")
    assert [(row.metric, row.value, row.unit) for row in rows] == [
        ("LUT", 1234, ""),
        ("FF", 7, ""),
        ("DSP", 0, ""),
        ("BRAM18", 2, ""),
        ("latency", 10, "cycles"),
        ("latency", 40, "ns"),
        ("latency", 1.6, "BX"),
        ("initiation interval", 1, "cycles"),
        ("events per bunch crossing", 6, ""),
    ]
    for row in rows:
        assert (row.tier, row.part, row.clock_ns) == (Tier.VENDOR, "xcvu9p-flga2104-2-e", 4.0)
        assert row.tool_text == "Vitis HLS 2024.1"
        assert row.note.endswith(BY_HAND)
        if row.metric in ("LUT", "FF", "DSP", "BRAM18"):
            assert row.note.startswith("after HLS scheduling, before logic synthesis; ")
        if row.unit in ("ns", "BX"):
            assert "not verified" in row.note
            assert f"expects to reach {estimated} ns" in row.note


def test_no_vendor_tool_has_run(tmp_path: Path) -> None:
    """Protects projects without a report: no rows, no error."""
    assert vendor_figures(tmp_path, "net") == []


def test_a_broken_report_is_an_error(tmp_path: Path) -> None:
    """Protects against leaving a damaged report out in silence."""
    project = project_with(tmp_path, "3.9")
    path = project / "net_prj" / "solution1" / "syn" / "report" / "net_csynth.xml"
    path.write_text(REPORT[:300])
    with pytest.raises(BadInput, match="cannot be read"):
        vendor_figures(project, "net")
