"""Stand-ins for the vendors' tools, and small projects for them.

A stand-in is a Python script under the name of a tool (``vivado``, ``vitis-run``, …). It checks how it was
called and that the files it would read are there, and replays report texts (``vendor_reports.py``); it builds
nothing. What it does wrong is set with ``behave``.
"""

import json
import sys
from pathlib import Path

SUPPORT = Path(__file__).parent
AMD = "xcvu13p-flga2577-2-e"
ARRIA = "10AX115N2F45I1SG"
TOOLS = ("vitis-run", "vitis_hls", "vivado_hls", "vivado", "quartus_sh", "i++", "vsim")

_SCRIPT = """#!{python}
import sys
sys.path.insert(0, {support!r})
sys.dont_write_bytecode = True
from vendor_stand_in_script import main
main({name!r}, {bin!r}, sys.argv[1:])
"""


def install(bin_folder: Path, *names: str) -> Path:
    """Write stand-ins into a folder, which has to be put on PATH."""
    bin_folder.mkdir(exist_ok=True)
    for name in names:
        path = bin_folder / name
        path.write_text(
            _SCRIPT.format(python=sys.executable, support=str(SUPPORT), name=name, bin=str(bin_folder))
        )
        path.chmod(0o755)
    return bin_folder


def behave(bin_folder: Path, how: str, *, stage: str = "") -> None:
    """Make the stand-ins do something wrong, in all stages or in one (``synth``, ``route``, …)."""
    (bin_folder / "behaviour.json").write_text(json.dumps({"how": how, "stage": stage}))


def calls(bin_folder: Path) -> list[str]:
    """The stand-ins that ran, with their stage."""
    path = bin_folder / "calls"
    return path.read_text().splitlines() if path.is_file() else []


def project(folder: Path, kind: str, *, top: str = "tagger", clock_ns: float = 5.0) -> Path:
    """A project with the files that a vendor's tool reads: ``vitis``, ``vivado``, ``quartus``, ``rtl …``."""
    part = AMD if kind in ("vitis", "vivado", "rtl for vivado") else ARRIA
    options = {"part": part, "clock_ns": clock_ns}
    backend = {"backend": "rtl"} if kind.startswith("rtl") else {}
    options |= {} if backend else {"backend": kind}
    files = {"trigml_project.json": json.dumps({"top": top, "options": options, **backend})}
    if kind.startswith("rtl"):
        files |= {"src/top.v": f"module {top}(); endmodule\n"}
        for name in ("vivado.tcl", "quartus.tcl", "clock.xdc", "clock.sdc"):
            text = (SUPPORT.parents[1] / "firmware" / "rtl" / name).read_text()
            for word, value in (("TOP", top), ("PART", part), ("CLOCK_NS", f"{clock_ns:g}")):
                text = text.replace(f"@{word}@", value)
            files[name] = text
    else:
        files |= {f"firmware/{top}.cpp": "// network\n", f"{top}_test.cpp": "// testbench\n"}
        files |= {"tb_data/tb_input_features.dat": "0 0\n"}
        if kind == "quartus":
            files["Makefile"] = (
                f"{top}-fpga: {top}_test.cpp\n"
                f"\ti++ $(LOGGING_1) -march=Arria10 {top}_test.cpp $(QUARTUS_COMPILE) -o $@\n"
            )
        else:
            files["project.tcl"] = (
                f'set project_name "{top}"\nset part "{part}"\nset clock_period {clock_ns:g}\n'
            )
            files["build_prj.tcl"] = "source project.tcl\nsource build_opt.tcl\n"
            files["build_opt.tcl"] = "array set opt {\n    csim 1\n    synth 1\n    cosim 1\n}\n"
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder
