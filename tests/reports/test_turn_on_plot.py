"""Plots of trigger quantities as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trigml.data.layout import Column
from trigml.errors import BadInput
from trigml.evaluation.bins import Binning
from trigml.evaluation.discriminants import Discriminant
from trigml.evaluation.quantities import TriggerQuantities, measure_discriminant
from trigml.evaluation.sample import Sample, ScoredEvents
from trigml.evaluation.targets import Target, TargetKind
from trigml.physics.turn_on import threshold_scan
from trigml.reports.turn_on_plot import _spread, write_scan_plot, write_turn_on_plot


def quantities(column: Column | None, copies: int = 1) -> TriggerQuantities:
    """Two classes, of which one passes more often at high values of the column."""
    random = np.random.default_rng(1)
    labels = random.integers(0, 2, 400)
    values = random.uniform(0, 60, 400)
    boost = np.stack([values * (labels == 0), 0 * values], axis=1).astype(int)
    words = random.integers(-20, 20, (400, 2)) + boost
    sample = Sample("toys at $5", 400, (), "numpy", "numpy")
    events = ScoredEvents(sample, words, labels, column, None if column is None else values)
    discriminant = Discriminant("a", None, ("a", "b"), (0, 0), 1.0, (-100, 100))
    targets = (Target(TargetKind.EFFICIENCY, 0.5), Target(TargetKind.RATE, 50e3))
    found = measure_discriminant(discriminant, events, targets, 1e6, Binning((0, 20, 40, 60, 80)))
    return TriggerQuantities("toy", "0" * 64, sample, (("a", 1), ("b", 1)), 1e6, column, (found,) * copies)


def test_the_same_quantities_give_the_same_bytes(tmp_path: Path) -> None:
    """Protects both plots: PNG and PDF are written under the stem, without a date in them."""
    found = quantities(Column("pt_$", "GeV"))
    for draw in (write_scan_plot, write_turn_on_plot):
        first, second = (draw(found, tmp_path / name / "plot.v1") for name in ("one", "two"))
        assert [path.name for path in first] == ["plot.v1.png", "plot.v1.pdf"]
        for one, other in zip(first, second, strict=True):
            assert one.read_bytes() == other.read_bytes()


def test_what_cannot_be_drawn_is_refused(tmp_path: Path) -> None:
    """Protects against an empty plot, and one of more panels than anybody can read."""
    with pytest.raises(BadInput, match="no turn-on curves"):
        write_turn_on_plot(quantities(None), tmp_path / "plot")
    with pytest.raises(BadInput, match="--signal"):
        write_scan_plot(quantities(None, copies=31), tmp_path / "plot")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("n", [5, 4000])
def test_thinned_scans_keep_their_ends(n: int) -> None:
    """Protects what is drawn of a long scan: its ends, in order, no more points than the print shows."""
    scores = np.random.default_rng(0).choice(10**6, n, replace=False)
    thresholds = threshold_scan(scores, np.arange(n) % 2 == 0).thresholds
    rows = _spread(thresholds)
    assert (rows[0], rows[-1]) == (0, n)
    assert (np.diff(rows) > 0).all()
    assert len(rows) <= 801
