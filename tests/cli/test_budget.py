"""A budget that no firmware can be held against is refused before anything is trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from trigml.cli.main import exit_code_of
from trigml.devices import DEVICES_VARIABLE, load_devices
from trigml.reports.budget import budget_device
from trigml.spec import load_spec, shipped_specs


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ("budget.part=xcvu31p", ["budget.part: xcvu31p", "did you mean xcvu13p"]),
        ("target.part=Agilex7", ["target.part: Agilex7", "is a family", "agf014"]),
        ("budget.resources.ALM=5 %", ["budget.resources.ALM: 5 % of the part", "one of: LUT, FF"]),
        ("budget.latency=100", ["budget.latency", "with one of the units ns, us, BX"]),
        ("budget.latency=5 ms", ["budget.latency", "with one of the units ns, us, BX"]),
        ("budget.initiation_interval=-1", ["budget.initiation_interval", "a positive number"]),
    ],
)
def test_train_refuses_it(
    change: str, parts: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unknown part, a share of what it does not have, a wrong unit: exit code 2, and no run begins."""
    assert exit_code_of(["train", "jet_tagger_hlf", "--set", change, "--out", str(tmp_path / "run")]) == 2
    message = capsys.readouterr().err
    for part in parts:
        assert part in message
    assert list(tmp_path.iterdir()) == []


def test_shipped_budgets_are_for_known_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every shipped spec with a budget can be trained and judged with the devices that come with trigml."""
    monkeypatch.delenv(DEVICES_VARIABLE, raising=False)
    devices = load_devices()
    asking = [spec for spec in map(load_spec, shipped_specs()) if spec.budget.asks]
    assert "jet_tagger_hlf" in [spec.name for spec in asking]
    for spec in asking:
        assert budget_device(spec.budget, spec.target.part, devices) is not None
