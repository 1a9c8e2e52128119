"""``trigml data`` on shower files, as a user types it: describe, showers, scales, primitives."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import yaml

from trigml.cli.data import _DESCRIBE_HELP, _PRIMITIVES_HELP, _SCALES_HELP, _SHOWERS_HELP
from trigml.cli.main import exit_code_of
from trigml.data.shower_layouts import load_layout

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "showers.md"
Capture = pytest.CaptureFixture[str]


def write(path: Path, pdg: int, axes: str = "layer, y, x", n: int = 12, **changed: Any) -> None:
    """Showers of a few cells; ``changed`` datasets replace others, or leave them out (None)."""
    rng = np.random.default_rng(abs(pdg))
    ecal, hcal = np.zeros((n, 25, 25, 25), np.float32), np.zeros((n, 60, 5, 5), np.float32)
    part = 0.1 if abs(pdg) == 211 else 1.0  # charged pions leave most of their energy in the HCAL
    ecal[:, 5:20, 12, 12], hcal[:, 3, 2, 2] = 20 * part * rng.random((n, 15)), 30 * rng.random(n)
    if axes == "x, y, layer":
        ecal, hcal = (cells.transpose(0, 3, 2, 1) / 1000 for cells in (ecal, hcal))
    content = {"ECAL": ecal, "HCAL": hcal, "energy": rng.uniform(4, 20, n), "pdgID": np.full(n, pdg)}
    path.parent.mkdir(exist_ok=True)
    with h5py.File(path, "w") as file:
        for name, values in (content | changed).items():
            if values is not None:
                file.create_dataset(name, data=values, compression="gzip", chunks=(4, *values.shape[1:]))


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in with the files that the help texts and the tests name."""
    monkeypatch.chdir(tmp_path)
    for name, pdg in (("gamma", 22), ("pi0", 111), ("electron", 11), ("piminus", -211)):
        write(Path(f"{name}.h5"), pdg)
    for name, pdg in (("Gamma_1", 22), ("Gamma_2", 22), ("Pi0_1", 111)):
        write(Path(f"lcd/{name}.h5"), pdg, "x, y, layer", openingAngle=np.linspace(0.005, 0.1, 12))
    return tmp_path


def json_of(arguments: list[str], capsys: Capture) -> Any:
    """The whole of stdout as JSON; the command succeeds."""
    assert exit_code_of([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def examples_of(help_text: str) -> list[list[str]]:
    joined = re.sub(r" \\\n +", " ", help_text)
    return [shlex.split(line)[1:] for line in re.findall(r"^ +(trigml .*)$", joined, re.MULTILINE)]


def test_examples(capsys: Capture) -> None:
    """Every example of the help texts works on files made as they say, as text and with --json."""
    assert exit_code_of(examples_of(_PRIMITIVES_HELP)[0]) == 0
    Path("mine.yml").write_text(capsys.readouterr().out)
    examples = examples_of(_SHOWERS_HELP)
    assert len(examples) == 3
    made = [json_of(example, capsys) for example in examples]
    assert [one["n_events"] for one in made] == [24, 24, 36]
    assert [one["ecal"] for one in made] == [[3, 9, 9], [3, 25, 25], [3, 9, 9]]
    assert [one["layout"] for one in made] == ["geant4", "geant4", "lcd"]
    assert made[2]["classes"][0] | {"response": 0} == {
        "name": "gamma",
        "n_events": 24,
        "n_files": 2,
        "response": 0,
        "saturated": 0,
    }
    assert "true_opening_angle" in made[2]["features"]
    assert json_of(examples_of(_SCALES_HELP)[0], capsys).keys() == {"ecal", "hcal"}
    assert json_of(examples_of(_DESCRIBE_HELP)[2], capsys)["layout"] == "geant4"
    for example in (examples[0] + ["--force"], examples_of(_SCALES_HELP)[0], examples_of(_DESCRIBE_HELP)[2]):
        assert exit_code_of(example) == 0
        captured = capsys.readouterr()
        assert captured.out.strip()
        assert "Next:\n  trigml data" in captured.err


def test_help_shows_the_examples_as_they_are(capsys: Capture) -> None:
    """The examples can be copied from --help: no line of them is wrapped."""
    texts = (("showers", _SHOWERS_HELP), ("scales", _SCALES_HELP), ("primitives", _PRIMITIVES_HELP))
    for command, text in texts:
        assert exit_code_of(["data", command, "--help"]) == 0
        assert examples_of(capsys.readouterr().out) == examples_of(text)


def test_the_document_runs(capsys: Capture) -> None:
    """Protects docs/showers.md: its commands, its layout file and its Python work as they stand there."""
    _, _, section = DOCUMENT.read_text().partition("## Your own showers")
    commands = examples_of(section)
    assert len(commands) == 7
    for words in commands:
        assert exit_code_of(words) == 0, words
    with h5py.File("cells.h5") as file:
        assert file["constituents/energy"].shape == (24, 25 * 25 * 25)
    blocks = dict(re.findall(r"^```(\w+)\n(.*?)^```", section, re.MULTILINE | re.DOTALL))
    Path("own.yml").write_text(blocks["yaml"])
    layout = load_layout("own.yml", Path("gamma.h5")).layout
    assert (layout.ecal, layout.energy, layout.extras[0].dataset) == ("cells", "truth[0]", "truth[2]")
    exec(blocks["python"], {})


def test_describe_shows_the_layout(capsys: Capture) -> None:
    """Protects what a user sees first of a file: layout, cells, particles, energies."""
    assert exit_code_of("data describe lcd/Pi0_1.h5".split()) == 0
    text = capsys.readouterr().out
    assert text.startswith(
        "Showers in the layout lcd, axes of the cells (x, y, layer)\nlcd/Pi0_1.h5: 12 show"
    )
    assert "PDG numbers: 111 (neutral pions) 12" in text
    assert re.search(r"^ECAL +float32 +25 +25 +25 ", text, re.MULTILINE)
    assert re.search(r"^HCAL +float32 +60 +5 +5 ", text, re.MULTILINE)
    assert re.search(r"^openingAngle \(true_opening_angle\) +rad ", text, re.MULTILINE)


def test_the_file_of_events_records_the_steps(capsys: Capture) -> None:
    """Protects the provenance: the command, the steps as changed, the notes, the digests of the sources."""
    words = (
        "data showers gamma=gamma.h5 pi0=./pi0.h5 -o out.h5 --set ecal.noise=0.5 --seed 3 --note licence=CC0"
    )
    assert exit_code_of(words.split()) == 0
    capsys.readouterr()
    about = json_of("data describe out.h5".split(), capsys)["provenance"]
    assert about["command"] == "trigml data showers gamma=gamma.h5 pi0=pi0.h5 --set ecal.noise=0.5 --seed 3"
    assert (about["seed"], about["licence"]) == (3, "CC0")
    assert about["noise"] == "Gaussian, per trigger cell: ECAL 0.5 GeV, HCAL 0.04 GeV"
    assert re.fullmatch("[0-9a-f]{64}", about["sha256 of gamma"])


def test_a_layout_of_ones_own(capsys: Capture) -> None:
    """Protects files of other names: refused with what they hold, read with a layout file."""
    with h5py.File("pi0.h5") as file, h5py.File("own.h5", "w") as own:
        for name, mine in (("ECAL", "cells"), ("HCAL", "behind"), ("energy", "E")):
            own[mine] = file[name][:]
    assert exit_code_of("data describe own.h5".split()) == 2
    message = capsys.readouterr().err
    for text in ("cells (12, 25, 25, 25) float32", "--layout FILE.yml", "deposits"):
        assert text in message
    layout = {"ecal": "cells", "hcal": "behind", "energy": "E", "deposits": "MeV"}
    Path("own.yml").write_text(yaml.safe_dump(layout))
    assert json_of("data describe own.h5 --layout own.yml".split(), capsys)["particles"] is None
    made = json_of("data showers pi0=own.h5 -o own_events.h5 --layout own.yml".split(), capsys)
    theirs = json_of("data showers pi0=pi0.h5 -o events.h5".split(), capsys)
    assert made["classes"] == theirs["classes"]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("showers gamma=none.h5 -o out.h5", "no such file"),
        ("showers gamma.h5 -o out.h5", "CLASS=gamma.h5"),
        ("showers gamma=none*.h5 -o out.h5", "no file matches"),
        ("showers gamma=pi0.h5 -o out.h5", "another particle than the class 'gamma'"),
        ("showers a=gamma.h5 a=pi0.h5 -o out.h5", "more than one kind of particle"),
        ("showers gamma=gamma.h5 pi0=lcd/Pi0_1.h5 -o out.h5", "different calorimeters"),
        ("showers gamma=cut.h5 -o out.h5", "truncated"),
        ("showers gamma=linked.h5 -o out.h5 --layout geant4", "external link"),
        ("showers gamma=objects.h5 -o out.h5 --layout geant4", "wrong kind"),
        ("showers gamma=rank.h5 -o out.h5 --layout geant4", "wrong shape"),
        ("showers gamma=negative.h5 -o out.h5", "negative.h5: ECAL, row 7"),
        ("showers gamma=nan.h5 -o out.h5", "nan.h5: HCAL, row 3"),
        ("showers gamma=no_energy.h5 -o out.h5 --layout lcd", "'energy' is missing"),
        ("showers gamma=lcd/Gamma_1.h5 -o out.h5 --layout geant4", "another calorimeter"),
        ("showers gamma=no_hcal.h5 -o out.h5 --layout geant4", "no HCAL"),
        ("showers gamma=gamma.h5 -o out.h5 --layout ldc", "did you mean 'lcd'"),
        ("showers gamma=gamma.h5 -o out.h5 --set ecal.tower=1", "did you mean ecal.towers"),
        ("showers gamma=gamma.h5 -o out.h5 --primitives none.yml", "none.yml"),
        ("showers gamma=gamma.h5 -o out.h5 --seed -1", "--seed"),
        ("showers gamma=gamma.h5 -o out.h5 --note licence", "KEY=TEXT"),
        ("showers gamma=gamma.h5 -o gamma.h5 --force", "one of the files to read"),
        ("scales pion=piminus.h5", "electron=FILE"),
        ("describe no_energy.h5", "--layout FILE.yml"),
        ("describe cut.h5", "truncated"),
    ],
)
def test_mistakes(files: Path, capsys: Capture, command: str, message: str) -> None:
    """Each mistake is one message with exit code 2, nothing on stdout, and no new file."""
    Path("cut.h5").write_bytes(Path("gamma.h5").read_bytes()[:-500])
    with h5py.File("linked.h5", "w") as file:
        file["ECAL"] = h5py.ExternalLink("gamma.h5", "ECAL")
    write(Path("objects.h5"), 22, pdgID=None)
    with h5py.File("objects.h5", "a") as file:
        file["pdgID"] = np.array(["22"] * 12, dtype=object)
    with h5py.File("gamma.h5") as file:
        negative, hole = file["ECAL"][:], file["HCAL"][:]
    negative[7, 3, 2, 1], hole[3, 5, 1, 1] = -1, np.nan
    write(Path("rank.h5"), 22, ECAL=negative[..., 0])
    write(Path("negative.h5"), 22, ECAL=negative)
    write(Path("nan.h5"), 22, HCAL=hole)
    write(Path("no_energy.h5"), 22, energy=None)
    write(Path("no_hcal.h5"), 22, HCAL=None)
    before = sorted((path, path.stat().st_mtime_ns) for path in files.iterdir())
    assert exit_code_of(["data", *command.split()]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert "Traceback" not in captured.err
    assert sorted((path, path.stat().st_mtime_ns) for path in files.iterdir()) == before
