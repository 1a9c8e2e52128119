"""The fitted model in the package: its coefficients and errors are those of the reports in the tests."""

import json
import re
import shutil
from pathlib import Path

import pytest

from trigml.errors import BadInput
from trigml.estimation import stored
from trigml.estimation.errors import errors_of, leave_one_network_out, leave_one_out
from trigml.estimation.fitting import fit_model
from trigml.estimation.reports import Sample, read_samples
from trigml.estimation.stored import FittedModel, fitted, shipped_model

REPORTS = Path(__file__).parent / "vendor_reports"
ESTIMATE_DOCS = Path(__file__).parents[2] / "docs" / "estimate.md"


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    return read_samples(REPORTS)


@pytest.fixture(scope="module")
def refitted(samples: list[Sample]) -> FittedModel:
    return fitted(samples)


def test_the_package_has_what_the_reports_give(refitted: FittedModel) -> None:
    """Protects against coefficients or errors that nobody can reproduce: all is fitted and left out again."""
    stored_numbers, found = _numbers(shipped_model().to_json()), _numbers(refitted.to_json())
    assert stored_numbers.keys() == found.keys()
    for place, number in stored_numbers.items():
        if isinstance(number, float | int):
            assert found[place] == pytest.approx(number, rel=1e-3, abs=2e-3), place
        else:
            assert found[place] == number, place


def _numbers(content: object, place: str = "") -> dict[str, float | str | None]:
    if isinstance(content, dict):
        return {k: v for key, inner in content.items() for k, v in _numbers(inner, f"{place}/{key}").items()}
    if isinstance(content, list | tuple):
        return {k: v for i, inner in enumerate(content) for k, v in _numbers(inner, f"{place}/{i}").items()}
    return {place: content}


def test_the_aims_that_the_data_carry_are_met(refitted: FittedModel) -> None:
    """Protects the quality of the model, of each report from the others and of each network from others."""
    for errors in (refitted.by_report, refitted.by_network):
        assert errors.lut.median <= 0.25
        assert errors.ff.median <= 0.25
        assert errors.latency.near >= 0.8
        assert errors.dsp_certain.exact >= 0.8
        assert errors.bram18.exact == 1
    assert refitted.by_report.dsp.near >= 0.9  # exact it cannot be: the tests draw their weights at random


def test_networks_are_left_out_in_all_tools(samples: list[Sample]) -> None:
    """Protects the honesty of the error: no report of the same network is among those that are fitted."""
    assert len(samples) == 60
    outcomes = leave_one_network_out(samples)
    assert {o.sample.name for o in outcomes} == {s.name for s in samples}
    missing = {o.sample.network for o in outcomes if o.predicted is None}
    assert missing == {
        "64 words with sigmoid, io_parallel",
        "64 words with sigmoid, io_stream",
        "convolution, io_parallel",
    }
    relus = {s.name for s in samples if s.network == "64 words with ReLU, io_parallel"}
    assert len(relus) == 6  # relu and prelu (slope 0) are the same logic, in three tools


def test_the_bar_beside_an_estimate_holds_nine_reports_in_ten(
    samples: list[Sample], refitted: FittedModel
) -> None:
    """Protects what ± means: a share of the estimate, in which 90 % of the left-out reports lie."""
    outcomes = [o for o in leave_one_network_out(samples) if o.predicted is not None]
    for name, spread in (("lut", refitted.by_network.lut), ("ff", refitted.by_network.ff)):
        held = [
            abs(getattr(o.predicted, name) - getattr(o.sample.measured, name))
            <= 1.0001 * spread.bar * getattr(o.predicted, name)
            for o in outcomes
        ]
        assert sum(held) >= 0.9 * len(held)


def test_leaving_out_sees_a_report_that_is_wrong(samples: list[Sample]) -> None:
    """Protects the check itself: reports with figures of something else show as large errors."""
    from dataclasses import replace

    swapped = [
        replace(s, measured=replace(s.measured, lut=s.measured.lut * 5)) if i % 3 == 0 else s
        for i, s in enumerate(samples)
    ]
    honest, planted = errors_of(leave_one_out(samples)), errors_of(leave_one_out(swapped))
    assert planted.lut.p90 > honest.lut.p90 + 0.3


def test_a_design_without_its_operators_in_the_reports_has_no_figure(samples: list[Sample]) -> None:
    """Protects against zero for an operator that nothing is known of."""
    without = fit_model([s for s in samples if "sigmoid" not in s.network])
    design = next(s.design for s in samples if s.network.startswith("64 words with sigmoid"))
    assert without.without_basis(design)
    predicted = without.predict(design)
    assert predicted.lut is None
    assert predicted.ff is None


def test_the_reports_have_their_source_and_licence() -> None:
    """Protects the terms under which the reports are here."""
    text = (REPORTS / "README.md").read_text(encoding="utf-8")
    assert "https://github.com/fastmachinelearning/hls4ml" in text
    assert "test/pytest/baselines" in text
    assert "Apache License 2.0" in text


def test_the_documentation_has_the_measured_errors() -> None:
    """Protects the table in docs/estimate.md against another fit."""
    text = ESTIMATE_DOCS.read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (LUT|FF) \| 52 \| ([0-9.]+) % ", text, re.M))
    errors = shipped_model().by_network
    assert rows == {"LUT": f"{100 * errors.lut.median:.1f}", "FF": f"{100 * errors.ff.median:.1f}"}


def test_bad_reports_are_refused(tmp_path: Path) -> None:
    """Protects the fit: an empty folder, a truncated report and an unknown test are named."""
    with pytest.raises(BadInput, match="no vendor reports"):
        read_samples(tmp_path)
    shutil.copytree(REPORTS / "Vivado", tmp_path / "Vivado")
    report = next((tmp_path / "Vivado").rglob("*dense_io_parallel*.json"))
    whole = report.read_text(encoding="utf-8")
    report.write_text(whole[: len(whole) // 2], encoding="utf-8")
    with pytest.raises(BadInput, match="cannot be read"):
        read_samples(tmp_path)
    report.rename(report.with_name("test_keras_api_test_rnn_io_parallel-Vivado.json"))
    with pytest.raises(BadInput, match="unknown test"):
        read_samples(tmp_path)


def test_a_damaged_model_file_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects users from a traceback when the installation lacks or breaks the model."""
    broken = tmp_path / "hls_estimate.json"
    broken.write_text(json.dumps({"coefficients": {}}), encoding="utf-8")
    monkeypatch.setattr(stored, "MODEL_FILE", broken)
    shipped_model.cache_clear()
    try:
        with pytest.raises(BadInput, match="HLS estimate cannot be read"):
            shipped_model()
    finally:
        shipped_model.cache_clear()
