"""The CI jobs for users: their files say what CI systems take; their commands hold a network to its promises.

Neither CI system is at hand: the commands of both jobs are taken from their files and run with bash, in a
repository that is set up as docs/ci.md says. The lines that install something are left out (the environment
of the tests is used instead), and what ``uses:`` names on GitHub does not run.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

import trigml
from trigml.backends.onnx.assembly import serialised
from trigml.backends.onnx.qonnx_writer import qonnx_model
from trigml.graph import Graph
from trigml.verify.building import StageName

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "ci"
OUT = "firmware_check"
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
CONTEXTS = {"github.workflow", "github.ref", "github.workspace", "github.run_id", "github.run_attempt"}


def github() -> dict[Any, Any]:
    """The workflow; YAML reads its key ``on`` as a truth value."""
    content = yaml.safe_load((EXAMPLE / "github" / "trigger.yml").read_text())
    assert isinstance(content, dict)
    return content


def gitlab() -> dict[str, Any]:
    """The only job of the GitLab file."""
    content = yaml.safe_load((EXAMPLE / "gitlab" / ".gitlab-ci.yml").read_text())
    (job,) = content.values()
    assert isinstance(job, dict)
    return job


def github_commands() -> list[str]:
    """What the steps of the workflow run, as it stands there."""
    return [step["run"] for step in github()["jobs"]["network"]["steps"] if "run" in step]


def gitlab_commands() -> list[str]:
    """What the job runs, as it stands there."""
    return [*gitlab()["before_script"], *gitlab()["script"]]


def without_installation(commands: Sequence[str]) -> list[str]:
    """The commands but for the lines that install something; both jobs have two of those."""
    lines = [line for command in commands for line in command.splitlines()]
    kept = [line for line in lines if " install " not in line]
    assert len(lines) - len(kept) == 2
    return kept


def repository(folder: Path) -> Path:
    """Somebody's repository with the files of the example, copied with the commands of docs/ci.md."""
    folder.mkdir(parents=True, exist_ok=True)
    blocks = re.findall(r"```\n(.*?)```", (ROOT / "docs" / "ci.md").read_text(), re.DOTALL)
    (block,) = [block for block in blocks if "cp " in block]
    subprocess.run(["bash", "-euc", block], cwd=folder, env={**os.environ, "TRIGML": str(ROOT)}, check=True)
    return folder


@dataclass(frozen=True)
class Job:
    """A job that has run: where, how it ended, and what it printed."""

    workspace: Path
    code: int
    output: str
    summary: str

    @property
    def out(self) -> Path:
        return self.workspace / OUT

    def commands(self) -> list[str]:
        """The commands of trigml that it ran, as it shows them."""
        return re.findall(r"^\$ (trigml .*)$", self.output, re.MULTILINE)


def run_job(commands: Sequence[str], workspace: Path, variables: Mapping[str, str]) -> Job:
    """Run commands as both systems do: bash that stops at the first one that fails."""
    script = workspace / "job.sh"
    script.write_text("\n".join(commands))
    summary = workspace / "step_summary.md"
    path = variables.get("PATH") or f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    found = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
        cwd=workspace,
        env={**os.environ, "GITHUB_STEP_SUMMARY": str(summary), **variables, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=900,
    )
    return Job(workspace, found.returncode, found.stdout, summary.read_text() if summary.is_file() else "")


def github_variables(workspace: Path) -> dict[str, str]:
    """The job's ``env`` with the only expression that it has."""
    given = github()["jobs"]["network"]["env"]
    return {name: text.replace("${{ github.workspace }}", str(workspace)) for name, text in given.items()}


def gitlab_variables(workspace: Path) -> dict[str, str]:
    """The job's ``variables`` with the only variable of GitLab's that they have."""
    return {
        name: text.replace("$CI_PROJECT_DIR", str(workspace)) for name, text in gitlab()["variables"].items()
    }


def test_github_workflow_is_one() -> None:
    """Keys, actions with versions, expressions and the order of the steps are what GitHub takes."""
    workflow = github()
    assert set(workflow) == {"name", True, "permissions", "concurrency", "jobs"}
    assert set(workflow[True]) == {"push", "pull_request", "workflow_dispatch"}
    assert workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    assert set(job) == {"runs-on", "timeout-minutes", "strategy", "env", "steps"}
    assert isinstance(job["timeout-minutes"], int)
    matrix = job["strategy"]["matrix"]
    text = (EXAMPLE / "github" / "trigger.yml").read_text()
    known = CONTEXTS | {"!cancelled()"} | {f"matrix.{name}" for name in matrix}
    assert set(EXPRESSION.findall(text)) <= known
    for step in job["steps"]:
        assert set(step) <= {"name", "uses", "with", "run", "if"}
        assert ("uses" in step) != ("run" in step)
        assert re.fullmatch(r"actions/[a-z/-]+@v\d+", step.get("uses", "actions/none@v1"))
        assert not EXPRESSION.search(step.get("run", ""))  # nothing of a pull request gets into a shell
    assert [step.get("uses", "").split("@")[0] for step in job["steps"]][:2] == [
        "actions/checkout",
        "actions/setup-python",
    ]
    supported = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text())
    assert set(matrix["python"]) <= set(supported)


def test_github_workflow_keeps_what_a_failed_check_leaves() -> None:
    """Tables and mapped cells are kept when the check fails, from the places where they are."""
    steps = github()["jobs"]["network"]["steps"]
    (upload,) = [step for step in steps if step.get("uses", "").startswith("actions/upload-artifact")]
    (restore,) = [step for step in steps if step.get("uses", "").startswith("actions/cache/restore")]
    (save,) = [step for step in steps if step.get("uses", "").startswith("actions/cache/save")]
    assert upload["with"]["path"] == f"{OUT}/"
    assert "${{ matrix.python }}" in upload["with"]["name"]  # two artifacts of one name are refused
    assert upload["if"] == save["if"] == "${{ !cancelled() }}"
    assert save["with"]["key"].startswith(restore["with"]["restore-keys"])
    assert restore["with"]["path"] == save["with"]["path"] == ".cache/trigml/yosys"
    assert steps.index(restore) < steps.index(save)


def test_gitlab_job_is_one() -> None:
    """Keys, caches inside the project, and artifacts that are kept when the check fails."""
    job = gitlab()
    assert set(job) == {
        *("image", "timeout", "rules", "variables", "cache"),
        *("before_script", "script", "artifacts"),
    }
    assert re.fullmatch(r"python:3\.1[123]", job["image"])
    assert all(isinstance(command, str) for command in gitlab_commands())
    artifacts = job["artifacts"]
    assert artifacts["when"] == "always"
    assert artifacts["paths"] == [f"{OUT}/"]  # without the slash GitLab does not show it in merge requests
    places = [path for cache in job["cache"] for path in cache["paths"]]
    assert places == [".cache/pip", ".cache/trigml/yosys"]
    assert job["variables"]["XDG_CACHE_HOME"] == "$CI_PROJECT_DIR/.cache"
    assert job["variables"]["PIP_CACHE_DIR"] == f"$CI_PROJECT_DIR/{places[0]}"


def test_both_jobs_run_the_same_commands(tmp_path: Path) -> None:
    """The logic is written once: both call the script, and install with pip from one file."""
    assert without_installation(github_commands()) == without_installation(gitlab_commands())
    assert without_installation(github_commands()) == ['bash ci/check_network.sh "$NETWORK"']
    workspace = repository(tmp_path / "repository")
    assert (workspace / ".github" / "workflows" / "trigger.yml").is_file()
    assert (workspace / ".gitlab-ci.yml").is_file()
    for commands in (github_commands(), gitlab_commands()):
        text = "\n".join(commands)
        assert re.findall(r"pip install (.*)", text) == ["-r ci/requirements.txt"]
        assert re.findall(r"apt-get install -y --no-install-recommends ([^;]*)", text) == ["g++"]
        for name in re.findall(r"ci/[\w.]+", text):
            assert (workspace / name).is_file()
    for variables in (github_variables(workspace), gitlab_variables(workspace)):
        assert (workspace / variables["NETWORK"]).is_file()


def test_this_version_is_installed() -> None:
    """The requirement is this very trigml, and nothing else."""
    lines = (EXAMPLE / "requirements.txt").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == [f"trigml=={trigml.__version__}"]


STAND_IN = """#!/bin/bash
# A stand-in for trigml: leaves files where it does, and ends with the exit code that the test wants.
printf '%s\\n' "$*" >> calls.txt
echo "table of $1"
case $1 in
    train) mkdir -p "$5" ;;
    synth)
        place=$2/rtl/verilog
        if [[ $* =~ --out\\ ([^ ]+) ]]; then place=${BASH_REMATCH[1]}; fi
        if [[ $SYNTH != 4 ]]; then mkdir -p "$place"; fi
        ;;
    report) echo "{\\"judged\\": ${JUDGED:-true}}"; echo "page of report" > "$6" ;;
esac
name=${1^^}
exit "${!name:-0}"
"""


def stand_in(folder: Path, network: str, variables: Mapping[str, str]) -> Job:
    """The job with a stand-in for trigml."""
    workspace = repository(folder / "repository")
    (folder / "bin").mkdir()
    program = folder / "bin" / "trigml"
    program.write_text(STAND_IN)
    program.chmod(0o755)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    return run_job([f"bash ci/check_network.sh {network}"], workspace, {**variables, "PATH": path})


@pytest.mark.parametrize(
    ("codes", "expected", "steps"),
    [
        ({}, 0, ["train", "synth", "verify", "report"]),
        ({"TRAIN": "3"}, 3, ["train", "synth", "verify", "report"]),
        ({"SYNTH": "3", "REPORT": "3"}, 3, ["train", "synth", "verify", "report"]),
        ({"SYNTH": "4", "VERIFY": "4"}, 4, ["train", "synth", "verify", "report"]),
        ({"TRAIN": "3", "VERIFY": "4", "REPORT": "3"}, 4, ["train", "synth", "verify", "report"]),
        ({"VERIFY": "4", "REPORT": "2"}, 4, ["train", "synth", "verify", "report"]),
        ({"TRAIN": "2"}, 2, ["train"]),
        ({"SYNTH": "2"}, 2, ["train", "synth"]),
        ({"TRAIN": "3", "SYNTH": "2"}, 3, ["train", "synth"]),
        ({"SYNTH": "130"}, 130, ["train", "synth"]),
    ],
)
def test_exit_codes(codes: dict[str, str], expected: int, steps: list[str], tmp_path: Path) -> None:
    """No exit code of a step gets lost, 4 goes before 3, and the tables are there in every case."""
    job = stand_in(tmp_path, "spec.yml", codes)
    assert job.code == expected
    calls = (job.workspace / "calls.txt").read_text().splitlines()
    assert [call.split()[0] for call in calls] == steps
    heading = job.summary.splitlines()[0]
    assert heading == ("# spec.yml: fine" if expected == 0 else f"# spec.yml: exit code {expected}")
    assert "table of train" in job.output
    for step in steps:
        code = codes.get(step.upper(), "0")
        assert re.search(rf"^trigml {step} .*: exit code {code} after", job.summary, re.MULTILINE)
    if "report" not in steps:
        assert all(f"table of {step}" in job.summary for step in steps)
    else:
        assert "page of report" in job.summary
        assert "table of verify" in job.summary
        (call,) = [call for call in calls if call.startswith("verify")]
        assert ("--project" in call) == (codes.get("SYNTH") != "4")


def test_stages_without_firmware_do_not_ask_for_a_project(tmp_path: Path) -> None:
    """``STAGES`` without ``rtl`` and ``netlist`` works: ``verify`` refuses a project that no stage reads."""
    job = stand_in(tmp_path, "spec.yml", {"STAGES": "keras,hls"})
    assert job.code == 0
    calls = (job.workspace / "calls.txt").read_text()
    assert f"verify {OUT}/run --stages keras,hls\n" in calls


def test_every_stage_is_compared(tmp_path: Path) -> None:
    """All stages that a network can have are asked for; QONNX files have their own instead of Keras."""
    asked = {}
    for network in ("spec.yml", "model.onnx"):
        job = stand_in(tmp_path / network, network, {})
        (call,) = re.findall(r"verify .*--stages (\S+)", (job.workspace / "calls.txt").read_text())
        asked[network] = set(call.split(","))
    every = {stage.value for stage in StageName} - {StageName.NUMPY.value}  # the reference
    assert asked["spec.yml"] == every - {"qonnx"}
    assert asked["model.onnx"] == every - {"keras"}


def test_model_file_is_not_said_to_keep_a_budget(tmp_path: Path) -> None:
    """A model file is compared; the summary says that no budget was held."""
    job = stand_in(tmp_path, "model.h5 --input-type 'fixed<8,4>'", {})
    assert job.code == 0
    (call,) = (job.workspace / "calls.txt").read_text().splitlines()
    assert call.startswith("verify model.h5 --stages keras,")
    assert call.endswith("--input-type fixed<8,4>")
    assert "No budget was held" in job.summary


@pytest.mark.parametrize(
    ("codes", "expected"), [({}, 0), ({"SYNTH": "3", "REPORT": "3"}, 3), ({"SYNTH": "4", "VERIFY": "4"}, 4)]
)
def test_model_file_with_a_budget(codes: dict[str, str], expected: int, tmp_path: Path) -> None:
    """With limits in ``BUDGET``, a model file goes all the way, and is opened in the same way each time."""
    variables = {"BUDGET": "limits.yml", "PART": "vu9p", "CLOCK_NS": "2.5", "STAGES": "keras,rtl", **codes}
    job = stand_in(tmp_path, "model.h5 --input-type 'fixed<8,4>'", variables)
    assert job.code == expected
    synth, verify, report = (job.workspace / "calls.txt").read_text().splitlines()
    assert synth == (
        f"synth model.h5 --backend rtl --require-tier mapped --map-time-limit 900 --budget limits.yml "
        f"--out {OUT}/rtl --part vu9p --clock-ns 2.5 --input-type fixed<8,4>"
    )
    exact = f" --project {OUT}/rtl" if expected != 4 else ""
    assert verify == f"verify model.h5 --stages keras,rtl{exact} --input-type fixed<8,4>"
    place = f"{OUT}/rtl" if expected != 4 else f"{OUT}/rtl.not-exact"
    assert report.startswith(f"report {place} --require-tier mapped")
    assert "page of report" in job.summary
    assert "No budget was held" not in job.summary


def test_a_budget_of_ones_own_stands_for_that_of_the_spec(tmp_path: Path) -> None:
    """``BUDGET`` reaches ``synth`` for a spec, too."""
    job = stand_in(tmp_path, "spec.yml", {"BUDGET": "limits.yml"})
    (call,) = re.findall(r"^synth .*$", (job.workspace / "calls.txt").read_text(), re.MULTILINE)
    assert call.endswith("--budget limits.yml")


def test_a_budget_that_was_not_judged_is_told(tmp_path: Path) -> None:
    """A job whose spec has no budget, or one for another device, does not look as if one was kept."""
    job = stand_in(tmp_path, "spec.yml", {"JUDGED": "false"})
    assert job.code == 0
    assert "No budget was held" in job.summary


def test_an_earlier_check_is_not_overwritten(tmp_path: Path) -> None:
    """Figures of an earlier check cannot be taken for new ones: the folder has to be new."""
    workspace = repository(tmp_path / "repository")
    (workspace / OUT).mkdir()
    job = run_job(without_installation(github_commands()), workspace, github_variables(workspace))
    assert job.code == 2
    assert f"{OUT} is there already" in job.output
    assert list(job.out.iterdir()) == []


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """The GitHub job as it stands, with nothing in its caches."""
    workspace = repository(tmp_path_factory.mktemp("github"))
    return run_job(without_installation(github_commands()), workspace, github_variables(workspace))


@pytest.mark.slow
def test_github_job(checked: Job) -> None:
    """The shipped example is exact in every stage and keeps its budget with mapped figures."""
    assert checked.code == 0, checked.output
    assert checked.summary.startswith("# ci/small_tagger.yml: fine\n")
    assert "No budget was held" not in checked.summary
    assert "the budget is kept" in checked.summary
    report = json.loads((checked.out / "report.json").read_text())
    (project,) = report["projects"]
    assert project["bit_exact"]
    budget = project["budget"]
    assert budget["judged"]
    assert not budget["broken"]
    assert budget["require_tier"] == "mapped"
    limits = {limit["metric"]: limit for limit in budget["limits"]}
    assert set(limits) == {"latency", "initiation interval", "LUT", "FF", "DSP"}
    assert {limit["tier"] for limit in limits.values()} == {"mapped"}
    assert limits["LUT"]["value"] > 100
    verified = (checked.out / "verify.txt").read_text()
    for stage in ("QKeras", "native", "logic (alkaid)", "rtl", "netlist", "HLS C++ (vitis, parallel)"):
        assert re.search(rf"^{re.escape(stage)}  .* 0 +[\d,]+$", verified, re.MULTILINE), stage
    assert list((checked.workspace / ".cache" / "trigml" / "yosys").iterdir())
    assert (checked.out / "run" / "rtl" / "verilog" / "src" / "top.v").is_file()


def run_with_less(checked: Job, workspace: Path, old: str, new: str) -> Path:
    """The run of a job as if it had been trained with another budget: its spec changed, its manifest too."""
    run = workspace / "my_run"
    shutil.copytree(checked.out / "run", run, ignore=shutil.ignore_patterns("rtl"))
    text = (run / "spec.yml").read_text()
    assert old in text
    (run / "spec.yml").write_text(text.replace(old, new))
    digest = hashlib.sha256((run / "spec.yml").read_bytes()).hexdigest()
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["spec_sha256"] = manifest["files"]["spec.yml"] = digest
    (run / "manifest.json").write_text(json.dumps(manifest))
    return run


@pytest.mark.slow
def test_gitlab_job_with_a_run_that_breaks_its_budget(checked: Job, tmp_path: Path) -> None:
    """With fewer LUTs allowed than are mapped, the GitLab job ends with 3, and its table says by how much.

    It takes a run, which is not trained again and stays as it is.
    """
    workspace = repository(tmp_path / "repository")
    shutil.copytree(checked.workspace / ".cache", workspace / ".cache")  # what the CI system restores
    run = run_with_less(checked, workspace, "LUT: 1000", "LUT: 100")
    files = sorted(run.rglob("*"))
    variables = gitlab_variables(workspace) | {"NETWORK": run.name, "STAGES": "logic"}
    job = run_job(without_installation(gitlab_commands()), workspace, variables)
    assert job.code == 3, job.output
    assert [command.split()[1] for command in job.commands()] == ["synth", "verify", "report"]
    assert sorted(run.rglob("*")) == files
    report = json.loads((job.out / "report.json").read_text())
    limits = {limit["metric"]: limit["broken"] for limit in report["projects"][0]["budget"]["limits"]}
    assert [metric for metric, broken in limits.items() if broken] == ["LUT"]
    assert re.search(r"^LUT +≤ 100 +[\d,]+ +mapped .*BROKEN$", job.output, re.MULTILINE)
    assert job.summary.startswith("# my_run: exit code 3\n")
    assert re.search(r"^\| LUT +\| ≤ 100 +\|.*BROKEN", job.summary, re.MULTILINE)


@pytest.mark.slow
def test_a_changed_word_of_the_firmware_is_seen(checked: Job, tmp_path: Path) -> None:
    """The job's own comparison, given again after one output of the Verilog was inverted, ends with 4."""
    workspace = repository(tmp_path / "repository")
    shutil.copytree(checked.out, workspace / OUT)
    top = workspace / OUT / "run" / "rtl" / "verilog" / "src" / "top.v"
    text = top.read_text()
    changed = re.sub(r"(out_words\[\d+:0\] = )", r"\1~", text, count=1)
    assert changed != text
    top.write_text(changed)
    (command,) = [command for command in checked.commands() if command.startswith("trigml verify")]
    command = re.sub(r"--stages \S+", "--stages rtl", command)
    job = run_job([command], workspace, github_variables(workspace))
    assert job.code == 4, job.output
    assert re.search(r"^rtl  .* [1-9][\d,]* +[\d,]+$", job.output, re.MULTILINE)


@pytest.mark.slow
def test_a_model_file_that_breaks_its_budget(tmp_path: Path, make_graph: Callable[..., Graph]) -> None:
    """A QONNX file, which has no spec, is held to the limits of ``BUDGET`` by mapped figures."""
    workspace = repository(tmp_path / "repository")
    model = serialised(qonnx_model(make_graph(0, sizes=(3, 4, 2))).proto)
    (workspace / "trigger.onnx").write_bytes(model)
    (workspace / "limits.yml").write_text("latency: 1 BX\nresources: {LUT: 3}\n")
    variables = gitlab_variables(workspace) | {
        "NETWORK": "trigger.onnx",
        "BUDGET": "limits.yml",
        "STAGES": "rtl",
    }
    commands = ['bash ci/check_network.sh "$NETWORK" --random 200']
    job = run_job(commands, workspace, variables)
    assert job.code == 3, job.output
    assert [command.split()[1] for command in job.commands()] == ["synth", "verify", "report"]
    assert job.summary.startswith("# trigger.onnx: exit code 3\n")
    assert "No budget was held" not in job.summary
    assert re.search(r"^\| LUT +\| ≤ 3 +\|.*mapped.*BROKEN", job.summary, re.MULTILINE)
    report = json.loads((job.out / "report.json").read_text())
    limits = {limit["metric"]: limit["broken"] for limit in report["budget"]["limits"]}
    assert limits == {"latency": False, "LUT": True}
