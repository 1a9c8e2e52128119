"""Files of showers become events: words, shapes, truth, classes; for calorimeters of several geometries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import trigml.data.shower_events
from trigml.data.describe_showers import layout_of
from trigml.data.header import read_header
from trigml.data.primitives import load_primitives
from trigml.data.shower_events import ShowerConversion, ShowerOptions, showers_to_events
from trigml.data.showers import Particle, Showers
from trigml.errors import BadInput

MakeFile = Callable[..., Path]
# 4 layers of 5 x 5 ECAL cells and 6 of 3 x 3 HCAL cells, without noise: words are known.
SMALL = (
    "ecal.segments=[1, 3]",
    "ecal.towers=3",
    "ecal.layer_weights=[]",
    "ecal.scale=0.0625",
    "ecal.noise=0",
    "hcal.segments=[2, 4]",
    "hcal.scale=0.125",
    "hcal.noise=0",
)


def converted(
    sources: list[tuple[str, Path]], *changes: str, out: str = "out.h5", seed: int = 1, layout: str = "lcd"
) -> ShowerConversion:
    options = ShowerOptions(
        layout=layout_of(sources[0][1], layout), primitives=load_primitives(changes=changes), seed=seed
    )
    return showers_to_events(sources, sources[0][1].parent / out, options, force=True)


def columns(path: Path | str) -> dict[str, np.ndarray]:
    """All datasets of the events, in the order of their ids."""
    with h5py.File(path) as file:
        order = np.argsort(file["event_id"][:])
        found = {"event_id": file["event_id"][:][order], "labels": file["labels"][:][order]}
        found |= {name: dataset[:][order] for name, dataset in file["features"].items()}
        return found | {"cells": file["constituents/energy"][:][order].astype(np.float64)}


def test_words_are_the_sums_of_the_cells_in_the_file(make_lcd: MakeFile) -> None:
    """Protects axes, units and sums: the words from the file's own arrays, (x, y, layer) in GeV."""
    paths = [make_lcd("g.h5"), make_lcd("p.h5", 30, 111)]
    made = converted([("gamma", paths[0]), ("pi0", paths[1])], *SMALL)
    assert (made.ecal, made.hcal, made.n_events) == ((2, 3, 3), (2, 3, 3), 70)
    found = columns(made.output)
    np.testing.assert_array_equal(
        found["event_id"], [*range(40), *(np.uint64(1 << 32) + np.arange(30, dtype=np.uint64))]
    )
    np.testing.assert_array_equal(found["labels"], [0] * 40 + [1] * 30)
    with h5py.File(paths[1]) as file:
        ecal, hcal = file["ECAL"][:].astype(np.float32), file["HCAL"][:].astype(np.float32)
    towers = np.add.reduceat(np.add.reduceat(ecal, [0, 1, 4], axis=1), [0, 1, 4], axis=2)
    sums = np.stack([towers[..., 0], towers[..., 1:].sum(axis=3)], axis=1).transpose(0, 1, 3, 2)
    behind = np.stack([hcal[..., :2].sum(axis=3), hcal[..., 2:].sum(axis=3)], axis=1).transpose(0, 1, 3, 2)
    for cells, scale, threshold, part in ((sums, 0.0625, 2, slice(0, 18)), (behind, 0.125, 4, slice(18, 36))):
        words = np.minimum(np.rint(1000 * scale * 32 * cells.astype(np.float64)), 2047).reshape(30, -1)
        words[words < threshold] = 0
        near_half = np.abs(np.mod(1000 * scale * 32 * cells.reshape(30, -1), 1) - 0.5) < 1e-3
        got = found["cells"][40:, part] * 32
        assert ((got == words) | near_half).all()
        assert near_half.mean() < 0.02
        assert (words > 0).mean() > 0.2, "the comparison has something to compare"
    np.testing.assert_array_equal(found["true_energy"], [*(np.arange(40) + 5), *(np.arange(30) + 5)])


def test_words_do_not_depend_on_what_the_layout_calls_things(make_lcd: MakeFile) -> None:
    """Protects both layouts: the same showers with other axes and units give the same events."""
    lcd = make_lcd("lcd.h5")
    with h5py.File(lcd) as file:
        content = {name: file[name][:] for name in file}
    turned = {name: 1000 * content[name].transpose(0, 3, 2, 1) for name in ("ECAL", "HCAL")}
    geant4 = make_lcd("geant4.h5", **turned)
    first = converted([("gamma", lcd)], *SMALL, out="a.h5")
    second = converted([("gamma", geant4)], *SMALL, out="b.h5", layout="geant4")
    a, b = columns(first.output), columns(second.output)
    assert a.keys() == b.keys()
    for name, values in a.items():
        np.testing.assert_array_equal(values, b[name], err_msg=name)
    # A planted error: x and y swapped in one of them is seen.
    swapped = make_lcd("swapped.h5", ECAL=content["ECAL"].transpose(0, 2, 1, 3))
    third = converted([("gamma", swapped)], *SMALL, out="c.h5")
    assert (columns(third.output)["cells"] != a["cells"]).any()


def test_swapped_layers_are_another_calorimeter(make_lcd: MakeFile) -> None:
    """Protects from the wrong layout: declared axes that do not fit the primitives are refused."""
    path = make_lcd("g.h5")
    with pytest.raises(BadInput, match="another calorimeter"):
        converted([("gamma", path)], *SMALL, layout="geant4")
    assert not (path.parent / "out.h5").exists()


def test_raw_cells_are_possible(make_lcd: MakeFile) -> None:
    """Protects those who want the cells themselves: every cell one word, all bits, no suppression."""
    path = make_lcd("g.h5", HCAL=None)
    made = converted(
        [("gamma", path)],
        *("ecal.segments=1", "ecal.towers=1", "ecal.layer_weights=[]", "ecal.noise=0", "ecal.zero_below=0"),
        *("hcal=null", "lsb=0.001", "bits=16", "ecal.scale=0.0625", "feature_bits=null"),
    )
    found = columns(made.output)
    with h5py.File(path) as file:
        cells = file["ECAL"][:].transpose(0, 3, 2, 1).reshape(40, 100)
    np.testing.assert_allclose(found["cells"], 62.5 * cells, atol=0.0005 + 1e-6)
    header = read_header(Path(made.output))
    assert header.constituents[0].dtype == "float32", "half precision does not hold 16 bits"
    assert not any("hcal" in name for name in header.feature_names)
    assert "energy" in header.constituents[0].name


def test_one_segment_has_no_second_layer(make_lcd: MakeFile) -> None:
    """Protects calorimeters without depth: features that they do not have are left out, not zero."""
    made = converted([("gamma", make_lcd("g.h5"))], *SMALL, "ecal.segments=[4]")
    assert "layer1_energy" in made.features
    assert not any("layer2" in name for name in made.features)


def test_the_opening_angle_goes_into_the_events(make_lcd: MakeFile) -> None:
    """Protects the study's cut: the angle arrives as truth; a class without it has 0, and this is said."""
    angle = np.linspace(0.005, 0.05, 30)
    pi0 = make_lcd("p.h5", 30, 111, openingAngle=angle)
    made = converted([("gamma", make_lcd("g.h5")), ("pi0", pi0)], *SMALL)
    found = columns(made.output)["true_opening_angle"]
    np.testing.assert_allclose(found[40:], angle, rtol=2**-13)
    np.testing.assert_array_equal(found[:40], 0)
    assert any("true_opening_angle is 0 for gamma" in remark for remark in made.remarks)
    header = read_header(Path(made.output))
    assert "opening_angle" not in header.provenance
    without = converted([("gamma", make_lcd("g.h5"))], *SMALL)
    assert "true_opening_angle" not in without.features
    assert "neutral_pions" in str(read_header(Path(without.output)).provenance["opening_angle"])


def test_several_files_of_a_class_are_one_class(make_lcd: MakeFile) -> None:
    """Protects samples in many files: rows are numbered on, so that ids stay unique and stable."""
    with h5py.File(make_lcd("all.h5", 40)) as file:
        content = {name: file[name][:] for name in file}
    halves = [
        make_lcd(f"{part}.h5", **{name: values[rows] for name, values in content.items()})
        for part, rows in (("a", slice(0, 25)), ("b", slice(25, 40)))
    ]
    whole = converted([("gamma", halves[0].parent / "all.h5")], *SMALL, out="whole.h5")
    parts = converted([("gamma", path) for path in halves], *SMALL, out="parts.h5")
    assert (parts.classes[0].n_files, parts.classes[0].n_events) == (2, 40)
    a, b = columns(whole.output), columns(parts.output)
    for name, values in a.items():
        np.testing.assert_array_equal(values, b[name], err_msg=name)
    about = read_header(Path(parts.output)).provenance
    assert "2 files" in str(about["sha256 of gamma"])
    with pytest.raises(BadInput, match="named twice"):
        converted([("gamma", halves[0]), ("pi0", halves[0])], *SMALL)


def test_ids_do_not_depend_on_the_seed(make_lcd: MakeFile) -> None:
    """Protects splits: another seed changes order and noise, not which shower has which id."""
    path = make_lcd("g.h5")
    noisy = (*SMALL, "ecal.noise=0.2")
    one, two, again = (
        converted([("gamma", path)], *noisy, out=f"{name}.h5", seed=seed)
        for name, seed in (("a", 1), ("b", 2), ("c", 1))
    )
    assert Path(one.output).read_bytes() == Path(again.output).read_bytes()
    a, b = columns(one.output), columns(two.output)
    np.testing.assert_array_equal(a["true_energy"], b["true_energy"])
    assert (a["cells"] != b["cells"]).any()
    with h5py.File(one.output) as first, h5py.File(two.output) as second:
        assert (first["event_id"][:] != second["event_id"][:]).any()


def test_what_is_off_is_remarked(make_lcd: MakeFile) -> None:
    """Protects from wrong units and scales: response, saturation and unchecked particles are told."""
    path = make_lcd("g.h5", pdgID=None)
    made = converted([("gamma", path)], *SMALL, "ecal.scale=62.5")
    together = " ".join(made.remarks)
    assert made.classes[0].response > 2
    assert made.classes[0].saturated == 40
    for text in ("not near the true energy for gamma", "saturated word: gamma", "no PDG numbers"):
        assert text in together
    found = columns(made.output)
    expected = np.mean(found["cells"].sum(axis=1) / found["true_energy"])
    assert made.classes[0].response == pytest.approx(expected, rel=1e-3)
    fine = converted([("gamma", make_lcd("h.h5"))], *SMALL, "hcal=null")
    assert fine.remarks == ("the HCAL was left out, as the trigger primitives say",)


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"pdg": 111}, "another particle than the class 'gamma'"),
        ({"ECAL": np.full((40, 5, 5, 4), -0.001)}, "negative.*|ECAL, row"),
        ({"HCAL": np.full((40, 3, 3, 6), np.nan)}, "HCAL, row"),
        ({"energy": np.zeros(40)}, "not positive"),
        ({"energy": None}, "'energy' is missing"),
        ({"openingAngle": np.full(40, np.nan)}, "openingAngle, row"),
        ({"openingAngle": np.ones(39)}, "differ in length"),
        ({"ECAL": np.ones((40, 100))}, "wrong shape"),
    ],
)
def test_unusable_files_leave_nothing(make_lcd: MakeFile, changed: dict[str, Any], problem: str) -> None:
    """Protects from a half-written file: an old output stays as it was, no piece lies beside it."""
    path = make_lcd("g.h5", **changed)
    (path.parent / "out.h5").write_text("precious")
    with pytest.raises(BadInput, match=problem):
        converted([("gamma", path)], *SMALL)
    assert sorted(file.name for file in path.parent.iterdir()) == ["g.h5", "out.h5"]
    assert (path.parent / "out.h5").read_text() == "precious"


def test_an_interruption_leaves_nothing(make_lcd: MakeFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects from a half-written file when the user stops the command in its middle."""
    path = make_lcd("g.h5")

    def stopped(mixture: tuple[Particle, ...], **options: int) -> Iterator[Showers]:
        batches = trigml.data.showers.mixed_showers(mixture, seed=options["seed"], n_showers=8)
        yield next(batches)
        raise KeyboardInterrupt

    monkeypatch.setattr(trigml.data.shower_events, "mixed_showers", stopped)
    with pytest.raises(KeyboardInterrupt):
        converted([("gamma", path)], *SMALL)
    assert [file.name for file in path.parent.iterdir()] == ["g.h5"]


def test_outputs_that_would_destroy_something_are_refused(make_lcd: MakeFile) -> None:
    """Protects the sources and older events."""
    path = make_lcd("g.h5")
    with pytest.raises(BadInput, match="one of the files to read"):
        converted([("gamma", path)], *SMALL, out="g.h5")
    options = ShowerOptions(layout=layout_of(path, None), primitives=load_primitives(changes=SMALL))
    (path.parent / "old.h5").touch()
    with pytest.raises(BadInput, match="--force"):
        showers_to_events([("gamma", path)], path.parent / "old.h5", options)


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_seeds_that_a_file_cannot_hold_are_refused(make_lcd: MakeFile, seed: int) -> None:
    """Protects from a traceback: the seed goes into the provenance, which holds integers of 64 bits."""
    with pytest.raises(BadInput, match="this cannot be a seed"):
        converted([("gamma", make_lcd("g.h5"))], *SMALL, seed=seed)
