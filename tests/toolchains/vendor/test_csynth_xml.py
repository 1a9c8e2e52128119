"""Reading csynth.xml of Vivado HLS and Vitis HLS."""

import re
from pathlib import Path

import pytest

from trigml.errors import BadInput
from trigml.toolchains.vendor.csynth_xml import read_csynth_xml
from trigml.toolchains.vendor.expected import Expected

TAGGER = Expected("tagger", "xcvu13p-flga2577-2-e", 5.0)

# The elements that both tools write, in their order; the texts here are our own.
VITIS = """<?xml version="1.0" encoding="UTF-8"?>
<profile>
  <section name="General Information" level="0"/>
  <ReportVersion>
    <Version>2023.1</Version>
  </ReportVersion>
  <UserAssignments>
    <unit>ns</unit>
    <ProductFamily>virtexuplus</ProductFamily>
    <Part>xcvu13p-flga2577-2-e</Part>
    <TopModelName>tagger</TopModelName>
    <TargetClockPeriod>5.00</TargetClockPeriod>
    <ClockUncertainty>1.35</ClockUncertainty>
    <FlowTarget>vivado</FlowTarget>
  </UserAssignments>
  <PerformanceEstimates>
    <PipelineType>yes</PipelineType>
    <SummaryOfTimingAnalysis>
      <unit>ns</unit>
      <EstimatedClockPeriod>3.641</EstimatedClockPeriod>
    </SummaryOfTimingAnalysis>
    <SummaryOfOverallLatency>
      <unit>clock cycles</unit>
      <Best-caseLatency>9</Best-caseLatency>
      <Average-caseLatency>9</Average-caseLatency>
      <Worst-caseLatency>11</Worst-caseLatency>
      <Best-caseRealTimeLatency>45.000 ns</Best-caseRealTimeLatency>
      <PipelineInitiationInterval>1</PipelineInitiationInterval>
      <Interval-min>1</Interval-min>
      <Interval-max>2</Interval-max>
    </SummaryOfOverallLatency>
  </PerformanceEstimates>
  <AreaEstimates>
    <Resources>
      <BRAM_18K>4</BRAM_18K>
      <DSP>37</DSP>
      <FF>5612</FF>
      <LUT>41203</LUT>
      <URAM>0</URAM>
    </Resources>
    <AvailableResources>
      <BRAM_18K>5376</BRAM_18K>
      <DSP>12288</DSP>
      <FF>3456000</FF>
      <LUT>1728000</LUT>
      <URAM>1280</URAM>
    </AvailableResources>
  </AreaEstimates>
</profile>
"""


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "tagger_prj" / "solution1" / "syn" / "report" / "tagger_csynth.xml"
    path.parent.mkdir(parents=True)
    path.write_text(VITIS)
    return path


def test_a_vitis_report(report: Path) -> None:
    """Protects every figure: worst-case latency and interval, used (not available) resources."""
    found = read_csynth_xml(report, TAGGER)
    assert (found.tool, found.version) == ("Vitis HLS", "2023.1")
    assert found.part == "xcvu13p-flga2577-2-e"
    assert (found.target_ns, found.estimated_ns) == (5.0, 3.641)
    assert (found.latency_cycles, found.interval_cycles) == (11, 2)
    assert found.resources == {"LUT": 41203, "FF": 5612, "DSP": 37, "BRAM18": 4, "URAM": 0}


def test_a_vivado_report(report: Path) -> None:
    """Protects the older spelling DSP48E, and a family without URAM."""
    older = VITIS.replace("DSP>", "DSP48E>").replace("2023.1", "2019.2")
    report.write_text(older.replace("      <URAM>0</URAM>\n", ""))
    found = read_csynth_xml(report, TAGGER)
    assert (found.tool, found.version) == ("Vivado HLS", "2019.2")
    assert found.resources == {"LUT": 41203, "FF": 5612, "DSP": 37, "BRAM18": 4}


def test_a_report_of_another_project(report: Path) -> None:
    """Protects against figures of another network under a copied name."""
    with pytest.raises(BadInput, match="is of another project") as error:
        read_csynth_xml(report, Expected("jet_tagger"))
    assert (error.value.expected, error.value.found) == ("jet_tagger", "tagger")


def test_a_report_of_another_part_or_clock(report: Path) -> None:
    """Protects against figures of the same network for another part or clock."""
    with pytest.raises(BadInput, match="is of another part"):
        read_csynth_xml(report, Expected("tagger", "xcvu9p-flga2104-2-e", 5.0))
    with pytest.raises(BadInput, match="is for another clock") as error:
        read_csynth_xml(report, Expected("tagger", "xcvu13p-flga2577-2-e", 2.778))
    assert (error.value.expected, error.value.found) == ("2.778 ns", "5 ns")
    report.write_text(VITIS.replace("5.00<", "2.78<"))
    assert read_csynth_xml(report, Expected("tagger", "xcvu13p-flga2577-2-e", 2.778)).target_ns == 2.78


@pytest.mark.parametrize("resource", ["LUT", "FF", "DSP", "BRAM_18K"])
def test_a_missing_resource_is_no_zero(report: Path, resource: str) -> None:
    """Protects against a design that seems to use none of a resource that the report does not give."""
    report.write_text(re.sub(f"<{resource}>.*</{resource}>", "", VITIS, count=1))
    with pytest.raises(BadInput, match="lacks an entry") as error:
        read_csynth_xml(report, TAGGER)
    assert error.value.expected == f"AreaEstimates/Resources/{resource}"


@pytest.mark.parametrize(
    ("version", "tool"),
    [
        ("2019.2", "Vivado HLS"),
        ("2020.1", "Vivado HLS or Vitis HLS"),
        ("2020.2", "Vitis HLS"),
        ("2024.1", "Vitis HLS"),
        ("", "Vivado HLS or Vitis HLS"),
    ],
)
def test_the_tool_behind_a_version(report: Path, version: str, tool: str) -> None:
    """Protects the name of the tool: the XML has only the version, and both tools existed in 2020.1."""
    report.write_text(VITIS.replace("2023.1", version))
    assert read_csynth_xml(report, TAGGER).tool == tool


@pytest.mark.parametrize("cut", [0, 1, 60, 400, 900, 1500, len(VITIS) - 12])
def test_a_truncated_report(report: Path, cut: int) -> None:
    """Protects against a report that the HLS tool has not finished."""
    report.write_text(VITIS[:cut])
    with pytest.raises(BadInput, match="cannot be read") as error:
        read_csynth_xml(report, TAGGER)
    assert error.value.where == str(report)
    assert "run the vendor's tool again" in (error.value.remedy or "")


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe\x00", b"not xml", b'<?xml version="1.0" encoding="no-such"?><profile/>', b"\x00" * 100],
)
def test_a_report_that_is_no_xml(report: Path, content: bytes) -> None:
    """Protects against tracebacks of the XML parser."""
    report.write_bytes(content)
    with pytest.raises(BadInput, match="cannot be read"):
        read_csynth_xml(report, TAGGER)


ELEMENTS = {
    "TopModelName": "UserAssignments/TopModelName",
    "Part": "UserAssignments/Part",
    "TargetClockPeriod": "UserAssignments/TargetClockPeriod",
    "EstimatedClockPeriod": "EstimatedClockPeriod",
    "Worst-caseLatency": "Worst-caseLatency",
    "Interval-max": "Interval-max",
}


@pytest.mark.parametrize("element", ELEMENTS)
def test_a_missing_entry_is_named(report: Path, element: str) -> None:
    """Protects against a figure made up for an entry that is not there, or empty."""
    for tag, empty in ((element, False), (element, True)):
        start, end = VITIS.index(f"<{tag}>"), VITIS.index(f"</{tag}>") + len(tag) + 3
        report.write_text(VITIS[:start] + (f"<{tag}></{tag}>" if empty else "") + VITIS[end:])
        with pytest.raises(BadInput, match="lacks an entry") as error:
            read_csynth_xml(report, TAGGER)
        assert (error.value.expected or "").endswith(ELEMENTS[element])


def test_missing_resources_are_named(report: Path) -> None:
    """Protects against a report without its area section."""
    report.write_text(VITIS.replace("<Resources>", "<Other>").replace("</Resources>", "</Other>"))
    with pytest.raises(BadInput, match="lacks an entry") as error:
        read_csynth_xml(report, TAGGER)
    assert error.value.expected == "AreaEstimates/Resources"


@pytest.mark.parametrize(
    ("figure", "instead", "where"),
    [
        ("<Worst-caseLatency>11", "<Worst-caseLatency>undef", "Worst-caseLatency"),
        ("<Worst-caseLatency>11", "<Worst-caseLatency>?", "Worst-caseLatency"),
        ("<Interval-max>2", "<Interval-max>nan", "Interval-max"),
        ("<Interval-max>2", "<Interval-max>inf", "Interval-max"),
        ("<EstimatedClockPeriod>3.641", "<EstimatedClockPeriod>N/A", "EstimatedClockPeriod"),
        ("<LUT>41203", "<LUT>~0", "Resources/LUT"),
        ("<FF>5612", "<FF>nan", "Resources/FF"),
    ],
)
def test_a_figure_that_is_no_number(report: Path, figure: str, instead: str, where: str) -> None:
    """Protects against latencies that the tool could not determine, and other texts in place of figures."""
    report.write_text(VITIS.replace(figure, instead, 1))
    with pytest.raises(BadInput, match=f"no number in .*{where}") as error:
        read_csynth_xml(report, TAGGER)
    assert error.value.found == instead.split(">")[1]


def test_an_empty_resource_is_refused(report: Path) -> None:
    """Protects against counting an empty entry as none used."""
    report.write_text(VITIS.replace("<LUT>41203</LUT>", "<LUT/>"))
    with pytest.raises(BadInput, match="lacks an entry"):
        read_csynth_xml(report, TAGGER)
