"""Reading the text reports: every figure, whose report it is, and nothing in place of what is missing."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from trigml.errors import BadInput
from trigml.toolchains.vendor.csynth_text import read_csynth_text
from trigml.toolchains.vendor.expected import Expected, same_part
from trigml.toolchains.vendor.power import read_power
from trigml.toolchains.vendor.timing import read_timing
from trigml.toolchains.vendor.utilisation import read_utilisation
from trigml.toolchains.vendor.vivado_text import Stage

TAGGER = Expected("tagger", "xcvu13p-flga2577-2-e", 5.0)
READERS: dict[str, Callable[..., object]] = {
    "csynth_text": read_csynth_text,
    "utilisation": read_utilisation,
    "timing": lambda path, expected: read_timing(path, expected, Stage.ROUTED),
    "power": read_power,
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "report.rpt"


@pytest.mark.parametrize(("tool", "version"), [("Vivado HLS", "2019.2"), ("Vitis HLS", "2025.2")])
def test_csynth(vendor_reports: ModuleType, path: Path, tool: str, version: str) -> None:
    """Protects every figure of the HLS report in text, in the words of both tools."""
    path.write_text(vendor_reports.csynth_text(vendor_reports.Figures(interval=2), tool, version))
    found = read_csynth_text(path, TAGGER)
    assert (found.tool, found.version, found.part) == (tool, version, "xcvu13p-flga2577-2-e")
    assert (found.target_ns, found.estimated_ns) == (5.0, 3.641)
    assert (found.latency_cycles, found.interval_cycles) == (11, 2)
    assert found.resources == {"LUT": 41203, "FF": 5612, "DSP": 37, "BRAM18": 5, "URAM": 0}


def test_utilisation(vendor_reports: ModuleType, path: Path) -> None:
    """Protects the counts, with half a block RAM tile as one block, and how far the design was built."""
    path.write_text(vendor_reports.utilisation(vendor_reports.Figures()))
    found = read_utilisation(path, TAGGER)
    assert (found.version, found.part, found.stage) == ("2023.1", "xcvu13pflga2577-2", Stage.SYNTHESISED)
    assert found.resources == {"LUT": 41203, "FF": 5612, "CARRY": 913, "DSP": 37, "BRAM18": 5, "URAM": 0}
    assert (found.notes, found.pins) == ({"CARRY": "CARRY8"}, 0)


def test_utilisation_of_7_series(vendor_reports: ModuleType, path: Path) -> None:
    """Protects the older families: slices, no URAM, carry cells among the primitives only."""
    figures = vendor_reports.Figures(part="xc7vx690t-ffg1927-2", pins=40)
    path.write_text(vendor_reports.utilisation(figures, "Routed", "2018.3", seven_series=True))
    found = read_utilisation(path, Expected("tagger", "xc7vx690tffg1927-2"))
    assert found.resources == {"LUT": 41203, "FF": 5612, "CARRY": 913, "DSP": 37, "BRAM18": 5}
    assert (found.stage, found.notes, found.pins) == (Stage.ROUTED, {"CARRY": "CARRY4"}, 40)


@pytest.mark.parametrize(
    ("state", "name", "stage"),
    [
        ("Synthesized", None, Stage.SYNTHESISED),
        ("Fully Placed", Stage.SYNTHESISED, Stage.PLACED),
        ("Routed", Stage.SYNTHESISED, Stage.ROUTED),
        ("", Stage.ROUTED, Stage.ROUTED),
        ("New Word", Stage.ROUTED, Stage.ROUTED),
    ],
)
def test_the_stage_of_a_report(
    vendor_reports: ModuleType, path: Path, state: str, name: Stage | None, stage: Stage
) -> None:
    """Protects the stage: what the report says of the design counts more than its file name."""
    path.write_text(vendor_reports.utilisation(vendor_reports.Figures(), state))
    assert read_utilisation(path, TAGGER, name).stage is stage


def test_an_unknown_stage_is_refused(vendor_reports: ModuleType, path: Path) -> None:
    """Protects against figures of which nobody knows how far the design was built."""
    path.write_text(vendor_reports.utilisation(vendor_reports.Figures(), "New Word"))
    with pytest.raises(BadInput, match="lacks an entry") as error:
        read_utilisation(path, TAGGER)
    assert error.value.found == "New Word"


@pytest.mark.parametrize(
    ("changes", "stage", "met"),
    [
        ({}, Stage.ROUTED, True),
        ({"setup_ns": 0.0}, Stage.ROUTED, True),
        ({"setup_ns": -0.001}, Stage.ROUTED, False),
        ({"hold_ns": -0.02}, Stage.ROUTED, False),
        ({"hold_ns": -0.02}, Stage.SYNTHESISED, True),  # repaired by the router, which has not run yet
        ({"pulse_ns": -0.5}, Stage.ROUTED, False),
    ],
)
def test_timing(
    vendor_reports: ModuleType, path: Path, changes: dict[str, float], stage: Stage, met: bool
) -> None:
    """Protects slack, highest clock rate, and the verdict: all the checks that count at a stage."""
    figures = vendor_reports.Figures(**changes)
    path.write_text(vendor_reports.timing(figures))
    found = read_timing(path, TAGGER, stage)
    assert (found.tool, found.version, found.stage) == ("Vivado", "2023.1", stage)
    assert (found.period_ns, found.slack_ns, found.met) == (5.0, figures.setup_ns, met)
    assert found.fmax_mhz == pytest.approx(1000 / (5.0 - figures.setup_ns))


def test_timing_without_a_clock(vendor_reports: ModuleType, path: Path) -> None:
    """Protects against a clock rate of a design whose clock was never constrained, or has two."""
    text = vendor_reports.timing(vendor_reports.Figures())
    verdict = "All user specified timing constraints are met."
    path.write_text(text.replace(verdict, "There are no user specified timing constraints."))
    with pytest.raises(BadInput, match="without a clock constraint"):
        read_timing(path, TAGGER, Stage.ROUTED)
    path.write_text(text.replace("      0.412", "         NA"))
    with pytest.raises(BadInput, match=r"no number for WNS") as error:
        read_timing(path, TAGGER, Stage.ROUTED)
    assert error.value.found == "'NA'"
    for clocks, found in ((0, "none"), (2, "clk, other")):
        path.write_text(vendor_reports.timing(vendor_reports.Figures(), clocks=clocks))
        with pytest.raises(BadInput, match="lacks an entry") as error:
            read_timing(path, TAGGER, Stage.ROUTED)
        assert (error.value.expected, error.value.found) == ("one clock", found)


def test_power(vendor_reports: ModuleType, path: Path) -> None:
    """Protects the total in W, what it is made of, and the remark that Vivado may put beside it."""
    for text, total, remark in (
        ("3.412", 3.412, ""),
        ("139.1 (Junction temp exceeded!)", 139.1, "Junction temp exceeded!"),
    ):
        path.write_text(vendor_reports.power(vendor_reports.Figures(power_w=text)))
        found = read_power(path, TAGGER)
        assert (found.total_w, found.remark, found.dynamic, found.static) == (total, remark, "0.498", "2.914")
        assert (found.confidence, found.stage, found.version) == ("Low", Stage.ROUTED, "2023.1")
    path.write_text(vendor_reports.power(vendor_reports.Figures(power_w="<0.001")))
    with pytest.raises(BadInput, match="no number for Total On-Chip Power"):
        read_power(path, TAGGER)


@pytest.mark.parametrize("name", READERS)
def test_a_report_of_another_project_or_part(vendor_reports: ModuleType, path: Path, name: str) -> None:
    """Protects against figures of another network, or of the same network in another part."""
    for changes, message, expected, found in (
        ({"top": "jets"}, "is of another project", "tagger", "jets"),
        ({"part": "xcvu9p-flga2104-2-e"}, "is of another part", TAGGER.part, "xcvu9p"),
    ):
        path.write_text(getattr(vendor_reports, name)(vendor_reports.Figures(**changes)))
        with pytest.raises(BadInput, match=message) as error:
            READERS[name](path, TAGGER)
        assert (error.value.expected, error.value.where) == (expected, str(path))
        assert (error.value.found or "").startswith(found)
        assert error.value.exit_code == 2


@pytest.mark.parametrize("name", ["csynth_text", "timing"])
def test_a_report_for_another_clock(vendor_reports: ModuleType, path: Path, name: str) -> None:
    """Protects against nanoseconds at a clock that nobody asked for; rounding is no other clock."""
    path.write_text(getattr(vendor_reports, name)(vendor_reports.Figures(clock_ns=2.5)))
    with pytest.raises(BadInput, match="is for another clock"):
        READERS[name](path, TAGGER)
    path.write_text(getattr(vendor_reports, name)(vendor_reports.Figures(clock_ns=2.777778)))
    READERS[name](path, Expected("tagger", TAGGER.part, 2.777778))


@pytest.mark.parametrize("name", READERS)
def test_a_report_cut_anywhere_is_refused_or_whole(vendor_reports: ModuleType, path: Path, name: str) -> None:
    """Protects against a tool that was ended while it wrote: cut after any line, no figure differs."""
    text = getattr(vendor_reports, name)(vendor_reports.Figures())
    path.write_text(text)
    whole = READERS[name](path, TAGGER)
    lines = text.rstrip().splitlines(keepends=True)
    refused = []
    for count in range(len(lines)):
        path.write_text("".join(lines[:count]))
        try:
            found = READERS[name](path, TAGGER)
        except BadInput:
            refused.append(count)
        else:
            assert found == whole
    assert max(refused) >= 0.8 * len(lines) - 1
    for cut in range(1, len(text) - 200, 37):
        path.write_text(text[:cut])
        with pytest.raises(BadInput):
            READERS[name](path, TAGGER)


@pytest.mark.parametrize("name", READERS)
def test_what_is_no_report(path: Path, name: str) -> None:
    """Protects against tracebacks for files of another kind, or none."""
    with pytest.raises(BadInput, match="cannot be read"):
        READERS[name](path, TAGGER)
    for content in (b"", b" \n", b"\0" * 100, b"\xff\xfe\x00", b"hello\n", b"<profile/>"):
        path.write_bytes(content)
        with pytest.raises(BadInput, match="lacks an entry"):
            READERS[name](path, TAGGER)


@pytest.mark.parametrize(
    ("name", "entry", "instead"),
    [
        ("csynth_text", "|       11|", "|        ?|"),
        ("csynth_text", "  5.00 ns|", "      N/A|"),
        ("csynth_text", "|   41203|", "|       -|"),
        ("utilisation", " 41203 |", "    NA |"),
        ("utilisation", "  2.5 |", " 2.25 |"),
        ("utilisation", "  5612 |", "       |"),
        ("timing", " 5.000 ", "   NA  "),
        ("power", " Low     ", "         "),
    ],
)
def test_a_figure_that_is_no_number(
    vendor_reports: ModuleType, path: Path, name: str, entry: str, instead: str
) -> None:
    """Protects against a figure made up for one that the tool could not give."""
    text = getattr(vendor_reports, name)(vendor_reports.Figures())
    assert entry in text
    path.write_text(text.replace(entry, instead))
    with pytest.raises(BadInput, match=r"no number|lacks an entry"):
        READERS[name](path, TAGGER)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("xcu250-figd2104-2L-e", "xcu250figd2104-2L", True),
        ("xcu250-figd2104-2L-e", "xcu250-figd2104", True),
        ("xc7z020clg484-1", "7z020-clg484", True),
        ("xcvu13p-flga2577-2-e", "xcvu13p-flga2577-2-e", True),
        ("xcvu13p-flga2577-2-e", "xcvu13pflga2577-2L", False),
        ("xcvu13p-flga2577-2-e", "xcvu13pflga2577-2-i", False),
        ("xcvu13p-flga2577-2-e", "xcvu13p-fhga2104-2-e", False),
        ("xcvu13p-flga2577-2-e", "xcvu9p-flga2577-2-e", False),
        ("10AX115N2F45I1SG", "10ax115n2f45i1sg", True),
        ("10AX115N2F45I1SG", "10AX115N2F45I2SG", False),
    ],
)
def test_spellings_of_a_part(first: str, second: str, same: bool) -> None:
    """Protects the comparison of parts, spelt in three ways, from being too strict or loose."""
    assert same_part(first, second) is same
    assert same_part(second, first) is same
