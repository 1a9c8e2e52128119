"""What a stand-in for a vendor's tool does; see ``vendor_stand_ins.py``."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import vendor_reports as reports

OTHERS = {
    "other project": {"top": "another_network"},
    "other part": {"part": "xcvu9p-flga2104-2-e"},
    "other clock": {"clock_ns": 2.5},
}


def main(name: str, bin_folder: str, arguments: list[str]) -> None:
    """Behave as told, with the reports that the tool would write."""
    _say(f"{name}: a stand-in that replays report texts, not the vendor's tool")
    stage = _stage(name, arguments)
    with (Path(bin_folder) / "calls").open("a") as file:
        file.write(f"{name} {stage}".strip() + "\n")
    if name == "vsim":
        return
    figures, texts = _TOOLS[name](stage, arguments)
    told = Path(bin_folder) / "behaviour.json"
    behaviour = json.loads(told.read_text()) if told.is_file() else {"how": "well", "stage": ""}
    how = behaviour["how"] if behaviour["stage"] in ("", stage) else "well"
    if how == "fail":
        sys.exit("ERROR: [Stand-in 1-1] something is wrong with the design")
    if how == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if how == "no report":
        return
    for path, text in texts(replace(figures, **OTHERS.get(how, {}))).items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text[: len(text) // 2] if how in ("truncated", "hang") else text)
    if how == "hang":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        Path(bin_folder, "pids").write_text(f"{os.getpid()} {child.pid}")
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        while True:
            time.sleep(1)
    _say("finished")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _stage(name: str, arguments: list[str]) -> str:
    if name == "vivado":
        return arguments[arguments.index("-tclargs") + 1]
    if name == "quartus_sh":
        return arguments[-1]
    return "route" if "--quartus-compile" in arguments else ""


def _require(wanted: object, what: str) -> None:
    if not wanted:
        sys.exit(f"stand-in: called in a way that the tool does not know: {what}")


def _setting(file: str, pattern: str) -> str:
    found = re.search(pattern, Path(file).read_text())
    _require(found, f"{pattern} in {file}")
    return found[1]


def _hls(wanted: list[str]):
    def tool(_, arguments):
        _require(arguments == wanted, arguments)
        if wanted[-1].endswith("build_prj.tcl"):
            _require(re.search(r"cosim\s+0", Path("build_opt.tcl").read_text()), "co-simulation left out")
        top = _setting("project.tcl", r'set project_name "(.*)"')
        _require(Path(f"firmware/{top}.cpp").is_file(), "the C++")
        part = _setting("project.tcl", r'set part "(.*)"')
        figures = reports.Figures(top, part, float(_setting("project.tcl", r"set clock_period (.*)")))
        place = f"{top}_prj/solution1/syn"
        return figures, lambda f: {
            f"{place}/report/{top}_csynth.xml": reports.csynth_xml(f),
            f"{place}/report/{top}_csynth.rpt": reports.csynth_text(f),
            f"{place}/verilog/{top}.v": "// made by HLS\n",
        }

    return tool


def _vivado(stage, arguments):
    _require(arguments[:2] == ["-mode", "batch"], arguments)
    script = arguments[arguments.index("-source") + 1]
    top, part, period = (
        _setting(script, r"synth_design -top (\S+)"),
        _setting(script, r"synth_design .*-part (\S+)"),
        _setting("clock.xdc" if script == "vivado.tcl" else "clock_ooc.xdc", r"-period (\S+)"),
    )
    if script != "vivado.tcl":
        _require(list(Path(f"{top}_prj/solution1/syn/verilog").glob("*.v")), "Verilog made by HLS")
    if stage == "route":
        _require(Path("checkpoints/synth.dcp").is_file(), "the checkpoint of the synthesis")
    later = stage == "route"
    figures = reports.Figures(top, part, float(period))
    figures = replace(figures, lut=figures.lut // (3 if later else 2), setup_ns=0.112 if later else 0.412)
    state = "Routed" if later else "Synthesized"
    return figures, lambda f: {
        f"reports/utilization_{stage}.rpt": reports.utilisation(f, state),
        f"reports/timing_{stage}.rpt": reports.timing(f),
        f"reports/power_{stage}.rpt": reports.power(f, state.lower()),
        **({} if later else {"checkpoints/synth.dcp": "checkpoint"}),
    }


def _quartus(stage, arguments):
    _require(arguments[:2] == ["-t", "quartus.tcl"], arguments)
    top = _setting("quartus.tcl", r"TOP_LEVEL_ENTITY (\S+)")
    part = _setting("quartus.tcl", r"-part (\S+)")
    figures = reports.Figures(top, part, float(_setting("clock.sdc", r"-period (\S+)")))
    if stage == "synth":
        return figures, lambda f: {f"reports/{top}.map.rpt": reports.synthesis(f), "db/synthesised": ""}
    _require(Path("db/synthesised").is_file(), "the synthesised design")
    return figures, lambda f: {
        f"reports/{top}.fit.rpt": reports.fit(f),
        f"reports/{top}.sta.rpt": reports.sta(f),
    }


def _intel(stage, arguments):
    top = arguments[-1].removesuffix("-fpga")
    _require(arguments[-2] == "-o" and f"{top}_test.cpp" in arguments, arguments)
    figures = reports.Figures(top)
    library = f"{top}-fpga.prj/reports/lib"
    Path(f"{top}-fpga").write_text(
        f"#!/bin/sh\necho simulating\ncp {library}/simulated {library}/verification_data.js\n"
    )
    Path(f"{top}-fpga").chmod(0o755)
    return figures, lambda f: {
        f"{library}/report_data.js": reports.intel_area(f),
        f"{library}/verification_data.js": "var verifJSON={};\n",
        f"{library}/simulated": reports.intel_latency(f),
        f"{library}/quartus_data.js": reports.intel_fit(f, "251.3" if stage == "route" else "TBD"),
    }


_CHOICES = "reset=1 csim=0 synth=1 cosim=0 validation=0 export=0 vsynth=0 fifo_opt=0"
_TOOLS = {
    "vitis-run": _hls(["--mode", "hls", "--tcl", "build_prj.tcl"]),
    "vitis_hls": _hls(["-f", "build_prj.tcl"]),
    "vivado_hls": _hls(["-f", "build_prj.tcl", _CHOICES]),
    "vivado": _vivado,
    "quartus_sh": _quartus,
    "i++": _intel,
}
