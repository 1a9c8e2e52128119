"""scripts/study_calorimeter.py and scripts/study: what is run, counted, measured and written."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import h5py
import numpy as np
import pytest

from trigml.data.header import read_header
from trigml.data.layout import Column, EventsWriter
from trigml.data.reader import EventSource
from trigml.data.splits import Split
from trigml.errors import BadInput, Interrupted, NotBitExact, ToolFailed
from trigml.physics.uncertainties import Measured
from trigml.runs import TestPredictions

pytestmark = pytest.mark.usefixtures("scripts_importable")


CLASSES = ("gamma", "pi0", "electron", "pion")


def module(name: str) -> ModuleType:
    return import_module(f"study.{name}")


def step(tmp_path: Path, title: str, code: str, *, done: bool = False) -> Any:
    """A step that runs some Python, and leaves its title as a file."""
    program = f"import sys, time; {code}; open({str(tmp_path / title)!r}, 'w').close()"
    command = (sys.executable, "-c", program)
    return module("running").Step(title, command, tmp_path / "logs" / f"{title}.log", lambda: done)


def words(keras: np.ndarray, native: np.ndarray, logic: np.ndarray) -> Any:
    return module("words").StageWords(
        "digest", np.arange(len(keras), dtype=np.uint64), keras, native, logic, np.array([3, 3]), ("a", "b")
    )


def test_finished_steps_are_kept_and_the_rest_is_run(tmp_path: Path) -> None:
    """Protects going on with a study: what is done is not done again, and what is left is told."""
    said: list[str] = []
    chains = [[step(tmp_path, "kept", "pass", done=True), step(tmp_path, "next", "pass")]]
    chains.append([step(tmp_path, "gate", "open('x', 'w').close() if 0 else None")])
    assert module("running").run_chains(chains, said.append) == ()
    assert not (tmp_path / "kept").exists()
    assert (tmp_path / "next").exists()
    assert (tmp_path / "gate").exists()
    assert [line.partition("]")[0] for line in said] == ["[1/3", "[2/3", "[3/3"]
    assert said[-1].endswith("0 steps left")


@pytest.mark.parametrize(("code", "kind"), [(1, ToolFailed), (2, ToolFailed), (4, NotBitExact)])
def test_a_failed_step_ends_the_study(tmp_path: Path, code: int, kind: type[Exception]) -> None:
    """Protects against tables made from half of the networks: the log's end is shown, the chain stops."""
    chain = [
        step(tmp_path, "bad", f"print('what went wrong'); sys.exit({code})"),
        step(tmp_path, "later", "pass"),
    ]
    with pytest.raises(kind, match="what went wrong") as caught:
        module("running").run_chains([chain], lambda _: None)
    assert type(caught.value) is kind
    assert not (tmp_path / "later").exists()


def test_a_broken_gate_is_a_remark(tmp_path: Path) -> None:
    """Protects a study whose training misses a gate: its results are there, and it is said."""
    notes = module("running").run_chains([[step(tmp_path, "missed", "sys.exit(3)")]], lambda _: None)
    assert len(notes) == 1
    assert notes[0].startswith("missed: a gate")


def test_ctrl_c_stops_the_programs_once(tmp_path: Path) -> None:
    """Protects what a training keeps: it is told to stop, ends by itself, and nothing new is begun."""
    ready, stopped = tmp_path / "ready", tmp_path / "stopped"
    code = (
        f"import time\ntry:\n    open({str(ready)!r}, 'w').close()\n    time.sleep(60)\n"
        f"except KeyboardInterrupt:\n    open({str(stopped)!r}, 'a').write('once ')\n    time.sleep(0.2)\n"
    )
    long = module("running").Step("long", (sys.executable, "-c", code), tmp_path / "long.log", lambda: False)
    chain = [long, step(tmp_path, "later", "pass")]

    def interrupt() -> None:
        while not ready.exists():
            time.sleep(0.01)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(Interrupted, match="0 of 2 steps"):
        module("running").run_chains([chain], lambda _: None)
    assert stopped.read_text() == "once "
    assert not (tmp_path / "later").exists()


def test_a_differing_word_is_counted_shown_and_refused() -> None:
    """Protects "0 words differ": one planted word in one stage is found, named and ends in an error."""
    exactness = module("exactness")
    keras = np.random.default_rng(1).integers(-100, 100, (50, 2))
    planted = keras.copy()
    planted[17, 1] += 1
    good, bad = words(keras, keras.copy(), keras.astype(np.float64)), words(keras, keras, planted)
    assert good.differing == {"native": 0, "logic": 0}
    assert bad.differing == {"native": 0, "logic": 1}
    found = [
        exactness.Exactness(name, 50, 100, one.differing, (), one.tools)
        for name, one in (("good", good), ("bad", bad))
    ]
    assert found[1].text == "native: 0 of 100, logic: 1 of 100"
    exactness.refuse_differences(found[:1])
    with pytest.raises(NotBitExact, match="bad: native: 0 of 100, logic: 1 of 100 words differ"):
        exactness.refuse_differences(found)
    expectation = module("expectations").of_hardware(found)
    assert (expectation.verdict, expectation.figures[:14]) == ("does not hold", "1 words differ")
    assert module("expectations").of_hardware(found[:1]).verdict == "holds"


def test_words_that_are_no_integers_differ() -> None:
    """Protects exactness: a stage that rounds to something between two words does not count as equal."""
    keras = np.zeros((4, 2), dtype=np.int64)
    assert words(keras, keras + 0.25, keras).differing == {"native": 8, "logic": 0}
    assert words(keras + 4, keras, keras).values(keras + 4).tolist() == [[0.5, 0.5]] * 4


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(0.021, "holds"), (0.019, "not decided by these events"), (-0.021, "does not hold")],
)
def test_verdicts_follow_the_figures(value: float, verdict: str) -> None:
    """Protects the text: a statement holds only if its figure says so beyond its uncertainty."""
    assert module("expectations").larger(Measured(value, 0.01)) == verdict


def test_limits_count_as_measured() -> None:
    """Protects the limits on what quantisation may lose."""
    at_most = module("expectations").at_most
    assert at_most(Measured(0.005, 0.1), 0.005) == "holds"
    assert at_most(Measured(0.0051, 0.1), 0.005) == "does not hold"


@pytest.fixture
def showers(tmp_path: Path) -> Path:
    """Events of four classes with the columns that selections need, not in the order of their ids."""
    n = 16000
    rng = np.random.default_rng(3)
    energy = rng.uniform(4, 60, n)
    path = tmp_path / "showers.h5"
    names = ("true_energy", "true_hcal_over_ecal", "ecal_energy", "hcal_energy")
    with EventsWriter(
        path,
        title="toy showers",
        features=[Column(name, "GeV") for name in names],
        constituents=[Column("energy", "GeV")],
        n_constituents=3,
        class_names=CLASSES,
    ) as writer:
        writer.append(
            event_id=rng.permutation(n).astype(np.uint64),
            features={
                "true_energy": energy,
                "true_hcal_over_ecal": rng.uniform(0, 0.05, n),
                "ecal_energy": energy + 0.4 * np.sqrt(energy) * rng.normal(size=n),
                "hcal_energy": np.full(n, 0.5),
            },
            labels=rng.integers(0, 4, n),
            constituents={"energy": rng.uniform(size=(n, 3))},
        )
    return path


def test_selections_are_those_of_the_study(showers: Path, tmp_path: Path) -> None:
    """Protects the subsets: energy of merging pairs, pions that look electromagnetic, whole rows."""
    events, plan = module("events"), module("plan")
    assert (plan.MERGING_ENERGY, plan.MOST_HCAL_OVER_ECAL) == (27.0, 0.025)
    merging = events.merging_events(showers, tmp_path / "merging.h5")
    with h5py.File(showers) as source, h5py.File(merging) as found:
        keep = source["features/true_energy"][:] > 27
        assert 0 < keep.sum() < keep.size
        for name in ("event_id", "labels", "features/ecal_energy", "constituents/energy"):
            np.testing.assert_array_equal(found[name][:], source[name][:][keep])
    assert read_header(merging).class_names == read_header(showers).class_names
    photon = events.truth_of_test_split(showers, plan.PHOTON)
    assert (np.diff(photon.event_id.astype(np.int64)) > 0).all()
    np.testing.assert_array_equal(
        photon.selected(plan.Selection.MERGING).event_id,
        events.truth_of_test_split(merging, plan.PHOTON).event_id,
    )
    electron = events.truth_of_test_split(showers, plan.ELECTRON)
    lookalike = electron.selected(plan.Selection.LOOKALIKE)
    assert (lookalike.labels == 0).sum() == (electron.labels == 0).sum()
    assert lookalike.hcal_over_ecal[lookalike.labels == 1].max() < 0.025
    assert electron.hcal_over_ecal[electron.labels == 1].max() > 0.025


def test_scores_are_joined_by_the_events(showers: Path) -> None:
    """Protects figures against scores of other events, in another order or not there at all."""
    events, plan = module("events"), module("plan")
    truth = events.truth_of_test_split(showers, plan.PHOTON)
    shuffled = np.random.default_rng(5).permutation(truth.event_id)
    np.testing.assert_array_equal(shuffled[truth.rows_in(shuffled, "run")], truth.event_id)
    with pytest.raises(BadInput, match="not measured on the events"):
        truth.rows_in(shuffled[1:], "run")
    wanted = truth.event_id[::-1]
    summed = module("calibration").simple_sum(showers, ("gamma", "pi0"), wanted)
    with h5py.File(showers) as file:
        energy = dict(zip(file["event_id"][:].tolist(), file["features/ecal_energy"][:], strict=True))
    np.testing.assert_allclose(summed, [energy[one] + 0.5 for one in wanted.tolist()], rtol=1e-6)


def test_figures_of_a_sample(showers: Path) -> None:
    """Protects the columns: the reference has no gain, a better model one; losses of stages are told."""
    events, plan, identification = (module(name) for name in ("events", "plan", "identification"))
    stage, task = identification.Stage, plan.PHOTON
    truth = events.truth_of_test_split(showers, task)
    rng = np.random.default_rng(7)
    sharp = np.where(truth.labels == 0, 1.0, -1.0) + 0.5 * rng.normal(size=len(truth.labels))
    logits = np.stack([sharp, np.zeros_like(sharp)], axis=1)
    blurred = logits + rng.normal(size=logits.shape)
    order = rng.permutation(len(sharp))

    def scored(name: str, inputs: Any, network: bool, columns: dict[Any, np.ndarray]) -> Any:
        own = {key: values[order] for key, values in columns.items()}
        return identification.Scored(name, inputs, network, False, truth.event_id[order], own)

    models = [
        scored("trees", plan.Inputs.FEATURES, False, {stage.FLOAT: blurred}),
        scored(
            "net",
            plan.Inputs.CELLS,
            True,
            {stage.FLOAT: logits, stage.QUANTISED: blurred, stage.HARDWARE: blurred},
        ),
    ]
    found = identification.measure(task, task.samples[0], truth, models, 50)
    reference, net = found.models
    assert reference.columns[stage.FLOAT].gain is None
    assert net.columns[stage.FLOAT].auc_gain.value > 0.03
    assert net.columns[stage.FLOAT].gain.rejection.value > 1.5
    assert net.columns[stage.QUANTISED].auc_gain == Measured(0.0, 0.0)
    loss = net.columns[stage.HARDWARE].auc_loss
    assert loss.value == pytest.approx(
        1 - reference.columns[stage.FLOAT].auc.value / net.columns[stage.FLOAT].auc.value
    )
    assert net.columns[stage.HARDWARE].to_json() == net.columns[stage.QUANTISED].to_json()
    verdicts = [(one.statement, one.verdict) for one in module("expectations").of_identification([found])]
    assert verdicts[0] == (
        "γ vs π⁰, 4 to 60 GeV: DNN on cells beats trees".replace("DNN on cells", "net"),
        "holds",
    )
    assert verdicts[1][1] == "does not hold"  # what quantisation loses is far above the limit


@dataclass(frozen=True)
class FinishedNetwork:
    """What ``calibrate`` asks of a place: predictions of the test split, their words, and the types."""

    network: Any
    scored: TestPredictions
    words_of_stages: Any

    def open(self) -> Any:
        spec = SimpleNamespace(data=SimpleNamespace(classes=CLASSES))
        return SimpleNamespace(spec=spec, predictions=lambda: self.scored)

    def words(self) -> Any:
        return self.words_of_stages


def test_figures_of_the_calibration(showers: Path) -> None:
    """Protects the comparison: half the stochastic term is seen as such, for every type, in every stage."""
    calibration, plan, stage = module("calibration"), module("plan"), module("identification").Stage
    source = EventSource([showers], features=["true_energy"], class_names=CLASSES).gather(Split.TEST)
    assert source.labels is not None
    truth = source.features[:, 0]
    rng = np.random.default_rng(11)
    spread = np.sqrt(truth) * rng.normal(size=len(truth))
    better, worse = truth + 0.2 * spread, truth + 0.26 * spread
    predictions = TestPredictions(
        source.event_id, source.labels.astype(np.int64), truth, better.astype(np.float32), boosted_trees=worse
    )
    coarse = np.rint(8 * worse).astype(np.int64)[:, np.newaxis]
    of_stages = replace(
        words(coarse, coarse, coarse), event_id=source.event_id, fractions=np.array([3], dtype=np.int64)
    )
    place = FinishedNetwork(plan.CALIBRATION[0], predictions, of_stages)
    found = calibration.calibrate([place], showers, 20)
    assert list(found.models) == [
        "simple sum",
        "boosted trees on cells",
        *(f"DNN on cells, {one}" for one in stage),
    ]
    for one in found.over_simple["DNN on cells, float"].types:
        assert one.width.value == pytest.approx(0.5, abs=0.1)
    assert (
        found.models["DNN on cells, hardware"].to_json() == found.models["DNN on cells, quantised"].to_json()
    )
    expected = list(module("expectations").of_calibration(found))
    over_float = [one for one in expected if "quantised within 5 %" in one.statement]
    assert [one.verdict for one in over_float] == ["does not hold"] * 4
    common = [one for one in expected if one.statement.endswith("the stochastic term over the simple sum")]
    assert [one.verdict for one in common] == ["holds"] * 4
    page = module("page")
    text = page.markdown(page.Study((), found, (), (), (), False))
    assert "442 → 114" in text
    with pytest.raises(BadInput, match="not measured on the test events"):
        calibration.simple_sum(showers, CLASSES, source.event_id + np.uint64(10**6))


def test_the_page_takes_the_tables_between_its_markers(tmp_path: Path) -> None:
    """Protects what people wrote around the tables, and refuses a page without a place for them."""
    page = module("page")
    exactness = module("exactness").Exactness("net", 50, 100, {"native": 0, "logic": 0}, (), ("a",))
    study = page.Study((), None, (), (exactness,), (), False)
    file = tmp_path / "page.md"
    file.write_text(f"before\n{page.BEGIN}\nformer table\n{page.END}\nafter\n", encoding="utf-8")
    for _ in range(2):
        page.into_page(study, file)
        text = file.read_text(encoding="utf-8")
        assert text.startswith(f"before\n{page.BEGIN}\n")
        assert text.endswith(f"\n{page.END}\nafter\n")
        assert "former table" not in text
        assert "| net " in text
    assert page.QUICK not in text
    assert page.QUICK in page.markdown(page.Study((), None, (), (exactness,), (), True))
    file.write_text(f"{page.END}\n{page.BEGIN}\n", encoding="utf-8")
    with pytest.raises(BadInput, match="no place for the study"):
        page.into_page(study, file)


def test_every_spec_of_the_study_loads() -> None:
    """Protects the plan: every network has a spec of its own name, and names stand once."""
    from trigml.spec import load_spec

    plan = module("plan")
    networks = [network for task in plan.TASKS for network in task.networks] + [*plan.CALIBRATION]
    assert len({network.name for network in networks}) == len(networks)
    for network in networks:
        assert network.name.removesuffix("_merging") == load_spec(network.spec).name


def test_quick_figures_do_not_go_into_a_page(scripts_importable: Path, tmp_path: Path) -> None:
    """Protects docs/study.md against figures that mean nothing."""
    script = scripts_importable / "study_calorimeter.py"
    command = [sys.executable, str(script), "--quick", "--page", str(tmp_path / "page.md")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "mean nothing" in done.stderr


@pytest.mark.slow
def test_a_small_study_from_the_command_to_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects the whole: one network is trained, measured and kept; a planted word ends in exit code 4."""
    script = import_module("study_calorimeter")
    plan = module("plan")
    task = replace(plan.ELECTRON, networks=plan.ELECTRON.networks[:1])
    monkeypatch.setattr(script, "TASKS", (task,))
    few = (*module("trainings").QUICK_CHANGES, "model.hidden=[4]")
    monkeypatch.setattr(module("trainings"), "QUICK_CHANGES", few)
    monkeypatch.setattr(sys, "argv", ["study", "--quick", "--only", "electron", "--out", str(tmp_path)])
    assert script.main() == 0, capsys.readouterr().err
    text = (tmp_path / "study.md").read_text(encoding="utf-8")
    found = json.loads((tmp_path / "study.json").read_text(encoding="utf-8"))
    assert text.startswith(module("page").QUICK)
    assert "DNN on 27 features" in text
    assert found["exactness"][0]["differing_from_qkeras"] == {"native": 0, "logic": 0}
    assert (tmp_path / "study" / "identification.png").stat().st_size > 10_000

    path = tmp_path / "electron_features" / "words.npz"
    with np.load(path) as kept:
        content = {name: kept[name] for name in kept.files}
    content["native"][3, 0] += 1
    np.savez_compressed(path, allow_pickle=False, **content)
    assert script.main() == NotBitExact.exit_code
    said = capsys.readouterr().err
    assert "electron_features: native: 1 of" in said
    assert said.count("there already") == 2
    expectations = json.loads((tmp_path / "study.json").read_text(encoding="utf-8"))["expectations"]
    assert (expectations[-1]["verdict"], expectations[-1]["figures"][:14]) == (
        "does not hold",
        "1 words differ",
    )
