"""Figures of tier vendor come from the reports in the project folder, or not at all."""

import os
from pathlib import Path
from types import ModuleType

import pytest

from trigml.errors import BadInput
from trigml.reports.figures import Clock, Figure, Tier
from trigml.reports.vendor import BY_HAND, UNCHECKED, vendor_clock, vendor_figures

CSYNTH = "tagger_prj/solution1/syn/report/tagger_csynth.xml"
TEXT = CSYNTH.replace(".xml", ".rpt")


def place(project: Path, name: str, text: str) -> Path:
    """A report that somebody made by hand, newer than the project."""
    path = project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def rows_of(rows: list[Figure], metric: str) -> list[Figure]:
    return [row for row in rows if row.metric == metric]


@pytest.mark.parametrize("estimated", [3.9, 4, 4.1])
def test_rows_of_hls(tmp_path: Path, vendor_reports: ModuleType, estimated: float) -> None:
    """Protects the rows: part and clock of the report, its stage, and what the scheduler expects to reach."""
    figures = vendor_reports.Figures(clock_ns=4.0, latency=10, estimated_ns=estimated)
    place(tmp_path, CSYNTH, vendor_reports.csynth_xml(figures))
    rows = vendor_figures(tmp_path, "tagger")
    assert [(row.metric, row.value, row.unit) for row in rows] == [
        *(("LUT", 41203, ""), ("FF", 5612, ""), ("DSP", 37, ""), ("BRAM18", 5, ""), ("URAM", 0, "")),
        *(("latency", 10, "cycles"), ("latency", 40, "ns"), ("latency", 1.6, "BX")),
        *(("initiation interval", 1, "cycles"), ("events per bunch crossing", 6, "")),
    ]
    for row in rows:
        assert (row.tier, row.part, row.clock_ns) == (Tier.VENDOR, "xcvu13p-flga2577-2-e", 4.0)
        assert (row.tool_text, row.clock) == ("Vitis HLS 2023.1", Clock.REQUESTED)
        assert row.note.endswith(UNCHECKED)
        if row.unit == "":
            assert "after HLS scheduling, before logic synthesis" in row.note or "per bunch" in row.metric
        if row.unit in ("ns", "BX"):
            assert "not verified" in row.note
            assert f"expects to reach {estimated:g} ns" in row.note


def test_text_gives_the_same_rows_as_xml(tmp_path: Path, vendor_reports: ModuleType) -> None:
    """Protects projects of which only the text report was kept; with both, each row stands once."""
    figures = vendor_reports.Figures()
    place(tmp_path, CSYNTH, vendor_reports.csynth_xml(figures))
    from_xml = vendor_figures(tmp_path, "tagger")
    place(tmp_path, TEXT, vendor_reports.csynth_text(figures))
    assert vendor_figures(tmp_path, "tagger") == from_xml
    (tmp_path / CSYNTH).unlink()
    assert vendor_figures(tmp_path, "tagger") == from_xml


@pytest.fixture
def routed(tmp_path: Path, vendor_reports: ModuleType, vendor_stand_ins: ModuleType) -> Path:
    """An HLS project with the reports of all stages."""
    project = vendor_stand_ins.project(tmp_path / "project", "vitis")
    early, late = vendor_reports.Figures(), vendor_reports.Figures(lut=17000, setup_ns=0.25)
    place(project, CSYNTH, vendor_reports.csynth_xml(early))
    place(project, "reports/utilization_synth.rpt", vendor_reports.utilisation(early))
    place(project, "reports/timing_synth.rpt", vendor_reports.timing(early))
    place(project, "reports/utilization_route.rpt", vendor_reports.utilisation(late, "Routed"))
    place(project, "reports/timing_route.rpt", vendor_reports.timing(late))
    place(project, "reports/power_route.rpt", vendor_reports.power(late))
    assert isinstance(project, Path)
    return project


def test_the_latest_stage_comes_first(routed: Path) -> None:
    """Protects whoever takes the first row of a metric: routed before synthesised before scheduled."""
    rows = vendor_figures(routed, "tagger")
    luts = rows_of(rows, "LUT")
    assert [row.value for row in luts] == [17000, 41203, 41203]
    assert [row.note.split(";")[0] for row in luts] == [
        "after place and route, out of context",
        "after logic synthesis, out of context",
        "after HLS scheduling, before logic synthesis",
    ]
    assert [row.tool_text for row in luts] == ["Vivado 2023.1", "Vivado 2023.1", "Vitis HLS 2023.1"]
    assert {row.part for row in rows} == {"xcvu13p-flga2577-2-e"}
    assert all(row.note.endswith(BY_HAND) for row in rows)
    assert rows_of(rows, "CARRY")[0].note.split("; ")[1] == "CARRY8"


def test_nanoseconds_rest_on_the_timing_report(routed: Path, vendor_reports: ModuleType) -> None:
    """Protects the flag: met only after place and route, missed at any stage, else requested."""
    rows = vendor_figures(routed, "tagger")
    assert vendor_clock(rows) is Clock.MET
    fmax = rows_of(rows, "Fmax")
    assert [round(row.value, 2) for row in fmax] == [210.53, 217.96]
    assert [row.clock for row in fmax] == [Clock.MET, Clock.REQUESTED]
    assert "the wires are estimated, the requested clock is not verified" in fmax[1].note
    assert {row.clock for row in rows_of(rows, "LUT")} == {Clock.REQUESTED}  # cells hang on no clock
    (latency,) = (row for row in rows_of(rows, "latency") if row.unit == "ns")
    assert (latency.clock, latency.value) == (Clock.MET, 55)
    assert latency.note.startswith("cycles × clock, met in the vendor's timing report")
    assert "expects" not in latency.note
    missed = vendor_reports.Figures(setup_ns=-0.4)
    place(routed, "reports/timing_route.rpt", vendor_reports.timing(missed))
    rows = vendor_figures(routed, "tagger")
    assert vendor_clock(rows) is Clock.MISSED
    assert {row.clock for row in rows_of(rows, "latency")} == {Clock.MISSED}
    assert rows_of(rows, "worst slack")[0].value == -0.4
    (routed / "reports" / "timing_route.rpt").unlink()
    assert vendor_clock(vendor_figures(routed, "tagger")) is Clock.REQUESTED
    place(routed, "reports/timing_synth.rpt", vendor_reports.timing(missed))
    assert vendor_clock(vendor_figures(routed, "tagger")) is Clock.MISSED


def test_power_says_what_it_is_of(routed: Path, vendor_reports: ModuleType) -> None:
    """Protects the power row: that of the whole chip, with its parts, confidence and Vivado's remark."""
    (row,) = rows_of(vendor_figures(routed, "tagger"), "power")
    assert (row.value, row.unit) == (3.412, "W")
    assert "of the whole chip: dynamic 0.498 W, static 2.914 W; confidence Low" in row.note
    hot = vendor_reports.Figures(power_w="139.1 (Junction temp exceeded!)")
    place(routed, "reports/power_route.rpt", vendor_reports.power(hot))
    (row,) = rows_of(vendor_figures(routed, "tagger"), "power")
    assert "Junction temp exceeded!" in row.note


def test_synthesis_by_the_script_of_hls4ml(routed: Path, vendor_reports: ModuleType) -> None:
    """Protects reports of hls4ml's own script, which is not out of context: the pins are named."""
    for path in (routed / "reports").iterdir():
        path.unlink()
    figures = vendor_reports.Figures(pins=274)
    place(routed, "vivado_synth.rpt", vendor_reports.utilisation(figures))
    luts = rows_of(vendor_figures(routed, "tagger"), "LUT")
    assert luts[0].note.startswith("after logic synthesis, with 274 I/O pins")


def test_no_vendor_tool_has_run(tmp_path: Path, vendor_stand_ins: ModuleType) -> None:
    """Protects projects without a report, and folders without a project: no rows, no error."""
    assert vendor_figures(tmp_path, "tagger") == []
    project = vendor_stand_ins.project(tmp_path / "project", "rtl for vivado")
    assert vendor_figures(project, "tagger") == []
    assert vendor_clock([]) is Clock.REQUESTED


def test_a_broken_report_is_an_error(routed: Path) -> None:
    """Protects against leaving a damaged report out in silence."""
    for name in (CSYNTH, "reports/utilization_synth.rpt", "reports/power_route.rpt"):
        whole = (routed / name).read_text()
        (routed / name).write_text(whole[: len(whole) // 3])
        with pytest.raises(BadInput, match="vendor report") as error:
            vendor_figures(routed, "tagger")
        assert error.value.where == str(routed / name)
        (routed / name).write_text(whole)
    assert vendor_figures(routed, "tagger")


def test_a_report_older_than_the_project_is_refused(routed: Path) -> None:
    """Protects against the figures of an earlier version of the project, made by hand."""
    report = routed / "reports" / "timing_route.rpt"
    written = (routed / "firmware" / "tagger.cpp").stat().st_mtime
    os.utime(report, (written - 60, written - 60))
    with pytest.raises(BadInput, match="is older than the project") as error:
        vendor_figures(routed, "tagger")
    assert error.value.where == str(report)
    assert "was written after it" in (error.value.found or "")
    report.touch()
    assert vendor_figures(routed, "tagger")


def test_a_report_for_another_part_or_clock_is_refused(routed: Path, vendor_reports: ModuleType) -> None:
    """Protects against reports that were copied from a project for another part or clock."""
    for figures, message in (
        (vendor_reports.Figures(part="xcvu9p-flga2104-2-e"), "is of another part"),
        (vendor_reports.Figures(clock_ns=4.0), "is for another clock"),
        (vendor_reports.Figures(top="jets"), "is of another project"),
    ):
        place(routed, "reports/timing_route.rpt", vendor_reports.timing(figures))
        with pytest.raises(BadInput, match=message):
            vendor_figures(routed, "tagger")
    with pytest.raises(BadInput, match="is of another project"):
        vendor_figures(routed, "jets")


def test_counts_without_any_clock_are_refused(tmp_path: Path, vendor_reports: ModuleType) -> None:
    """Protects against rows whose clock nobody knows: a report alone, outside of its project."""
    place(tmp_path, "vivado_synth.rpt", vendor_reports.utilisation(vendor_reports.Figures()))
    with pytest.raises(BadInput, match="clock that a vendor report is for is not known"):
        vendor_figures(tmp_path, "tagger")
    place(tmp_path, "reports/timing_route.rpt", vendor_reports.timing(vendor_reports.Figures()))
    assert {row.clock_ns for row in vendor_figures(tmp_path, "tagger")} == {5.0}


def test_rows_of_quartus(tmp_path: Path, vendor_reports: ModuleType, vendor_stand_ins: ModuleType) -> None:
    """Protects Quartus reports made by hand, in the folders where Quartus puts them."""
    project = vendor_stand_ins.project(tmp_path / "project", "rtl for quartus")
    figures = vendor_reports.Figures(part=vendor_stand_ins.ARRIA)
    place(project, "output_files/tagger.fit.rpt", vendor_reports.fit(figures))
    place(project, "tagger.sta.rpt", vendor_reports.sta(figures))
    rows = vendor_figures(project, "tagger")
    assert [(row.metric, row.value) for row in rows[:4]] == [
        *(("ALM", 20731), ("FF", 5612), ("DSP", 37), ("M20K", 5)),
    ]
    assert {row.tool_text for row in rows} == {"Quartus 21.1.0"}
    assert vendor_clock(rows) is Clock.MET
