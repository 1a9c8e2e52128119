"""The commands ``trigml data``: samples, describe and convert, as a user types them."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import awkward
import h5py
import numpy as np
import pytest
import uproot

from trigml.cli.data import _CONVERT_HELP, _DESCRIBE_HELP, _SAMPLES_HELP
from trigml.cli.main import exit_code_of

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in with the files that the help texts and the tests name."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    for name, n_events in (("vbf", 20), ("qcd", 30)):
        with uproot.recreate(f"{name}.root") as file:
            file.mktree(
                "Events", {"met": rng.exponential(50, n_events), "mjj": rng.exponential(90, n_events)}
            )
    rows = [
        f"{value:.3f},{value / 8:.3f},{'gq'[row % 2]}" for row, value in enumerate(rng.exponential(50, 40))
    ]
    Path("jets.csv").write_text("\n".join(["pt,mass,kind", *rows]) + "\n")
    np.savez("parts.npz", pt=np.arange(25.0), part_pt=rng.exponential(5, (25, 20)))
    return tmp_path


def json_of(arguments: list[str], capsys: Capture) -> Any:
    """The whole of stdout as JSON; the command succeeds."""
    assert exit_code_of([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(arguments: list[str], capsys: Capture) -> str:
    """The message on stderr; exit code 2, nothing on stdout."""
    assert exit_code_of(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("trigml: ")
    assert "Traceback" not in captured.err
    return captured.err


def examples_of(help_text: str) -> list[list[str]]:
    return [shlex.split(line)[1:] for line in re.findall(r"^ +(trigml .*)$", help_text, re.MULTILINE)]


def test_examples_of_convert(capsys: Capture) -> None:
    """Every example in the help of convert makes the file that it says, with what its options ask for."""
    examples = examples_of(_CONVERT_HELP)
    made = {tuple(example): json_of(example, capsys) for example in examples}
    assert len(made) == 3
    root, csv, npz = made.values()
    assert (root["output"], root["n_events"], root["class_names"]) == (
        "events.h5",
        50,
        ["signal", "background"],
    )
    assert (csv["output"], csv["n_events"], csv["class_names"]) == ("jets.h5", 40, ["g", "q"])
    assert (npz["constituents"], npz["n_constituents"], npz["features"]) == (["part_pt"], 16, ["pt"])


def test_examples_of_describe_and_samples(files: Path, capsys: Capture) -> None:
    """Every other example of ``data`` works, as text and with --json, on a file made as the help says."""
    assert exit_code_of(examples_of(_CONVERT_HELP)[0]) == 0
    capsys.readouterr()
    describing, listing = examples_of(_DESCRIBE_HELP), examples_of(_SAMPLES_HELP)
    assert (len(describing), len(listing)) == (3, 1)
    for example in (*describing[:2], *listing):  # showers: test_data_showers.py
        words = [word for word in example if word != "--json"]
        assert exit_code_of(words) == 0
        text = capsys.readouterr()
        assert text.out.strip()
        assert not text.out.startswith(("{", "["))
        assert "Next:" in text.err
        assert json_of(words, capsys)


def test_help_shows_the_examples_as_they_are(capsys: Capture) -> None:
    """The examples can be copied from --help: no line of them is wrapped."""
    for command, text in (
        ("samples", _SAMPLES_HELP),
        ("describe", _DESCRIBE_HELP),
        ("convert", _CONVERT_HELP),
    ):
        assert exit_code_of(["data", command, "--help"]) == 0
        assert examples_of(capsys.readouterr().out) == examples_of(text)


def test_samples(capsys: Capture) -> None:
    """The packaged samples are listed with the numbers that describe finds in them."""
    listed = json_of(["data", "samples"], capsys)
    assert exit_code_of(["data", "samples"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["sample", "events", "features", "title"]
    assert len(lines) == 2 + len(listed) > 2
    for line, sample in zip(lines[2:], listed, strict=True):
        start = [f"sample:{sample['name']}", f"{sample['events']:,}", str(len(sample["features"]))]
        assert line.split()[:3] == start
        assert line.endswith(sample["title"])


def test_convert_csv_with_label_then_describe(capsys: Capture) -> None:
    """Classes, units and title of a CSV file arrive in what describe shows, as text and as JSON."""
    words = "data convert jets.csv -o out.h5 --label kind --class q --class g --unit mass=GeV --title".split()
    assert exit_code_of([*words, "my jets"]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [
        "40 events in out.h5",
        "features: pt, mass",
        "event ids: running number of the row, from 0",
        "classes: q, g",
    ]
    assert captured.err.splitlines()[-1] == "  trigml data describe out.h5"
    found = json_of(["data", "describe", "out.h5"], capsys)
    assert (found["title"], found["n_events"], found["n_collisions"]) == ("my jets", 40, 40)
    assert found["classes"] == [{"name": "q", "n_events": 20}, {"name": "g", "n_events": 20}]
    assert [(column["name"], column["unit"]) for column in found["features"]] == [("pt", ""), ("mass", "GeV")]
    assert found["provenance"] == {"converted_from": "jets.csv"}
    assert exit_code_of(["data", "describe", "out.h5"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("my jets\nout.h5: 40 events of 40 collisions")
    assert "classes: q 20, g 20" in text
    assert re.search(r"^mass +GeV ", text, re.MULTILINE)


def test_convert_one_class_per_file(capsys: Capture) -> None:
    """CLASS=FILE labels whole files; what is left out or nested is said."""
    assert exit_code_of("data convert a=parts.npz b=parts.npz -o two.h5".split()) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "50 events in two.h5"
    assert lines[3:] == ["classes: a, b", "left out: part_pt"]
    words = "data convert parts.npz -o con.h5 --constituents part_pt --n-constituents 3 --features pt".split()
    assert exit_code_of(words) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "constituents: 3 × part_pt"
    found = json_of(["data", "describe", "con.h5"], capsys)
    assert (found["n_constituents"], found["mean_constituents"], found["classes"]) == (3, 3.0, None)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("describe none.h5", "none.h5"),
        ("describe sample:none", "none"),
        ("describe jets.csv", "trigml data convert"),
        ("convert none.csv -o out.h5", "no such file"),
        ("convert signal=none.root background=qcd.root -o out.h5", "no such file"),
        ("convert signal=vbf.root qcd.root -o out.h5", "not clear which class"),
        ("convert signal=vbf.root -o out.h5 --label met", "not clear which class"),
        ("convert vbf.root -o out.h5 --tree events", "did you mean 'Events'?"),
        ("convert jets.csv -o out.h5 --unit GeV", "NAME=UNIT, for example mass=GeV"),
        ("convert jets.csv -o out.h5 --unit =GeV", "NAME=UNIT, for example mass=GeV"),
        ("convert jets.csv -o out.h5 --unit mas=GeV", "did you mean 'mass'?"),
        ("convert jets.csv -o out.h5 --label kinds", "did you mean 'kind'?"),
        ("convert jets.csv -o out.h5 --features kind", "does not hold numbers"),
        ("convert jets.csv -o out.h5 --n-constituents -1", "--n-constituents"),
        ("convert jets.csv", "--output"),
    ],
)
def test_mistakes(files: Path, capsys: Capture, command: str, message: str) -> None:
    """Each mistake is one message with exit code 2, nothing on stdout (--json or not), and no new file."""
    before = sorted(files.iterdir())
    assert message in refused(["data", *command.split()], capsys)
    assert message in refused(["data", *command.split(), "--json"], capsys)
    assert sorted(files.iterdir()) == before


def test_an_output_that_exists(capsys: Capture) -> None:
    """It is kept without --force, and replaced with it."""
    Path("out.h5").write_text("precious")
    assert "--force" in refused("data convert jets.csv -o out.h5 --label kind".split(), capsys)
    assert Path("out.h5").read_text() == "precious"
    assert json_of("data convert jets.csv -o out.h5 --label kind --force".split(), capsys)["n_events"] == 40


def test_damaged_tables(capsys: Capture) -> None:
    """A ROOT file that was cut short is one message that names it, not a traceback."""
    with uproot.recreate("long.root") as file:
        file.mktree("Events", {"con": awkward.Array([[1.0] * (row % 5) for row in range(900)])})
    content = Path("long.root").read_bytes()
    Path("long.root").write_bytes(content[: len(content) // 2])
    words = "data convert vbf.root long.root -o out.h5".split()
    assert "long.root" in refused(words, capsys)
    assert not Path("out.h5").exists()


def test_provenance_without_a_number_in_json(capsys: Capture) -> None:
    """NaN in the provenance of a file from elsewhere does not break --json."""
    assert exit_code_of("data convert jets.csv -o out.h5".split()) == 0
    with h5py.File("out.h5", "r+") as file:
        file["provenance"].attrs["weight"] = np.nan
    capsys.readouterr()
    assert json_of(["data", "describe", "out.h5"], capsys)["provenance"]["weight"] == "nan"
