"""The scripts for Vivado and Quartus in a Tcl interpreter, with stand-ins for the vendors' commands.

No vendor's tool runs here: what is checked is the Tcl, the files that it names, and the order of the steps.
"""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from trigml.backends.rtl import Language, RtlOptions, logic_of, rtl_project
from trigml.graph import Graph

AMD = "xcvu13p-flga2577-2-e"

VIVADO = (
    "create_project read_verilog read_vhdl read_xdc synth_design write_checkpoint open_checkpoint opt_design "
    "place_design phys_opt_design route_design report_utilization report_timing_summary report_power"
)
QUARTUS = (
    "load_package project_new project_open project_close set_global_assignment set_instance_assignment "
    "export_assignments execute_module"
)
STAND_INS = r"""proc note args { puts [join $args \x1f] }
foreach name {%s} { interp alias {} $name {} note $name }
"""
"""Each prints its name and its arguments; any other command that Tcl does not have is an error."""

IMPLEMENTATION = ["opt_design", "place_design", "phys_opt_design", "route_design"]


@pytest.fixture(scope="module")
def tclsh() -> str:
    """A Tcl interpreter."""
    found = shutil.which("tclsh")
    if found is None:
        pytest.skip("the vendors' scripts are not run here: there is no tclsh (apt-get install tcl)")
    return found


@pytest.fixture(scope="module", params=Language)
def project(
    request: pytest.FixtureRequest, make_graph: Callable[..., Graph], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[str]]:
    """A project in a folder whose name Tcl would misread if it were not quoted, and its design files."""
    folder = tmp_path_factory.mktemp("tcl") / "a [folder] $with {spaces"
    folder.mkdir()
    made = rtl_project(logic_of(make_graph(1), 4.0), RtlOptions(AMD, 4.0, request.param))
    made.write_into(folder)
    return folder, sorted(made.sources)


def called(tclsh: str, folder: Path, script: str, before: str) -> list[list[str]]:
    """The calls of the stand-ins, each as its words, with paths relative to the project."""
    driver = folder.parent / "driver.tcl"
    driver.write_text(f"{before}\nsource {script}\n")
    done = subprocess.run([tclsh, driver], cwd=folder, check=True, capture_output=True, text=True)
    return [line.replace(f"{folder}/", "").split("\x1f") for line in done.stdout.splitlines()]


def vivado(tclsh: str, folder: Path, stages: str) -> list[list[str]]:
    return called(tclsh, folder, "vivado.tcl", f"{STAND_INS % VIVADO}\nset argv {{{stages}}}")


def quartus(tclsh: str, folder: Path, stages: str, version: str) -> list[list[str]]:
    variables = f"array set quartus {{args {{{stages}}} version {{{version}}}}}"
    return called(tclsh, folder, "quartus.tcl", f"{STAND_INS % QUARTUS}\n{variables}")


def test_vivado_script(tclsh: str, project: tuple[Path, list[str]]) -> None:
    """Protects the script: every design file is read in its language, then each step, with all reports."""
    folder, sources = project
    calls = vivado(tclsh, folder, "")
    read = [call for call in calls if call[0] in ("read_verilog", "read_vhdl")]
    assert sorted(call[-1] for call in read) == sources
    verilog = ["read_verilog"], ["read_vhdl", "-vhdl2008"]
    assert all(call[:-1] == verilog[call[-1].endswith(".vhd")] for call in read)
    assert all((folder / call[-1]).is_file() for call in read)
    assert ["read_xdc", "-mode", "out_of_context", "clock.xdc"] in calls
    (synthesis,) = [call for call in calls if call[0] == "synth_design"]
    assert synthesis[1:5] == ["-top", "network", "-part", AMD]
    names = [call[0] for call in calls]
    reports = ["report_utilization", "report_timing_summary", "report_power"]
    written = names.index("write_checkpoint")
    assert names[written + 1 :] == [*reports, *IMPLEMENTATION, *reports]
    assert calls[-1] == ["report_power", "-file", "reports/power_route.rpt"]
    assert (folder / "reports").is_dir()
    assert [call for call in calls if "checkpoint" in call[0]] == [
        ["write_checkpoint", "-force", "checkpoints/synth.dcp"]
    ]


def test_stages_of_the_vivado_script(tclsh: str, project: tuple[Path, list[str]]) -> None:
    """Protects the two calls that ``synth --build`` makes: the second one begins at the first one's end."""
    folder, _ = project
    both = vivado(tclsh, folder, "")
    first, second = vivado(tclsh, folder, "synth"), vivado(tclsh, folder, "route")
    assert second[0] == ["open_checkpoint", "checkpoints/synth.dcp"]
    assert first + second[1:] == both


@pytest.mark.parametrize(
    ("version", "tool"), [("Version 23.1std.0 Standard Edition", "map"), ("Version 24.1 Pro Edition", "syn")]
)
def test_quartus_script(tclsh: str, project: tuple[Path, list[str]], version: str, tool: str) -> None:
    """Protects the script in both editions: every design file with its language, the clock, each step."""
    folder, sources = project
    calls = quartus(tclsh, folder, "", version)
    values = [call[2:] for call in calls if call[0] == "set_global_assignment"]
    files = [value for value in values if value[0] in ("VERILOG_FILE", "VHDL_FILE")]
    assert sorted(path for _, path in files) == sources
    assert all(kind == ("VHDL_FILE" if path.endswith(".vhd") else "VERILOG_FILE") for kind, path in files)
    for value in (
        ["TOP_LEVEL_ENTITY", "network"],
        ["VHDL_INPUT_VERSION", "VHDL_2008"],
        ["SDC_FILE", "clock.sdc"],
        ["PROJECT_OUTPUT_DIRECTORY", "reports"],
    ):
        assert value in values
    assert calls[1] == ["project_new", "-overwrite", "-part", AMD, "network"]
    steps = [call[2] for call in calls if call[0] == "execute_module"]
    assert steps == [tool, "fit", "sta"]
    first, second = (quartus(tclsh, folder, stage, version) for stage in ("synth", "route"))
    assert first[-2:] == [["execute_module", "-tool", tool], ["project_close"]]
    assert second[1:] == [
        ["project_open", "network"],
        ["execute_module", "-tool", "fit"],
        ["execute_module", "-tool", "sta"],
        ["project_close"],
    ]


@pytest.mark.parametrize(
    ("script", "stand_ins"), [("vivado.tcl", VIVADO), ("quartus.tcl", QUARTUS)], ids=["vivado", "quartus"]
)
def test_a_mistake_in_a_script_is_seen(
    tclsh: str, project: tuple[Path, list[str]], script: str, stand_ins: str
) -> None:
    """Protects the tests above: a brace that is missing, or a command that nobody has, ends in an error."""
    folder, _ = project
    before = f"{STAND_INS % stand_ins}\nset argv {{}}\narray set quartus {{args {{}} version Pro}}"
    text = (folder / script).read_text()
    assert "set stages {synth route} }" in text
    assert called(tclsh, folder, script, before)
    for changed in (text.rstrip().rstrip("}") + "{", text + "reticulate_splines\n"):
        (folder / "changed.tcl").write_text(changed)
        with pytest.raises(subprocess.CalledProcessError):
            called(tclsh, folder, "changed.tcl", before)
