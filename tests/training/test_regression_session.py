"""Whole trainings of a regression, from spec to run, and what is made of the run."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import h5py
import numpy as np
import pytest

from trigml.data.splits import Split
from trigml.devices import load_devices
from trigml.emulation.numpy_emulator import emulate
from trigml.errors import BadInput, GateBroken, Interrupted
from trigml.reports.run_report import run_report
from trigml.runs import TestPredictions, open_run
from trigml.scores.layout import output_words
from trigml.spec import Spec
from trigml.training.evaluation import hardware_plot
from trigml.training.loop import outputs
from trigml.training.model_files import load_model
from trigml.training.session import train_run
from trigml.verify.events import events_of_split

pytestmark = pytest.mark.slow

COMMAND = "trigml train toy.yml --quantize"


@pytest.fixture(scope="module")
def showers(toy_calorimeter: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = toy_calorimeter.write_toy_showers(
        tmp_path_factory.mktemp("showers") / "toy.h5", toy_calorimeter.toy_energies(1500)
    )
    return path


@pytest.fixture(scope="module")
def spec(showers: Path, toy_calorimeter: ModuleType) -> Spec:
    """Photons only, so that each of the bins of true energy holds enough events for a fit."""
    made: Spec = toy_calorimeter.toy_energy_spec(
        showers,
        "data.classes=[gamma]",
        "training.loss.kind=gaussian",
        "training.dropout=0.1",
        "training.symmetries=[mirror_x]",
        "baseline.kind=boosted_trees",
        "gate.max_bias=0.5",
        "gate.max_stochastic_loss=2.0",
    )
    return made


@pytest.fixture(scope="module")
def reference(spec: Spec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An undisturbed run of ``spec``."""
    out = tmp_path_factory.mktemp("reference") / "toy"
    train_run(spec, out, quantize=True, command=COMMAND).enforce_gates()
    return out


def test_the_predictions_are_those_of_the_models(reference: Path, showers: Path) -> None:
    """Stored models, evaluated again on events read without trigml, give the stored words and energies."""
    run = open_run(reference)
    found = run.predictions()
    with h5py.File(showers) as file:
        rows = found.event_id.astype(int)
        cells = file["constituents/energy"][:][rows].astype(np.float32)
        np.testing.assert_array_equal(found.truth, file["features/true_energy"][:][rows].astype(np.float32))
        assert set(file["labels"][:][rows]) == {0}
    graph = run.graph()
    words = run.contract.words(cells)
    np.testing.assert_array_equal(emulate(graph, words)[:, 0], found.words)
    np.testing.assert_array_equal(found.quantized_prediction, found.words * 0.25)
    keras = outputs(load_model(run.quantized_folder), run.contract.model_inputs(words))
    np.testing.assert_array_equal(keras[:, 0], found.quantized_prediction)
    reference_model = load_model(run.float_folder)
    inputs = run.contract.normalise(cells).astype(np.float32)
    np.testing.assert_array_equal(outputs(reference_model, inputs)[:, 0], found.float_prediction)
    assert [layer.name for layer in reference_model.layers][-1] == "total"  # no learned width
    assert [word.label for word in output_words(graph)] == ["true_energy"]
    assert found.calibrated_sum is not None
    ratio = found.calibrated_sum / np.stack([cells[:, :18].sum(1), cells[:, 18:].sum(1)]).sum(axis=0)
    assert np.median(ratio) == pytest.approx(1, abs=0.1)


def test_the_network_learns_the_energy(reference: Path) -> None:
    """Metrics hold response and resolution of all models, and the networks are close to the truth."""
    run = open_run(reference)
    found, metrics = run.predictions(), run.metrics()
    assert list(metrics["models"]) == ["float", "quantised", "calibrated sum", "boosted trees"]
    assert "quantised / float" in metrics["losses"]
    assert metrics["test_events"] == len(found.truth)
    for name, values in (("float", found.float_prediction), ("quantised", found.quantized_prediction)):
        (gamma,) = metrics["models"][name]["types"]
        assert gamma["whole"]["median"]["value"] == pytest.approx(np.median(values / found.truth), rel=1e-6)
        assert abs(np.median(values / found.truth) - 1) < 0.1
        assert gamma["fit"]["stochastic"]
    assert run.spec.training.loss is not None
    assert run.spec.training.loss.kind == "gaussian"
    assert run.spec.quantization.linear_integer is not None


def test_an_interrupted_training_ends_with_the_same_bytes(
    reference: Path, spec: Spec, tmp_path: Path, recorder: Any
) -> None:
    """Stopped in the middle of the quantised training and begun again, all files are those of one go."""
    out = tmp_path / "toy"
    listener = recorder(stop_at="Quantised", after=0.9)
    with pytest.raises(Interrupted):
        train_run(spec, out, quantize=True, command=COMMAND, progress=listener)
    train_run(spec, out, quantize=True, command=COMMAND)
    files = {path.relative_to(reference) for path in reference.rglob("*") if path.is_file()}
    assert len(files) == 14
    for name in files:
        assert (out / name).read_bytes() == (reference / name).read_bytes(), name


def test_the_report_of_a_run_shows_its_models_and_gates(reference: Path) -> None:
    """What ``trigml report`` says is computed from the stored predictions, and equal to the metrics."""
    report = run_report(reference, load_devices(()))
    text = report.text()
    for part in ("median response", "a [√GeV]", "calibrated sum", "gate.max_bias 0.5", "quantised / float"):
        assert part in text
    gates = open_run(reference).metrics()["gates"]
    assert [gate["name"] for gate in gates] == ["max_stochastic_loss", "max_bias"]
    assert len(report.to_json()["performance"]) == 1
    assert "#### gamma" in report.markdown()


def test_hardware_joins_the_plot(reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Energies of hardware are drawn beside the models, with the figures that they have."""
    run = open_run(reference)
    events = events_of_split(run, Split.TEST, ())
    found = run.predictions()
    assert found.quantized_prediction is not None
    values = found.quantized_prediction[:, np.newaxis]
    drawn = []
    monkeypatch.setattr(
        "trigml.reports.resolution_plot.write_resolution_plot",
        lambda models, stem, **more: drawn.append((models, stem, more["ratios"])),
    )
    for factor in (1.0, 1.5):
        hardware_plot(run, events, "RTL", factor * values).into(tmp_path)
    for (models, stem, ratios), factor in zip(drawn, (1.0, 1.5), strict=True):
        assert stem == tmp_path / "resolution"
        assert list(models) == ["float", "quantised", "calibrated sum", "boosted trees", "RTL"]
        assert "RTL" in ratios
        medians = {name: models[name].overall.whole.median.value for name in ("quantised", "RTL")}
        assert medians["RTL"] == pytest.approx(factor * medians["quantised"])


def test_a_bias_breaks_its_gate(
    toy_calorimeter: ModuleType, showers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A word that saturates at 16 GeV cannot measure 50 GeV: exit code 3, with type, figure and limit."""
    monkeypatch.setattr("trigml.reports.resolution_plot.write_resolution_plot", lambda *_, **__: None)
    saturating = toy_calorimeter.toy_energy_spec(
        showers, "output.bits=6", "gate.max_bias=0.2", "training.epochs=1"
    )
    summary = train_run(saturating, tmp_path / "toy", quantize=True)
    with pytest.raises(GateBroken, match=r"response from 1 for (gamma|pion) is 0\.\d+ ± .*broken by"):
        summary.enforce_gates()
    words = open_run(tmp_path / "toy").predictions().words
    assert words is not None
    assert words.max() == 63


def test_a_word_that_holds_no_target_is_refused(
    toy_calorimeter: ModuleType, showers: Path, tmp_path: Path
) -> None:
    """A word up to 1 GeV for showers from 4 GeV on is a mistake: nothing is trained or written."""
    spec = toy_calorimeter.toy_energy_spec(showers, "output.lsb=0.0625", "output.bits=4")
    with pytest.raises(BadInput, match="too short for the target"):
        train_run(spec, tmp_path / "toy", quantize=True)
    assert list(tmp_path.iterdir()) == []


def test_predictions_come_back_as_they_were_saved(tmp_path: Path) -> None:
    """Also without a quantised model and baselines, whose columns are then absent and not zero."""
    saved = TestPredictions(
        event_id=np.arange(3, dtype=np.uint64),
        labels=np.zeros(3, np.int64),
        truth=np.ones(3, np.float32),
        float_prediction=np.full(3, 2, np.float32),
    )
    saved.save(tmp_path / "scores.npz")
    found = TestPredictions.load(tmp_path / "scores.npz")
    np.testing.assert_array_equal(found.float_prediction, saved.float_prediction)
    assert found.words is found.quantized_prediction is found.calibrated_sum is found.boosted_trees is None
