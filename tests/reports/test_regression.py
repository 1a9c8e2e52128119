"""Tables and plots of regressors."""

from __future__ import annotations

from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from trigml.errors import BadInput
from trigml.physics.regression import RegressorPerformance, regressor_performance
from trigml.physics.regressor_comparison import compare_regressors
from trigml.physics.resolution_fit import ResolutionFit
from trigml.physics.uncertainties import NotMeasured
from trigml.reports.regression import resolution_loss_table, resolution_tables
from trigml.reports.resolution_plot import write_resolution_plot

NAMES = ("e$_1", "rare")
EDGES = (4, 8, 16, 24, 35, 45, 60)
RANDOM = np.random.default_rng(1)
TRUE = RANDOM.uniform(4, 60, 1500)
TYPES = (np.arange(1500) < 40).astype(int)
FLOAT = TRUE * RANDOM.normal(1, 0.3 / np.sqrt(TRUE))
WORSE = 0.9 * FLOAT * RANDOM.normal(1, 0.05, 1500)


def performance(values: np.ndarray, edges: tuple[float, ...] = EDGES) -> RegressorPerformance:
    return regressor_performance(values, TRUE, TYPES, NAMES, bins=edges, resamples=10)


def test_each_particle_type_has_a_table_of_all_models() -> None:
    """Protects the figures in the cells: those of the performance, of the right type and model."""
    models = {"float": performance(FLOAT), "quantised": performance(WORSE)}
    tables = resolution_tables(models)
    assert [table.title.split(":")[0] for table in tables] == ["e$_1", "rare", "all"]
    rows = {row.quantity: row.values for row in tables[0].rows}
    for place, model in enumerate(models.values()):
        kind = model.types[0]
        assert isinstance(kind.fit, ResolutionFit)
        assert rows["median response"][place] == kind.whole.median  # type: ignore[union-attr]
        assert rows["mean response"][place] == kind.whole.mean  # type: ignore[union-attr]
        assert rows["a [√GeV]"][place] == kind.fit.stochastic
        assert rows["b [GeV]"][place] == kind.fit.noise
        assert rows["c"][place] == kind.fit.constant
        assert str(rows["χ²/ndf"][place]) == f"{kind.fit.chi2:.1f}/{kind.fit.ndf}"
        shown = [values[place] for name, values in rows.items() if name.startswith("σ/E, ")]
        assert shown == [kind.bins[at].resolution for at in (0, 2, 5)]
        shown = [values[place] for name, values in rows.items() if name.startswith("σ/E corrected, ")]
        assert shown == [kind.corrected[at].resolution for at in (1, 3, 4)]
        assert not any(isinstance(figure, NotMeasured) for figure in shown)
        assert isinstance(kind.corrected_fit, ResolutionFit)
        assert rows["a, corrected [√GeV]"][place] == kind.corrected_fit.stochastic
        assert rows["c, corrected"][place] == kind.corrected_fit.constant
    assert "σ/E, 16 to 24 GeV" in rows
    assert tables[0].to_json()["columns"] == ["float", "quantised"]


def test_what_is_not_measured_is_shown_with_its_reason() -> None:
    """Protects from a blank or a zero in place of a figure: the cell refers to the reason below."""
    text = resolution_tables({"float": performance(FLOAT)})[1].to_text()
    assert "– [1]" in text
    assert "[1] not measured: too few events (40," in text
    assert text.count("too few bins for a fit") == 1


def test_ratios_stand_beside_each_other() -> None:
    """Protects the table of losses: each type, in the order of what is compared."""
    same, worse = (
        compare_regressors(FLOAT, other, TRUE, TYPES, NAMES, bins=EDGES, resamples=10)
        for other in (FLOAT, WORSE)
    )
    table = resolution_loss_table({"same": same, "worse": worse})
    assert [row.quantity.split(":")[0] for row in table.rows] == ["e$_1"] * 4 + ["rare"] * 4 + ["all"] * 4
    assert table.rows[0].values == (same.types[0].width, worse.types[0].width)
    assert table.rows[1].values == (same.types[0].corrected, worse.types[0].corrected)
    assert table.rows[2].values == (same.types[0].stochastic, worse.types[0].stochastic)
    assert table.rows[3].values == (same.types[0].free, worse.types[0].free)
    assert "1 ± 0" in table.to_text()
    assert "no bin of true energy" in table.grid().markdown()


def test_unlike_samples_are_not_set_beside_each_other(tmp_path: Path) -> None:
    """Protects from comparing models of other bins, in tables and plots, and from empty ones."""
    models = {"float": performance(FLOAT), "quantised": performance(FLOAT, (4, 60))}
    with pytest.raises(BadInput, match="same sample"):
        resolution_tables(models)
    with pytest.raises(BadInput, match="same sample"):
        write_resolution_plot(models, tmp_path / "plot")
    with pytest.raises(BadInput, match="no model"):
        resolution_tables({})
    with pytest.raises(BadInput, match="no model"):
        resolution_loss_table({})
    with pytest.raises(BadInput, match="a few models"):
        write_resolution_plot({}, tmp_path / "plot")
    assert list(tmp_path.iterdir()) == []


def test_the_same_performance_gives_the_same_plot(tmp_path: Path) -> None:
    """Protects the plot: real PNG and PDF, without a date in them, with a type that has no points, too."""
    models = {"float": performance(FLOAT), "quantised": performance(WORSE)}
    ratios = {"quantised": compare_regressors(FLOAT, WORSE, TRUE, TYPES, NAMES, bins=EDGES, resamples=10)}
    first, second = (
        write_resolution_plot(models, tmp_path / name, ratios=ratios, reference="float", sample="a $")
        for name in ("one.v1", "two")
    )
    assert [path.name for path in first] == ["one.v1.png", "one.v1.pdf"]
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
    pixels = matplotlib.image.imread(first[0])
    assert len({tuple(pixel) for pixel in pixels[::5, ::5].reshape(-1, pixels.shape[2])}) > 10
    assert first[1].read_bytes().startswith(b"%PDF")
