"""Trigger primitives as YAML: what the keys mean, and what is said of mistakes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trigml.data.primitives import PrimitivesFile, described, load_primitives
from trigml.errors import BadInput

ECAL, HCAL = (25, 25, 25), (60, 5, 5)
TOWERS = (2, 3, 3, 3, 3, 3, 3, 3, 2)


def changed(*changes: str) -> PrimitivesFile:
    return load_primitives(changes=changes)


def test_the_shipped_file_is_the_packaged_sample() -> None:
    """Protects sample:showers: the steps that docs/showers.md describes, to the number."""
    fitted = load_primitives().fitted(ECAL, HCAL)
    assert fitted.ecal.grid.layers == (4, 8, 13)
    assert fitted.ecal.grid.y == fitted.ecal.grid.x == TOWERS
    assert fitted.ecal.weights == (1.0,) * 17 + (2.0,) * 8
    assert (fitted.ecal.scale, fitted.ecal.noise) == (0.0556, 0.020)
    assert (fitted.ecal.word.lsb, fitted.ecal.word.bits, fitted.ecal.word.zero_below) == (1 / 32, 11, 2)
    assert fitted.hcal is not None
    assert fitted.hcal.grid.shape == (2, 5, 5)
    assert (fitted.hcal.scale, fitted.hcal.noise, fitted.hcal.weights) == (0.0609, 0.040, None)
    assert fitted.hcal.word == replace(fitted.ecal.word, zero_below=4)
    assert fitted.n_trigger_cells == 293


def test_lengths_can_be_one_number_or_many() -> None:
    """Protects other windows: towers about the middle, segments from the front with the rest last."""
    fitted = changed("ecal.segments=10", "ecal.towers={y: 5, x: [12, 1, 12]}").fitted(ECAL, HCAL)
    assert fitted.ecal.grid.layers == (10, 10, 5)
    assert fitted.ecal.grid.y == (5,) * 5
    assert fitted.ecal.grid.x == (12, 1, 12)
    wide = changed("ecal.layer_weights=[]", "hcal.towers=3").fitted((25, 51, 51), (60, 11, 11))
    assert wide.ecal.grid.y == (3,) * 17
    assert wide.hcal is not None
    assert wide.hcal.grid.y == (1, 3, 3, 3, 1)


def test_steps_are_done_in_their_order_on_real_words() -> None:
    """Protects the chain by a shower worked out by hand: weights, sums, scale, saturation, suppression."""
    fitted = changed(
        "ecal.noise=0", "ecal.segments=[17, 8]", "ecal.towers=25", "bits=9", "ecal.scale=0.0625"
    ).fitted(ECAL, HCAL)
    cells = np.zeros((3, 25, 25, 25), np.float32)
    cells[0, 16, 0, 24], cells[0, 17, 24, 0] = 10.0, 10.0  # 20 and 40 LSB
    cells[1, 0, 12, 12] = 0.6  # 1.2 LSB: suppressed
    cells[2, 24, 12, 12] = 1000.0  # 4000 LSB: saturates
    words = fitted.ecal.words(cells, np.random.default_rng(1))
    assert words[:, :, 0, 0].tolist() == [[20, 40], [0, 0], [0, 511]]


def test_provenance_says_every_step() -> None:
    """Protects the record: each step that was changed is in the words for the provenance."""
    made = changed(
        "ecal.segments=5", "hcal=null", "lsb=0.05", "ecal.layer_weights=[{layers: 25, weight: 1.5}]"
    )
    text = described(made.fitted(ECAL, HCAL), made.feature_bits)
    assert text == {
        "trigger_cells": f"layers: ECAL (5, 5, 5, 5, 5); towers: ECAL {TOWERS} squared",
        "scale": "GeV per MeV: ECAL 0.0556 (last 25 layers times 1.5)",
        "noise": "Gaussian, per trigger cell: ECAL 0.02 GeV",
        "words": "LSB 0.05 GeV, 11 bits without sign; words below 2 (ECAL) are 0",
        "significant_bits": "features 14, words exact",
    }
    default = load_primitives()
    text = described(default.fitted(ECAL, HCAL), None)
    assert text["scale"] == "GeV per MeV: ECAL 0.0556 (last 8 layers twice), HCAL 0.0609"
    assert str(text["words"]).startswith("LSB 1/32 GeV, 11 bits")
    assert text["significant_bits"] == "features as computed, words exact"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("ecal.tower=3", "did you mean ecal.towers"),
        ("ecal.towers.y=3", "has no keys"),
        ("ecal.noise", "a key and a value"),
        ("ecal.noise=-1", "greater than or equal to 0"),
        ("lsb=0", "greater than 0"),
        ("bits=17", "less than or equal to 16"),
        ("ecal.segments=[]", "ecal.segments"),
        ("ecal.scale=much", "ecal.scale"),
        ("ecal.layer_weights=[{layers: 5}]", "weight"),
    ],
)
def test_changes_that_cannot_be_are_refused(change: str, problem: str) -> None:
    """Protects from a key that is silently ignored, and from steps that are none."""
    with pytest.raises(BadInput, match=problem):
        changed(change)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("ecal.segments=[4, 8, 12]", "25 layers"),
        ("ecal.towers=[5, 5, 5]", "25 cells"),
        ("ecal.towers=2", "symmetrically"),
        ("ecal.towers=26", "at most 25 cells"),
        ("ecal.layer_weights=[{layers: 24, weight: 1}]", "25 layers"),
        ("ecal.zero_below=4000", "zero suppression"),
    ],
)
def test_primitives_of_another_calorimeter_are_refused(change: str, problem: str) -> None:
    """Protects from summing cells that are not there."""
    with pytest.raises(BadInput, match=problem):
        changed(change).fitted(ECAL, HCAL)


@pytest.mark.parametrize(
    "value", ["0", "[]", "[3, 0]", "4097", "1.5", "yes", "{y: 0, x: 3}", "{y: 3}", "{z: 3}"]
)
def test_lengths_that_cannot_be_are_said_plainly(value: str) -> None:
    """Protects against names of the validator's types in a message: what is expected, and where."""
    with pytest.raises(BadInput, match=r"ecal\.towers") as refused:
        changed(f"ecal.towers={value}")
    text = str(refused.value)
    assert "number" in str(refused.value.expected)
    assert not any(leak in text for leak in ("constrained", "tuple", "function", "Towers", "then look at"))


def test_an_hcal_is_not_left_out_unasked() -> None:
    """Protects the layout of the inputs: without an HCAL in the file, the primitives have to say so."""
    with pytest.raises(BadInput, match="no HCAL"):
        load_primitives().fitted(ECAL, None)
    assert changed("hcal=null").fitted(ECAL, HCAL).hcal is None


def test_files_that_are_no_primitives_are_explained(tmp_path: Path) -> None:
    """Protects from tracebacks: unknown keys with their line, files that are not there."""
    path = tmp_path / "mine.yml"
    path.write_text("lsb: 0.5\nbits: 8\necal: {segments: 1, towers: 1, scale: 1}\nhcal_noise: 3\n")
    with pytest.raises(BadInput, match="line 4"):
        load_primitives(path)
    with pytest.raises(BadInput, match="No such file"):
        load_primitives(tmp_path / "none.yml")
