"""From the inputs of a spec to the input contract: features, cells, and what is fitted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trigml.data.layout import Column, EventsWriter
from trigml.data.splits import Split
from trigml.errors import BadInput
from trigml.runs import open_run
from trigml.spec import Spec, spec_from_text, spec_text, with_overrides
from trigml.training import events as events_module
from trigml.training.events import event_source, gather_events, measured_events, sample_limit
from trigml.training.inputs import input_contract, with_contract
from trigml.training.session import train_run

CELLS = 5


@pytest.fixture(scope="module")
def showers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1500 events of two classes: cell i holds an exponential energy of mean 2^i GeV, wider for class b."""
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 2, 1500)
    energy = rng.exponential(2.0 ** np.arange(CELLS), (1500, CELLS)) * (1 + 2 * labels[:, np.newaxis])
    path = tmp_path_factory.mktemp("showers") / "showers.h5"
    with EventsWriter(
        path,
        title="toy showers",
        features=[Column("depth", "mm")],
        constituents=[Column("energy", "GeV"), Column("zero", "GeV")],
        n_constituents=CELLS,
        class_names=("a", "b"),
    ) as writer:
        writer.append(
            event_id=np.arange(1500),
            features={"depth": rng.normal(10, 3, 1500)},
            constituents={"energy": energy, "zero": np.zeros_like(energy)},
            labels=labels,
        )
    return path


def spec_on(path: Path, inputs: str) -> Spec:
    return spec_from_text(
        f"""\
trigml: 1
name: cells
data: {{files: [{path}], classes: [a, b]}}
inputs: {{format: "ap_fixed<10,4,RND_CONV,SAT>", {inputs}}}
model: {{hidden: [4]}}
training: {{epochs: 2, batch_size: 64, quantized: {{epochs: 1}}}}
baseline: {{kind: none}}
""",
        "cells.yml",
    )


def test_cells_get_one_scale_that_holds_the_largest(showers: Path) -> None:
    """A shared scale is that of the cell with the most energy, however empty the others are."""
    spec = spec_on(showers, "cells: {column: energy}")
    gathered = gather_events(event_source(spec), seed=1)
    contract = input_contract(spec, gathered)
    assert contract.names == tuple(f"energy[{index}]" for index in range(CELLS))
    assert len({(feature.offset, feature.shift, feature.unit) for feature in contract.features}) == 1
    assert contract.features[0].unit == "GeV"
    assert contract.saturated(gathered.training.features).max() < 0.003
    low, high = contract.reach(contract.features[0])
    assert high - contract.features[0].offset < 2.1 * np.quantile(gathered.training.features[:, -1], 0.999)
    assert low < 0


def test_each_cell_can_have_its_own_scale(showers: Path) -> None:
    """With a scale each, cells whose energies differ by powers of two get shifts that do."""
    spec = spec_on(showers, "cells: {column: energy, scale: each}")
    contract = input_contract(spec, gather_events(event_source(spec), seed=1))
    shifts = [feature.shift for feature in contract.features]
    assert shifts == sorted(shifts)
    assert shifts[-1] - shifts[0] >= CELLS - 2


@pytest.mark.parametrize("scale", ["shared", "each"])
def test_the_resolved_spec_gives_the_same_contract(showers: Path, scale: str) -> None:
    """What a run keeps as its spec has every number of the inputs and survives its own text."""
    spec = spec_on(showers, f"features: [depth], cells: {{column: energy, first: 1, scale: {scale}}}")
    gathered = gather_events(event_source(spec), seed=1)
    contract = input_contract(spec, gathered)
    resolved = with_contract(spec, contract)
    assert contract.names == ("depth", *(f"energy[{index}]" for index in range(1, CELLS)))
    assert resolved.inputs.names == contract.names
    again = spec_from_text(spec_text(resolved), "again")
    assert again == resolved
    np.testing.assert_array_equal(
        gather_events(event_source(again), seed=1).test.features, gathered.test.features
    )
    assert input_contract(again, gathered) == contract


def test_given_numbers_are_taken_as_they_are(showers: Path) -> None:
    """A scale in the spec is not fitted: one for all cells, or a list with one for each."""
    shared = spec_on(showers, "cells: {column: energy, count: 2, offset: 0, shift: 3}")
    contract = input_contract(shared, gather_events(event_source(shared), seed=1))
    assert [(f.offset, f.shift) for f in contract.features] == [(0.0, 3), (0.0, 3)]
    each = spec_on(showers, "cells: {column: energy, count: 2, offset: [0, 1.5], shift: [3, 4]}")
    contract = input_contract(each, gather_events(event_source(each), seed=1))
    assert [(f.offset, f.shift) for f in contract.features] == [(0.0, 3), (1.5, 4)]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ("cells: {column: enrgy}", r"no column 'enrgy'[\s\S]*'energy'"),
        ("cells: {column: energy, first: 5}", "more than 5 numbers per event"),
        ("cells: {column: energy, first: 3, count: 3}", r"no cell 'energy\[5\]'"),
        ("features: ['energy[1]'], cells: {column: energy}", r"'energy\[1\]' is named twice"),
    ],
)
def test_cells_that_the_files_do_not_have(showers: Path, inputs: str, message: str) -> None:
    """Columns and cells that are not there are refused before anything is trained."""
    with pytest.raises(BadInput, match=message):
        event_source(spec_on(showers, inputs))


def test_cells_that_never_hold_energy(showers: Path) -> None:
    """Cells that say nothing are refused, whether they share a scale or not."""
    for scale, message in (
        ("shared", "all cells of the column 'zero'"),
        ("each", r"'zero\[0\]' is constant"),
    ):
        spec = spec_on(showers, f"cells: {{column: zero, scale: {scale}}}")
        gathered = gather_events(event_source(spec), seed=1)
        with pytest.raises(BadInput, match=message):
            input_contract(spec, gathered)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ("features: []", "features, cells or both"),
        ("cells: {column: energy, offset: 0}", "offset and shift together"),
        ("cells: {column: energy, offset: [0, 1], shift: 1}", "as many numbers in offset"),
        ("cells: {column: energy, count: 3, offset: 0, shift: [1, 2]}", "as many numbers in shift"),
        ("cells: {column: energy, offset: 0, shift: 1.5}", "inputs.cells.shift"),
        ("cells: {column: energy, offset: zero, shift: 1}", "inputs.cells.offset"),
        ("cells: {column: energy, count: 0}", "inputs.cells.count"),
        ("cells: {colum: energy}", "did you mean inputs.cells.column"),
    ],
)
def test_cells_that_a_spec_cannot_ask_for(inputs: str, message: str) -> None:
    """Contradictions are found when the spec is read."""
    with pytest.raises(BadInput, match=message):
        spec_on(Path("events.h5"), inputs)


def test_the_number_of_cells_is_known_before_it_is_used() -> None:
    """A spec that leaves the number to the files cannot be mistaken for one without cells."""
    with pytest.raises(BadInput, match="not resolved"):
        _ = spec_on(Path("events.h5"), "cells: {column: energy}").inputs.names


def test_wide_events_keep_to_the_same_memory(showers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events with hundreds of cells are kept in smaller numbers: the limit is on bytes."""
    source = event_source(spec_on(showers, "cells: {column: energy}"))
    monkeypatch.setattr(events_module, "MEMORY_BUDGET", 100 * (2 * 4 * CELLS + 8))
    assert sample_limit(source) == 100
    assert len(measured_events(source, 1)) == 100
    gathered = gather_events(source, seed=1)
    assert (len(gathered.validation), len(gathered.test)) == (100, 100)
    assert source.count(Split.VALIDATION) > 100


@pytest.mark.slow
def test_a_run_on_cells(showers: Path, tmp_path: Path) -> None:
    """A network on features and cells is trained, measured and stored; its graph names all of them."""
    spec = spec_on(showers, "features: [depth], cells: {column: energy}")
    summary = train_run(with_overrides(spec, ["training.seed=3"]), tmp_path / "run", quantize=True)
    run = open_run(tmp_path / "run")
    assert run.graph().contract.names == ("depth", *(f"energy[{index}]" for index in range(CELLS)))
    assert run.graph().contract == run.contract
    assert run.spec.inputs.cells is not None
    assert run.spec.inputs.cells.count == CELLS
    assert set(summary.evaluation.saturated) == set(run.contract.names)


def test_keys_of_cells_are_changed_from_the_command_line() -> None:
    """``--set`` reaches into the optional section, there or not, and corrects misspellings."""
    spec = spec_on(Path("events.h5"), "cells: {column: energy}")
    assert with_overrides(spec, ["inputs.cells.count=7"]).inputs.names[-1] == "energy[6]"
    bare = spec_on(Path("events.h5"), "features: [depth]")
    changed = with_overrides(bare, ["inputs.cells.column=energy", "inputs.cells.count=2"])
    assert changed.inputs.names == ("depth", "energy[0]", "energy[1]")
    with pytest.raises(BadInput, match=r"did you mean inputs\.cells\.count"):
        with_overrides(spec, ["inputs.cells.cuont=7"])
