"""Reading the reports of Quartus and of Intel's HLS compiler."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from trigml.errors import BadInput
from trigml.toolchains.vendor.expected import Expected
from trigml.toolchains.vendor.intel_hls import read_intel_area, read_intel_fit, read_intel_latency
from trigml.toolchains.vendor.quartus import read_fit, read_sta, read_synthesis
from trigml.toolchains.vendor.vivado_text import Stage

ARRIA = "10AX115N2F45I1SG"
TAGGER = Expected("tagger", ARRIA, 5.0)
READERS: dict[str, Callable[[Path], object]] = {
    "fit": lambda path: read_fit(path, TAGGER),
    "synthesis": lambda path: read_synthesis(path, TAGGER),
    "sta": lambda path: read_sta(path, TAGGER),
    "intel_area": read_intel_area,
    "intel_latency": read_intel_latency,
    "intel_fit": read_intel_fit,
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "report.rpt"


def test_the_fitter(vendor_reports: ModuleType, path: Path) -> None:
    """Protects the counts after fitting: the used ones, not those of the device."""
    path.write_text(vendor_reports.fit(vendor_reports.Figures(part=ARRIA)))
    found = read_fit(path, TAGGER)
    assert (found.version, found.part, found.stage) == ("21.1.0", ARRIA, Stage.ROUTED)
    assert found.resources == {"ALM": 20731, "FF": 5612, "DSP": 37, "M20K": 5}
    path.write_text(vendor_reports.fit(vendor_reports.Figures(part=ARRIA), "Failed"))
    with pytest.raises(BadInput, match="did not succeed") as error:
        read_fit(path, TAGGER)
    assert (error.value.found or "").startswith("Fitter Status: Failed")


@pytest.mark.parametrize("pro", [False, True])
def test_analysis_and_synthesis(vendor_reports: ModuleType, path: Path, pro: bool) -> None:
    """Protects what is known before fitting, in both editions: no ALMs, so no row of them."""
    path.write_text(vendor_reports.synthesis(vendor_reports.Figures(), pro=pro))
    found = read_synthesis(path, TAGGER)
    assert (found.resources, found.stage) == ({"FF": 5612, "DSP": 37}, Stage.SYNTHESISED)


@pytest.mark.parametrize(
    ("changes", "met"),
    [({}, True), ({"setup_ns": -0.2}, False), ({"hold_ns": -0.01}, False), ({"pulse_ns": -2.8}, False)],
)
def test_the_timing_analyser(
    vendor_reports: ModuleType, path: Path, changes: dict[str, float], met: bool
) -> None:
    """Protects the worst slack over all corners, and the verdict over all checks."""
    figures = vendor_reports.Figures(part=ARRIA, **changes)
    for title in ("Timing Analyzer Summary", "TimeQuest Timing Analyzer Summary"):
        path.write_text(vendor_reports.sta(figures, title=title))
        found = read_sta(path, TAGGER)
        assert (found.tool, found.version, found.part) == ("Quartus", "21.1.0", ARRIA)
        assert (found.stage, found.period_ns, found.met) == (Stage.ROUTED, 5.0, met)
        assert found.fmax_mhz == pytest.approx(1000 / (5.0 - figures.setup_ns))


def test_timing_of_no_clock_or_two(vendor_reports: ModuleType, path: Path) -> None:
    """Protects against a slack of another clock than the design's."""
    for clocks, found in ((0, "none"), (2, "clk, slow")):
        path.write_text(vendor_reports.sta(vendor_reports.Figures(part=ARRIA), clocks=clocks))
        with pytest.raises(BadInput, match="lacks an entry") as error:
            read_sta(path, TAGGER)
        assert error.value.found == found
    text = vendor_reports.sta(vendor_reports.Figures(part=ARRIA))
    path.write_text(text.replace("; 0.412 ;", "; N/A   ;"))
    with pytest.raises(BadInput, match="no number for the worst setup slack"):
        read_sta(path, TAGGER)


@pytest.mark.parametrize("name", ["fit", "sta", "synthesis"])
def test_reports_of_something_else(vendor_reports: ModuleType, path: Path, name: str) -> None:
    """Protects against figures of another network, part or clock."""
    changes: list[tuple[dict[str, object], str]] = [({"top": "jets"}, "of another project")]
    changes += [] if name == "synthesis" else [({"part": "10AX115N2F45I2SG"}, "of another part")]
    changes += [({"clock_ns": 4.0}, "for another clock")] if name == "sta" else []
    for change, message in changes:
        figures = vendor_reports.Figures(**({"part": ARRIA} | change))
        path.write_text(getattr(vendor_reports, name)(figures))
        with pytest.raises(BadInput, match=message):
            READERS[name](path)


def test_intel_hls(vendor_reports: ModuleType, path: Path) -> None:
    """Protects the three files of the HLS compiler's web page; what has not run yet gives nothing."""
    figures = vendor_reports.Figures()
    path.write_text(vendor_reports.intel_area(figures))
    area = read_intel_area(path)
    assert area.resources == {"ALUT": 41203, "FF": 5612, "RAM": 3, "DSP": 37, "MLAB": 12}
    assert area.version == "19.2.0"
    path.write_text(vendor_reports.intel_latency(figures))
    latency = read_intel_latency(path)
    assert latency is not None
    assert (latency.latency_cycles, latency.interval_cycles) == (11, 1)
    path.write_text("var verifJSON={};\n")
    assert read_intel_latency(path) is None
    path.write_text(vendor_reports.intel_fit(figures))
    fit = read_intel_fit(path)
    assert fit is not None
    assert fit.resources == {"ALM": 20732, "FF": 5612, "DSP": 37, "M20K": 3}
    assert fit.fmax_mhz == 251.3
    path.write_text(vendor_reports.intel_fit(figures, "TBD"))
    assert read_intel_fit(path) is None


@pytest.mark.parametrize("name", READERS)
def test_a_report_cut_anywhere(vendor_reports: ModuleType, path: Path, name: str) -> None:
    """Protects against a tool that was ended while it wrote: what is cut is refused, or changes no figure."""
    text = getattr(vendor_reports, name)(vendor_reports.Figures(part=ARRIA))
    path.write_text(text)
    whole = READERS[name](path)
    refused = 0
    for cut in range(0, len(text), 23):
        path.write_text(text[:cut])
        try:
            assert READERS[name](path) == whole
        except BadInput:
            refused = cut
    assert refused > 0.6 * len(text)
    for content in (b"", b"\0\0", b"hello\n", b"var areaJSON=[", b"var verifJSON={}}", b"var quartusJSON=3;"):
        path.write_bytes(content)
        if (name, content) == ("intel_latency", b"var verifJSON={}}"):
            continue
        with pytest.raises(BadInput):
            READERS[name](path)
    path.unlink()
    with pytest.raises(BadInput, match="cannot be read"):
        READERS[name](path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("intel_area", 'var areaJSON={"total":[1,2,3,4]};'),
        ("intel_area", 'var areaJSON={"total":[1,2,3,4,"many"]};'),
        ("intel_area", 'var areaJSON={"total":[1,2,3,4.5,5]};'),
        ("intel_latency", 'var verifJSON={"functions":[]};'),
        ("intel_latency", 'var verifJSON={"functions":[{"data":["1","2,3","1,1,1"]}]};'),
        ("intel_latency", 'var verifJSON={"functions":[{"data":["1","2,N/A,3","1,1,1"]}]};'),
        ("intel_latency", 'var verifJSON={"functions":[{"data":["1"]}]};'),
        ("intel_latency", 'var verifJSON={"functions":[{}, {}]};'),
        ("intel_fit", 'var quartusJSON={"quartusFitClockSummary":{"nodes":[]}};'),
        ("intel_fit", 'var quartusJSON={"quartusFitClockSummary":{"nodes":[{"clock":"fast"}]}};'),
    ],
)
def test_figures_that_are_not_there(path: Path, name: str, text: str) -> None:
    """Protects against a figure made up for one that is missing, or is no number."""
    path.write_text(text)
    with pytest.raises(BadInput):
        READERS[name](path)
