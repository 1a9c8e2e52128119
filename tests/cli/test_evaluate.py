"""``trigml evaluate``: what it prints, what it writes, and what it leaves alone."""

from __future__ import annotations

import csv
import json
import shlex
from pathlib import Path
from types import ModuleType

import matplotlib.image
import pytest

from trigml.cli.evaluate import HELP
from trigml.cli.main import exit_code_of
from trigml.runs.manifest import hashes_of_folder
from trigml.runs.workspace import refuse_occupied

FILES = [
    "evaluation.json",
    "evaluation.md",
    "scan.csv",
    "scan.pdf",
    "scan.png",
    "turn_on.pdf",
    "turn_on.png",
    "working_points.json",
]
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, toy_classifier: ModuleType) -> Path:
    """A run with an evaluation in it, of class b."""
    folder = tmp_path_factory.mktemp("evaluate")
    events = toy_classifier.toy_events(folder / "events.h5")
    made: Path = toy_classifier.toy_run(folder / "run", toy_classifier.toy_graph(), events)
    targets = ["--efficiency", "0.5", "--efficiency", "0.9", "--rate", "100 kHz", "--input-rate", "400 kHz"]
    turn_on = ["--against", "energy", "--bins", "0,50,100"]
    assert exit_code_of(["evaluate", str(made), "--signal", "b", "--stage", "numpy", *targets, *turn_on]) == 0
    return made


def test_the_folder_holds_tables_plots_and_integers(run: Path) -> None:
    """Protects what is stored: the thresholds of all targets, the same in every file, and real pictures."""
    folder = run / "evaluation"
    assert sorted(path.name for path in folder.iterdir()) == FILES
    stored = json.loads((folder / "working_points.json").read_text())
    thresholds = [point["threshold"] for point in stored["points"]]
    assert all(type(threshold) is int for threshold in thresholds)
    assert thresholds[0] > thresholds[1]
    whole = json.loads((folder / "evaluation.json").read_text())
    found = whole["discriminants"][0]
    assert [point["threshold"] for point in found["working_points"]] == thresholds
    assert whole["sample"]["stage"] == stored["stage"] == "numpy"
    rows = list(csv.DictReader((folder / "scan.csv").open()))
    for point in found["working_points"]:
        (row,) = [row for row in rows if int(row["threshold"]) == point["threshold"]]
        assert int(row["signal_passed"]) / found["signal_events"] == point["signal_efficiency"]["value"]
        assert (
            int(row["background_passed"]) / found["background_events"]
            == point["background_efficiency"]["value"]
        )
    page = (folder / "evaluation.md").read_text()
    assert f"| {thresholds[2]} |".replace(" ", "") in page.replace(" ", "")
    for name in ("scan", "turn_on"):
        pixels = matplotlib.image.imread(folder / f"{name}.png")
        assert len({tuple(pixel) for pixel in pixels[::7, ::7].reshape(-1, pixels.shape[2])}) > 10
        assert (folder / f"{name}.pdf").read_bytes().startswith(b"%PDF")


def test_stored_thresholds_are_applied_to_other_events(
    run: Path, tmp_path: Path, toy_classifier: ModuleType, capsys: Capture
) -> None:
    """Protects --points: the integers of the file, on all events of others; --json alone on stdout."""
    other = toy_classifier.toy_events(tmp_path / "other.h5", 500, 3)
    points = run / "evaluation" / "working_points.json"
    words = ["evaluate", str(run), "--points", str(points), "--events", str(other.path), "--stage", "numpy"]
    assert exit_code_of([*words, "--out", str(tmp_path / "out"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    expected = list(dict.fromkeys(p["threshold"] for p in json.loads(points.read_text())["points"]))
    applied = found["discriminants"][0]["working_points"]
    assert [point["threshold"] for point in applied] == expected
    passed = (other.differences(1) >= expected[0])[other.labels == 1]
    assert applied[0]["signal_efficiency"]["value"] == passed.mean()
    assert "turn_on.png" not in found["files"]


def test_the_terminal_gets_the_tables_and_the_next_step(run: Path, tmp_path: Path, capsys: Capture) -> None:
    """Protects what people read: the stage, the formula, and a next command that starts with trigml."""
    out = ["--out", str(tmp_path / "out")]
    assert exit_code_of(["evaluate", str(run), "--signal", "b", "--background", "a", *out]) == 0
    shown = capsys.readouterr()
    assert "b − a" in shown.out
    assert "computed by: native" in shown.out
    (step, *_) = shown.err.split("Next:\n")[1].splitlines()
    assert shlex.split(step)[:2] == ["trigml", "synth"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--against", "enrgy"], "did you mean 'energy'"),
        (["--signal", "top"], "no class 'top'"),
        (["--efficiency", "1.5"], "between 0 and 1"),
        (["--rate", "100"], "no rate"),
        (["--rate", "1 kHz"], "--input-rate"),
        (["--bins", "10"], "--against"),
        (["--against", "energy", "--bins", "3,1"], "no bins"),
        (["--events", "nothing.h5"], "nothing.h5"),
        (["--points", "nothing.json"], "cannot read"),
        (["--points", "RUN/evaluation/working_points.json"], "--out"),
        (["--points", "RUN/evaluation/working_points.json", "--out", "x", "--signal", "a"], "leave them out"),
    ],
)
def test_mistakes_are_explained_and_leave_the_old_evaluation(
    run: Path, words: list[str], message: str, capsys: Capture
) -> None:
    """Protects the messages, exit code 2, and what was found before."""
    before = hashes_of_folder(run)
    words = [word.replace("RUN", str(run)) for word in words]
    assert exit_code_of(["evaluate", str(run), "--stage", "numpy", *words]) == 2
    shown = capsys.readouterr()
    assert message in shown.err
    assert shown.out == ""
    assert hashes_of_folder(run) == before


def test_what_trigml_did_not_make_is_not_replaced(run: Path, tmp_path: Path, capsys: Capture) -> None:
    """Protects other people's files, and thresholds of another network without --force."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "thesis.tex").write_text("ten years")
    assert exit_code_of(["evaluate", str(run), "--out", str(own), "--force"]) == 2
    assert "thesis.tex" in capsys.readouterr().err
    other = tmp_path / "other"
    other.mkdir()
    for name in ("evaluation.json", "working_points.json"):
        (other / name).write_bytes((run / "evaluation" / name).read_bytes())
    found = json.loads((other / "evaluation.json").read_text()) | {"graph": "0" * 64}
    (other / "evaluation.json").write_text(json.dumps(found))
    words = ["evaluate", str(run), "--stage", "numpy", "--signal", "a", "--out", str(other)]
    assert exit_code_of(words) == 2
    assert "another network" in capsys.readouterr().err
    assert json.loads((other / "evaluation.json").read_text()) == found
    assert exit_code_of([*words, "--force"]) == 0
    assert json.loads((other / "working_points.json").read_text())["graph"] != "0" * 64


def test_a_run_with_an_evaluation_can_be_trained_again(run: Path) -> None:
    """Protects ``trigml train --force`` from taking the evaluation for somebody's own files."""
    refuse_occupied(run, force=True)


@pytest.fixture(scope="module")
def energy_run(tmp_path_factory: pytest.TempPathFactory, toy_regressor: ModuleType) -> Path:
    """A run of a regressor."""
    folder = tmp_path_factory.mktemp("energy")
    events = toy_regressor.toy_measurements(folder / "events.h5")
    made: Path = toy_regressor.toy_energy_run(folder / "run", events)
    return made


def test_a_regressor_has_thresholds_on_its_word(energy_run: Path, capsys: Capture) -> None:
    """Protects what is written and shown of a regressor, and that thresholds are stored as integers."""
    words = ["evaluate", str(energy_run), "--stage", "numpy"]
    targets = ["--target-above", "20 GeV", "--efficiency", "0.9", "--threshold", "25.1 GeV"]
    assert exit_code_of([*words, *targets]) == 0
    shown = capsys.readouterr()
    assert "25.1 GeV lies between two LSBs: rounded up to 101 = 25.25 GeV" in shown.out
    assert "words (numpy)" in shown.out
    assert "calibrated sum" in shown.out
    folder = energy_run / "evaluation"
    found = sorted(path.name for path in folder.iterdir())
    assert found == sorted([*FILES, "resolution.pdf", "resolution.png"])
    stored = json.loads((folder / "working_points.json").read_text())
    assert [(type(point["threshold"]), point["unit"]) for point in stored["points"]] == [(int, "GeV")] * 2
    assert stored["points"][1]["threshold"] == 101
    assert stored["division"] == {"signals": [], "background": None, "target_above": 20.0}
    rows = list(csv.DictReader((folder / "scan.csv").open()))
    assert rows[0]["signal"] == "true_energy >= 20 GeV"
    assert "101 = 25.25 GeV (25.1 GeV)" in (folder / "evaluation.md").read_text()
    assert (matplotlib.image.imread(folder / "turn_on.png")[..., :3] < 0.5).any()


def test_without_a_threshold_a_regressor_is_measured(
    energy_run: Path, tmp_path: Path, capsys: Capture
) -> None:
    """Protects response and resolution alone: no file of thresholds or rates that nobody asked for."""
    words = ["evaluate", str(energy_run), "--stage", "numpy", "--json", "--out", str(tmp_path / "out")]
    assert exit_code_of(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["files"] == ["evaluation.json", "evaluation.md", "resolution.pdf", "resolution.png"]
    assert set(found["regressor"]["models"]) == {"words (numpy)", "calibrated sum"}


def test_the_examples_of_the_help_are_options_that_exist(
    run: Path, energy_run: Path, tmp_path: Path, capsys: Capture
) -> None:
    """Protects examples of each kind, on the toys' classes and columns."""
    examples = [shlex.split(line)[1:] for line in HELP.splitlines() if line.startswith("    trigml ")]
    toy = {"runs/jet_tagger_hlf": str(run), "mass": "energy", "t": "a", "q": "c"}
    toy["runs/energy_calibration"] = str(energy_run)
    assert len(examples) == 5
    for place, example in enumerate([*examples[:2], examples[4]]):
        words = [toy.get(word, word) for word in example]
        assert exit_code_of([*words, "--out", str(tmp_path / str(place)), "--stage", "numpy"]) == 0, example
    capsys.readouterr()
