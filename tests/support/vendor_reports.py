"""Report texts in the formats of the vendors' tools: the texts and their figures are our own.

Their layout follows reports of Vivado HLS, Vitis HLS, Vivado, Quartus and Intel HLS; none is copied.
"""

import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Figures:
    """What the reports of one design say."""

    top: str = "tagger"
    part: str = "xcvu13p-flga2577-2-e"
    clock_ns: float = 5.0
    estimated_ns: float = 3.641
    latency: int = 11
    interval: int = 1
    lut: int = 41203
    ff: int = 5612
    dsp: int = 37
    bram_tiles: float = 2.5
    uram: int = 0
    carry: int = 913
    pins: int = 0
    setup_ns: float = 0.412
    hold_ns: float = 0.031
    pulse_ns: float = 2.225
    power_w: str = "3.412"
    alm: int = 20731

    @property
    def device(self) -> str:
        """The part as the utilisation report spells it."""
        device, package, speed = self.part.split("-")[:3]
        return f"{device}{package}-{speed}"

    @property
    def short_device(self) -> str:
        """The part as the timing report spells it."""
        return "-".join(self.part.split("-")[:2])


def frame(*rows: str, indent: str = "", after: tuple[int, ...] = (0,)) -> str:
    """Rows of a table in a drawn frame, with rules below the rows of some numbers."""
    rule = indent + "".join("+" if c == "|" else "-" for c in rows[0])
    lines = [rule]
    for number, row in enumerate(rows):
        lines.append(indent + row)
        if number in after and number < len(rows) - 1:
            lines.append(rule)
    return "\n".join([*lines, rule]) + "\n"


def csynth_text(f: Figures, tool: str = "Vitis HLS", version: str = "2023.1") -> str:
    dsp = "DSP48E" if tool == "Vivado HLS" else "DSP"
    old = version < "2020"  # the units stand in the headings, and the latency is given in cycles only
    unit = "" if old else " ns"
    times = "" if old else "  45.000 ns|  55.000 ns|"
    rule = "=" * 64
    total = f"|Total            |{f.bram_tiles * 2:9.0f}|{f.dsp:6}|{f.ff:8}|{f.lut:8}|{f.uram:5}|"
    return f"""

{rule}
== {tool} Report for '{f.top}'
{rule}
* Date:           Tue Nov 24 10:00:00 2026

* Version:        {version} (Build 1234567 on Mon Jan  2 03:04:05 MST 2023)
* Project:        {f.top}_prj
* Solution:       solution1 (Vivado IP Flow Target)
* Product family: virtexuplus
* Target device:  {f.part}


{rule}
== Performance Estimates
{rule}
+ Timing{" (ns)" if old else ""}:\x20
    * Summary:\x20
{
        frame(
            "|  Clock |  Target | Estimated| Uncertainty|",
            f"|ap_clk  |  {f.clock_ns:.2f}{unit}|  {f.estimated_ns:.3f}{unit}|     1.35{unit}|",
            indent="    ",
        )
    }
+ Latency{" (clock cycles)" if old else ""}:\x20
    * Summary:\x20
    +---------+---------+-----------+-----------+-----+-----+----------+
    |  Latency (cycles) |{"" if old else "   Latency (absolute)  |"}  Interval | Pipeline |
    |   min   |   max   |{"" if old else "    min    |    max    |"} min | max |   Type   |
    +---------+---------+-----------+-----------+-----+-----+----------+
    |        9|{f.latency:9}|{times}    1|{f.interval:5}| function |
    +---------+---------+-----------+-----------+-----+-----+----------+

    + Detail:\x20
        * Instance:\x20
        +-----------+-----------+---------+---------+
        |  Instance |   Module  |   min   |   max   |
        +-----------+-----------+---------+---------+
        |dense_U0   |dense      |        3|        4|
        +-----------+-----------+---------+---------+

        * Loop:\x20
        N/A



{rule}
== Utilization Estimates
{rule}
* Summary:\x20
{
        frame(
            f"|       Name      | BRAM_18K|{dsp:>6}|   FF   |   LUT  | URAM|",
            "|Expression       |        -|     -|       0|       2|    -|",
            f"|Instance         |        -|{f.dsp:6}|{f.ff:8}|{f.lut - 2:8}|    -|",
            total,
            "|Available        |     5376| 12288| 3456000| 1728000| 1280|",
            "|Utilization (%)  |       ~0|    ~0|      ~0|       2|    0|",
            after=(0, 2, 3, 4),
        )
    }
+ Detail:\x20
    * Instance:\x20
    +-----------+-----------+---------+----+-----+-----+-----+
    |  Instance |   Module  | BRAM_18K| DSP|  FF | LUT | URAM|
    +-----------+-----------+---------+----+-----+-----+-----+
    |Total      |           |        0|   1|    2|    3|    0|
    +-----------+-----------+---------+----+-----+-----+-----+


{rule}
== Interface
{rule}
* Summary:\x20
{frame("| RTL Ports | Dir | Bits|", "|ap_clk     |   in|    1|", "|ap_rst     |   in|    1|")}
"""


def csynth_xml(f: Figures, version: str = "2023.1") -> str:
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<profile>
<ReportVersion><Version>{version}</Version></ReportVersion>
<UserAssignments><unit>ns</unit><ProductFamily>virtexuplus</ProductFamily><Part>{f.part}</Part>
<TopModelName>{f.top}</TopModelName><TargetClockPeriod>{f.clock_ns:.2f}</TargetClockPeriod></UserAssignments>
<PerformanceEstimates>
<SummaryOfTimingAnalysis><EstimatedClockPeriod>{f.estimated_ns}</EstimatedClockPeriod></SummaryOfTimingAnalysis>
<SummaryOfOverallLatency><Worst-caseLatency>{f.latency}</Worst-caseLatency>
<Interval-max>{f.interval}</Interval-max></SummaryOfOverallLatency>
</PerformanceEstimates>
<AreaEstimates><Resources><LUT>{f.lut}</LUT><FF>{f.ff}</FF><DSP>{f.dsp}</DSP>
<BRAM_18K>{f.bram_tiles * 2:.0f}</BRAM_18K><URAM>{f.uram}</URAM></Resources></AreaEstimates>
</profile>
"""


def _vivado_head(f: Figures, command: str, device: str, state: str, version: str) -> str:
    rule = "-" * 80
    lines = [
        "Copyright line of the vendor.",
        rule,
        f"| Tool Version : Vivado v.{version} (lin64) Build 1234567 Mon Jan  2 03:04:05 MST 2023",
        "| Date         : Tue Nov 24 10:10:00 2026",
        "| Host         : somewhere running 64-bit Linux",
        f"| Command      : {command}",
        f"| Design       : {f.top}",
        f"| Device       : {device}",
        *([f"| Design State : {state}"] if state else []),
        rule,
        "",
    ]
    return "\n".join(lines)


def utilisation(
    f: Figures, state: str = "Synthesized", version: str = "2023.1", *, seven_series: bool = False
) -> str:
    cell = "Slice" if seven_series else "CLB"
    io = "IO and GT Specific" if seven_series else "I/O"
    memory = "Memory" if seven_series else "BLOCKRAM"
    arithmetic = "DSP" if seven_series else "ARITHMETIC"
    carry = "CARRY4" if seven_series else "CARRY8"
    titles = [f"1. {cell} Logic", "1.1 Summary of Registers by Type", f"2. {memory}", f"3. {arithmetic}"]
    titles += [f"4. {io}", "5. Primitives"]
    head = "| Site Type                  |   Used | Fixed | Available | Util% |"

    def row(name: str, used: object) -> str:
        return f"| {name:26} | {used!s:>6} |     0 |   1728000 |  2.38 |"

    logic = [head, row(f"{cell} LUTs*", f.lut), row("  LUT as Logic", f.lut - 10), row("  LUT as Memory", 10)]
    logic += [row(f"{cell} Registers", f.ff), row("  Register as Flip Flop", f.ff)]
    logic += [] if seven_series else [row(carry, f.carry)]
    blocks = [head, row("Block RAM Tile", f"{f.bram_tiles:g}"), row("  RAMB18", 5)]
    blocks += [] if seven_series else [row("URAM", f.uram)]
    primitives = ["| Ref Name | Used  | Functional Category |"]
    primitives += [
        f"| {name:8} | {used:5} | {'Logic':19} |" for name, used in (("LUT6", 20000), (carry, f.carry))
    ]
    tables = [
        frame(*logic) + "* Warning! The final LUT count is typically lower.",
        frame("| Total | Clock Enable | Synchronous |", f"| {f.ff:5} |          Yes |       Reset |"),
        frame(*blocks),
        frame(head, row("DSPs", f.dsp), row("  DSP48E2 only", f.dsp)),
        frame(head, row("Bonded IOB", f.pins)),
        frame(*primitives),
    ]
    parts = [f"{title}\n{'-' * len(title)}\n\n{table}\n" for title, table in zip(titles, tables, strict=True)]
    contents = "\n".join(["Table of Contents", "-----------------", *titles])
    text = _vivado_head(f, "report_utilization", f.device, state, version)
    return f"{text}\nUtilization Design Information\n\n{contents}\n\n" + "\n".join(parts)


_SLACK_HEADS = (
    "    WNS(ns)      TNS(ns)  TNS Failing Endpoints  TNS Total Endpoints      WHS(ns)      THS(ns)  "
    "THS Failing Endpoints  THS Total Endpoints     WPWS(ns)     TPWS(ns)  TPWS Failing Endpoints  "
    "TPWS Total Endpoints  "
)
_SLACK_RULES = (
    "    -------      -------  ---------------------  -------------------      -------      -------  "
    "---------------------  -------------------     --------     --------  ----------------------  "
    "--------------------  "
)


def _heading(title: str) -> str:
    rule = "-" * 96
    return f"{rule}\n| {title}\n| {'-' * len(title)}\n{rule}\n"


def timing(f: Figures, state: str = "", version: str = "2023.1", *, clocks: int = 1) -> str:
    period = f"{f.clock_ns:.3f}"
    rows = [
        f"{name:7}{{0.000 2.500}}        {period}           {1000 / f.clock_ns:.3f}         "
        for name in ("clk", "other")[:clocks]
    ]
    slacks = (
        f"{f.setup_ns:11.3f}{0:13.3f}{0:23}{1234:21}{f.hold_ns:13.3f}{0:13.3f}{0:23}{1234:21}"
        f"{f.pulse_ns:13.3f}{0:13.3f}{0:24}{600:22}  "
    )
    verdict = "All user specified timing constraints are met."
    if min(f.setup_ns, f.hold_ns) < 0:
        verdict = "Timing constraints are not met."
    return f"""{_vivado_head(f, "report_timing_summary", f.short_device, state, version)}
Timing Summary Report

{_heading("Timer Settings")}
  Enable Multi Corner Analysis               :  Yes

check_timing report

Table of Contents
-----------------
1. checking no_clock (0)

1. checking no_clock (0)
------------------------
 There are 0 register/latch pins with no clock.


{_heading("Design Timing Summary")}
{_SLACK_HEADS}
{_SLACK_RULES}
{slacks}


{verdict}


{_heading("Clock Summary")}
Clock  Waveform(ns)         Period(ns)      Frequency(MHz)
-----  ------------         ----------      --------------
{chr(10).join(rows)}


{_heading("Intra Clock Table")}
Clock  {_SLACK_HEADS}
-----  {_SLACK_RULES}
clk    {slacks}


{_heading("Timing Details")}
Slack (MET) :             {f.setup_ns}ns  (required time - arrival time)
"""


def power(f: Figures, state: str = "routed", version: str = "2023.1") -> str:
    summary = frame(
        f"| Total On-Chip Power (W)  | {f.power_w:12} |",
        "| Design Power Budget (W)  | Unspecified* |",
        "| Dynamic (W)              | 0.498        |",
        "| Device Static (W)        | 2.914        |",
        "| Junction Temperature (C) | 27.1         |",
        "| Confidence Level         | Low          |",
        after=(),
    )
    components = frame(
        "| On-Chip     | Power (W) |", "| CLB Logic   |     0.211 |", "| Total       |     0.498 |"
    )
    return f"""{_vivado_head(f, "report_power", f.part, state, version)}
Power Report

Table of Contents
-----------------
1. Summary
1.1 On-Chip Components

1. Summary
----------

{summary}
1.1 On-Chip Components
----------------------

{components}
"""


def _quartus_table(title: str, *rows: tuple[str, ...]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "; " + " ; ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " ;" for row in rows
    ]
    inner = "+" + "+".join("-" * (w + 2) for w in widths) + "+"
    top = "+" + "-" * (len(lines[0]) - 2) + "+"
    return "\n".join([top, "; " + title.ljust(len(lines[0]) - 4) + " ;", inner, *lines, inner]) + "\n\n\n"


ARRIA = "10AX115N2F45I1SG"


def fit(f: Figures, status: str = "Successful") -> str:
    return f"""Fitter report for {f.top}

{
        _quartus_table(
            "Fitter Summary",
            ("Fitter Status", f"{status} - Tue Nov 24 10:00:00 2026"),
            ("Quartus Prime Version", "21.1.0 Build 842 10/21/2021 SJ Standard Edition"),
            ("Revision Name", f.top),
            ("Top-level Entity Name", f.top),
            ("Family", "Arria 10"),
            ("Device", f.part),
            ("Timing Models", "Final"),
            ("Logic utilization (in ALMs)", f"{f.alm:,} / 427,200 ( 5 % )"),
            ("Total registers", f"{f.ff}"),
            ("Total virtual pins", "300"),
            ("Total RAM Blocks", f"{f.bram_tiles * 2:.0f} / 2,713 ( < 1 % )"),
            ("Total DSP Blocks", f"{f.dsp:,} / 1,518 ( 2 % )"),
        )
    }
+-----------------+
; Fitter Messages ;
+-----------------+
Info: Quartus Prime Fitter was successful. 0 errors, 3 warnings
"""


def synthesis(f: Figures, *, pro: bool = False) -> str:
    title = "Synthesis" if pro else "Analysis & Synthesis"
    return f"""{title} report for {f.top}

{
        _quartus_table(
            f"{title} Summary",
            (f"{title} Status", "Successful - Tue Nov 24 09:50:00 2026"),
            ("Quartus Prime Version", "21.1.0 Build 842 10/21/2021 SJ Standard Edition"),
            ("Revision Name", f.top),
            ("Top-level Entity Name", f.top),
            ("Family", "Arria 10"),
            ("Logic utilization (in ALMs)", "N/A"),
            ("Total registers", f"{f.ff}"),
            ("Total DSP Blocks", f"{f.dsp}"),
        )
    }
Info: Quartus Prime {title} was successful. 0 errors, 1 warning
"""


def sta(f: Figures, *, title: str = "Timing Analyzer Summary", clocks: int = 1) -> str:
    rows = [(name, "Base", f"{f.clock_ns:.3f}", f"{1000 / f.clock_ns:.1f} MHz") for name in ("clk", "slow")]
    return f"""Timing Analyzer report for {f.top}

{
        _quartus_table(
            title,
            ("Quartus Prime Version", "Version 21.1.0 Build 842 10/21/2021 SJ Standard Edition"),
            ("Revision Name", f.top),
            ("Device Family", "Arria 10"),
            ("Device Name", f.part),
        )
    }{_quartus_table("Clocks", ("Clock Name", "Type", "Period", "Frequency"), *rows[:clocks])}{
        _quartus_table(
            "Slow 900mV 100C Model Fmax Summary",
            ("Fmax", "Restricted Fmax", "Clock Name", "Note"),
            ("221.0 MHz", "221.0 MHz", "clk", ""),
        )
    }------------------------------------------
; Slow 900mV 100C Model Recovery Summary ;
------------------------------------------
No paths to report.


{
        _quartus_table(
            "Multicorner Timing Analysis Summary",
            ("Clock", "Setup", "Hold", "Recovery", "Removal", "Minimum Pulse Width"),
            ("Worst-case Slack", f"{f.setup_ns}", f"{f.hold_ns}", "N/A", "N/A", f"{f.pulse_ns}"),
            (" clk", f"{f.setup_ns}", f"{f.hold_ns}", "N/A", "N/A", f"{f.pulse_ns}"),
        )
    }
Info: Quartus Prime Timing Analyzer was successful. 0 errors, 2 warnings
"""


def intel_area(f: Figures) -> str:
    area = {"columns": ["ALUTs", "FFs", "RAMs", "DSPs"], "total": [f.lut, f.ff, 3, f.dsp, 12]}
    info = {"rows": [{"data": ["Quartus version", "19.2.0 Build 57"]}]}
    return f"var infoJSON={json.dumps(info)};\nvar areaJSON={json.dumps(area, indent=2)}\n;var fileJSON=[];\n"


def intel_latency(f: Figures) -> str:
    data = ["1000", f"9,{f.latency},9.5", f"1,{f.interval},1.0"]
    return f"var verifJSON={json.dumps({'functions': [{'name': f.top, 'data': data}]})};\n"


def intel_fit(f: Figures, clock: str = "251.3") -> str:
    used = {"name": "all", "alm": f"{f.alm}.5", "reg": str(f.ff), "dsp": str(f.dsp), "ram": "3", "mlab": "0"}
    content = {
        "quartusFitClockSummary": {"nodes": [{"name": "clock", "clock": clock}]},
        "quartusFitResourceUsageSummary": {"nodes": [{"name": "part of it", "alm": "1"}, used]},
    }
    return f"var quartusJSON={json.dumps(content)};\n"
