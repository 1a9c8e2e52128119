"""Symmetries of the detector in training: which events a network sees."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trigml.data.layout import Column, EventsWriter
from trigml.errors import BadInput
from trigml.spec import Spec, spec_from_text
from trigml.spec.training import Symmetry
from trigml.training.events import (
    Streamed,
    event_source,
    float_inputs,
    gather_events,
    in_pieces,
    quantized_inputs,
)
from trigml.training.inputs import input_contract
from trigml.training.symmetries import Symmetrised, generated_by, permutation_of, symmetrised

IMAGES = ((2, 3, 3), (1, 2, 2))
CELLS = 22
ALL: tuple[Symmetry, ...] = ("mirror_x", "mirror_y", "transpose")
lengths = st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4))


@pytest.fixture(scope="module")
def showers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """400 events of two classes; every cell of every event holds another energy, a multiple of 1/64 GeV."""
    rng = np.random.default_rng(1)
    energy = rng.permutation(400 * CELLS).reshape(400, CELLS) / 64
    path = tmp_path_factory.mktemp("showers") / "showers.h5"
    with EventsWriter(
        path,
        title="toy showers",
        features=[Column("depth", "mm")],
        constituents=[Column("energy", "GeV")],
        n_constituents=CELLS,
        class_names=("a", "b"),
        chunk_events=64,
    ) as writer:
        writer.append(
            event_id=np.arange(400),
            features={"depth": np.zeros(400)},
            constituents={"energy": energy},
            labels=rng.integers(0, 2, 400),
        )
    return path


def spec_on(path: Path, cells: str = "images: [[2, 3, 3], [1, 2, 2]]", more: str = "") -> Spec:
    return spec_from_text(
        f"""\
trigml: 1
name: cells
data: {{files: [{path}], classes: [a, b]}}
inputs: {{format: "ap_fixed<12,4,RND_CONV,SAT>", cells: {{column: energy, {cells}}}{more}}}
model: {{hidden: [4]}}
training: {{symmetries: [mirror_x, mirror_y, transpose]}}
""",
        "cells.yml",
    )


def seen(spec: Spec, *, streamed: bool, epoch: int, seed: int = 3, quantized: bool = True) -> np.ndarray:
    """All model inputs of an epoch."""
    source = event_source(spec)
    gathered = gather_events(source, seed=1, memory_budget=0 if streamed else 2**20)
    assert gathered.streamed == streamed
    contract = input_contract(spec, gathered)
    prepare = (quantized_inputs if quantized else float_inputs)(contract)
    events = symmetrised(spec, contract, gathered.training_events(prepare, seed), seed=seed)
    return np.concatenate([inputs for inputs, _ in events.epoch(epoch, 50)])


@given(lengths, lengths, st.integers(0, 2**31))
def test_each_symmetry_is_that_of_the_image(
    one: tuple[int, int, int], other: tuple[int, int, int], seed: int
) -> None:
    """Both images of a row of cells are mirrored and transposed as NumPy does it, segment by segment."""
    first = np.random.default_rng(seed).normal(size=one)
    second = np.random.default_rng(seed + 1).normal(size=other)
    cells = np.concatenate([first.ravel(), second.ravel()])
    for name, changed in (
        ("mirror_x", lambda image: np.flip(image, 2)),
        ("mirror_y", lambda image: np.flip(image, 1)),
        ("transpose", lambda image: np.swapaxes(image, 1, 2)),
    ):
        expected = np.concatenate([changed(first).ravel(), changed(second).ravel()])
        np.testing.assert_array_equal(cells[permutation_of(name, (one, other))], expected)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("names", "order"),
    [(("mirror_x",), 2), (("mirror_x", "mirror_y"), 4), (("mirror_x", "transpose"), 8), (ALL, 8)],
)
def test_the_generated_group_is_closed(names: tuple[Symmetry, ...], order: int) -> None:
    """The identity comes first, no element twice, and every product of two is in it."""
    group = generated_by([permutation_of(name, IMAGES) for name in names])
    elements = {tuple(element) for element in group}
    assert len(elements) == len(group) == order
    np.testing.assert_array_equal(group[0], np.arange(CELLS))
    assert all(tuple(one[other]) in elements for one in group for other in group)


@pytest.mark.parametrize("quantized", [False, True])
@pytest.mark.parametrize("streamed", [False, True])
def test_every_event_is_seen_through_one_symmetry(showers: Path, streamed: bool, quantized: bool) -> None:
    """Each event once an epoch, both images changed alike; every element occurs, others in other epochs."""
    spec = spec_on(showers)
    gathered = gather_events(event_source(spec), seed=1)
    contract = input_contract(spec, gathered)
    prepare = (quantized_inputs if quantized else float_inputs)(contract)
    group = generated_by([permutation_of(name, IMAGES) for name in ALL])
    owner = {
        tuple(image.tolist()): (event, element)
        for element, cells in enumerate(group)
        for event, image in enumerate(in_pieces(prepare, gathered.training.features[:, cells]))
    }
    found = [
        [
            owner[tuple(event.tolist())]
            for event in seen(spec, streamed=streamed, epoch=n, quantized=quantized)
        ]
        for n in (0, 1)
    ]
    for epoch in found:
        assert sorted(event for event, _ in epoch) == list(range(len(gathered.training)))
        counts = np.bincount([element for _, element in epoch], minlength=8)
        assert counts.min() > 0.5 * counts.mean()
    assert dict(found[0]) != dict(found[1])


@pytest.mark.parametrize("streamed", [False, True])
def test_what_is_seen_depends_on_seed_and_epoch_alone(showers: Path, streamed: bool) -> None:
    """A training that goes on in a later epoch sees that epoch as an undisturbed one does."""
    spec = spec_on(showers)
    again = seen(spec, streamed=streamed, epoch=5)
    np.testing.assert_array_equal(seen(spec, streamed=streamed, epoch=5), again)
    assert not np.array_equal(seen(spec, streamed=streamed, epoch=6), again)
    assert not np.array_equal(seen(spec, streamed=streamed, epoch=5, seed=4), again)


def test_without_symmetries_the_events_stay_themselves(showers: Path) -> None:
    """Nothing is wrapped, and so nothing is drawn, where no symmetry is asked for."""
    spec = spec_on(showers)
    plain = spec.model_copy(update={"training": spec.training.model_copy(update={"symmetries": ()})})
    gathered = gather_events(event_source(spec), seed=1)
    contract = input_contract(spec, gathered)
    events = gathered.training_events(quantized_inputs(contract), 1)
    assert symmetrised(plain, contract, events, seed=1) is events
    assert isinstance(symmetrised(spec, contract, events, seed=1), Symmetrised)
    assert not isinstance(events, Streamed)


def test_validation_events_are_never_transformed(showers: Path) -> None:
    """The best epoch is chosen on events as the detector sees them."""
    spec = spec_on(showers)
    gathered = gather_events(event_source(spec), seed=1)
    prepare = quantized_inputs(input_contract(spec, gathered))
    np.testing.assert_array_equal(
        gathered.validation_batch(prepare)[0], prepare(gathered.validation.features)
    )


def test_a_scale_for_each_segment_is_allowed(showers: Path) -> None:
    """Cells that take each other's place share a scale, so that their words mean the same energies."""
    shifts = [5] * 9 + [4] * 9 + [3] * 4
    spec = spec_on(
        showers, f"images: [[2, 3, 3], [1, 2, 2]], count: 22, offset: {[0] * CELLS}, shift: {shifts}"
    )
    gathered = gather_events(event_source(spec), seed=1)
    contract = input_contract(spec, gathered)
    features = gathered.training.features
    for name in ALL:
        cells = permutation_of(name, IMAGES)
        np.testing.assert_array_equal(contract.words(features[:, cells]), contract.words(features)[:, cells])
    assert len(seen(spec, streamed=False, epoch=0)) == len(features)


def test_cells_of_different_scales_are_not_exchanged(showers: Path) -> None:
    """A word would mean another energy in its new place: refused, with both cells named."""
    shifts = [5] * 17 + [4] * 5
    spec = spec_on(
        showers, f"images: [[2, 3, 3], [1, 2, 2]], count: 22, offset: {[0] * CELLS}, shift: {shifts}"
    )
    with pytest.raises(
        BadInput, match=r"'mirror_x' exchanges[\s\S]*energy\[15\][\s\S]*energy\[17\][\s\S]*shift 4"
    ):
        seen(spec, streamed=False, epoch=0)


@pytest.mark.parametrize(
    ("cells", "more", "message"),
    [
        ("first: 0", "", "inputs.cells.images where there are training.symmetries"),
        ("images: [[2, 3, 3], [1, 2, 2]]", ", features: [depth]", "no inputs.features beside"),
        ("images: [[2, 3, 3], [1, 1, 4]]", "", r"as many rows as columns[\s\S]*\[1, 1, 4\]"),
        ("images: [[2, 3, 3]], count: 22", "", r"22 cells together, as count says, not 18"),
        ("images: [[3, 3]]", "", "three lengths"),
        ("images: [[0, 3, 3]]", "", "three lengths"),
    ],
)
def test_images_and_symmetries_that_contradict_each_other(cells: str, more: str, message: str) -> None:
    """What a spec cannot mean is found when it is read."""
    with pytest.raises(BadInput, match=message):
        spec_on(Path("events.h5"), cells, more)


def test_images_are_compared_with_the_files(showers: Path) -> None:
    """Without a count the file says how many cells there are; images of another size are refused."""
    with pytest.raises(BadInput, match=r"do not hold the cells[\s\S]*22 cells[\s\S]*18 cells: 2 × 3 × 3"):
        event_source(spec_on(showers, "images: [[2, 3, 3]]"))
    source = event_source(spec_on(showers, "images: [[2, 3, 3]], count: 18"))
    assert len(source.feature_names) == math.prod(IMAGES[0])


def test_a_symmetry_that_is_not_one() -> None:
    """A misspelt name is answered with those that there are."""
    with pytest.raises(BadInput, match=r"training\.symmetries[\s\S]*mirror_x"):
        spec_from_text(
            "trigml: 1\nname: t\ndata: {files: [f], classes: [a, b]}\n"
            'inputs: {format: "ap_fixed<8,4,RND_CONV,SAT>", cells: {column: e, images: [[1, 2, 2]]}}\n'
            "model: {hidden: [2]}\ntraining: {symmetries: [mirror_z]}\n",
            "t.yml",
        )


def test_elements_are_drawn_evenly() -> None:
    """Each of eight elements is drawn for an eighth of the events, within six standard deviations."""

    class Same:
        n_events = 8000

        def epoch(self, epoch: int, batch_size: int) -> Any:
            for _ in range(self.n_events // batch_size):
                yield np.tile(np.arange(CELLS, dtype=np.float32), (batch_size, 1)), np.zeros(batch_size, int)

    group = generated_by([permutation_of(name, IMAGES) for name in ALL])
    inputs = np.concatenate([batch for batch, _ in Symmetrised(Same(), group, 1).epoch(0, 100)])
    counts = [int((inputs == element).all(axis=1).sum()) for element in group]
    assert sum(counts) == 8000
    assert max(abs(count - 1000) for count in counts) < 6 * math.sqrt(8000 * 1 / 8 * 7 / 8)
