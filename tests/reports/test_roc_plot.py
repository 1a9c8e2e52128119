"""ROC plots as files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import matplotlib
import matplotlib.image
import matplotlib.pyplot as plt
import numpy as np
import pytest

from trigml.errors import BadInput
from trigml.physics.roc import roc_curve
from trigml.reports.roc_plot import _thinned, write_roc_plot

NAMES = ("g", "q", "W")

IN_ANOTHER_PROCESS = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_roc_plot import NAMES, models
from trigml.reports.roc_plot import write_roc_plot
write_roc_plot(*models(), NAMES, Path(sys.argv[2]), sample="toys")
"""


def models():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 1500)
    logits = rng.normal(size=(1500, 3)) + 1.5 * np.eye(3)[labels]
    quantised = np.round(logits * 4) / 4
    logits_by_model = {
        "float": logits,
        "quantised": quantised,
        "HLS C++": quantised.copy(),
        "boosted trees": logits + rng.normal(0, 0.5, logits.shape),
    }
    return logits_by_model, labels


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plots")
    return write_roc_plot(*models(), NAMES, folder / "new" / "roc.v1", sample="toys")


def test_both_files_are_plots(written):
    """PNG and PDF are written under the stem, dots in it kept, with something drawn and no date in them."""
    png, pdf = written
    assert (png.name, pdf.name) == ("roc.v1.png", "roc.v1.pdf")
    assert sorted(path.name for path in png.parent.iterdir()) == ["roc.v1.pdf", "roc.v1.png"]
    pixels = matplotlib.image.imread(png)
    height, width = pixels.shape[:2]
    assert width > 1000
    assert height > 500
    # The line of the quantised model is red: seen in the panels.
    red, green, blue = (pixels[..., i] for i in range(3))
    assert np.count_nonzero((red > 0.8) & (green < 0.3) & (blue < 0.4)) > 500
    content = pdf.read_bytes()
    assert content.startswith(b"%PDF")
    assert b"CreationDate" not in content
    assert len(content) < 500_000


@pytest.mark.slow
def test_bytes_are_the_same_in_another_process(written, tmp_path):
    """The same events give the same bytes, whatever the process's hash seed; other events do not."""
    script = [sys.executable, "-c", IN_ANOTHER_PROCESS, str(Path(__file__).parent), str(tmp_path / "again")]
    subprocess.run(script, check=True, env=os.environ | {"PYTHONHASHSEED": "12345"})
    for suffix, path in zip((".png", ".pdf"), written, strict=True):
        assert (tmp_path / f"again{suffix}").read_bytes() == path.read_bytes()
    logits, labels = models()
    changed = logits | {"float": logits["float"][:, ::-1]}
    other = write_roc_plot(changed, labels, NAMES, tmp_path / "other", sample="toys")
    for path, reference in zip(other, written, strict=True):
        assert path.read_bytes() != reference.read_bytes()


def test_the_users_matplotlib_is_left_alone(tmp_path):
    """Settings, backend and open figures of the user are the same after the plot, and do not change it."""
    logits, labels = models()
    write_roc_plot(logits, labels, NAMES, tmp_path / "before")
    mine = {"font.size": 31.0, "axes.facecolor": "yellow", "savefig.bbox": "tight", "lines.linewidth": 9.0}
    with matplotlib.rc_context(mine):
        settings, backend, figures = dict(matplotlib.rcParams), matplotlib.get_backend(), plt.get_fignums()
        write_roc_plot(logits, labels, NAMES, tmp_path / "after")
        assert dict(matplotlib.rcParams) == settings
        assert matplotlib.get_backend() == backend
        assert plt.get_fignums() == figures
    for suffix in (".png", ".pdf"):
        assert (tmp_path / f"before{suffix}").read_bytes() == (tmp_path / f"after{suffix}").read_bytes()


def test_two_classes_odd_names_and_perfect_separation(tmp_path):
    """Dollar signs are no formula, a curve without background is drawn, and unknown models get a line."""
    labels = np.arange(400) % 2
    models_by_name = {"12 bits, $3": 30.0 * np.eye(2)[labels], "random": np.zeros((400, 2))}
    png, pdf = write_roc_plot(models_by_name, labels, ("e$^$", "π$_"), tmp_path / "roc", sample="5 $ & 6 $")
    assert png.stat().st_size > 10_000
    assert pdf.stat().st_size > 5_000


def test_thinned_curve_keeps_the_shape():
    """Thinning leaves out points only where the curve does not move by a cell, and keeps both ends."""
    rng = np.random.default_rng(3)
    is_signal = np.arange(60_000) < 20_000
    curve = roc_curve(rng.normal(size=60_000) + is_signal, is_signal)
    x, y = _thinned(curve, 1e-4)
    assert x.size < 6_000 < curve.signal_efficiency.size
    assert (x[0], x[-1], y[-1]) == (0, 1, 1)
    full = np.log10(np.maximum(curve.background_efficiency, 1e-5))
    steps = np.interp(curve.signal_efficiency, x, np.log10(y))
    # Away from vertical steps, the thinned line is within two cells of the full one.
    flat = curve.signal_efficiency > 0.1
    assert np.abs(steps - full)[flat].max() < 2 * 5 / 1200


def test_nothing_is_left_when_a_plot_cannot_be_written(tmp_path):
    """A file in the place of the folder is a clear error, and nothing half-written stays."""
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(BadInput, match="cannot write"):
        write_roc_plot(*models(), NAMES, tmp_path / "taken" / "roc")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_bad_input(tmp_path):
    """No model, too many models, a missing class and unlike shapes are refused before a file is made."""
    logits, labels = models()
    with pytest.raises(BadInput, match="a few models"):
        write_roc_plot({}, labels, NAMES, tmp_path / "roc")
    with pytest.raises(BadInput, match="a few models"):
        write_roc_plot({str(i): logits["float"] for i in range(5)}, labels, NAMES, tmp_path / "roc")
    with pytest.raises(BadInput, match="class 'W'"):
        write_roc_plot(logits, labels % 2, NAMES, tmp_path / "roc")
    with pytest.raises(BadInput, match="do not fit"):
        write_roc_plot(logits, labels[:-1], NAMES, tmp_path / "roc")
    assert list(tmp_path.iterdir()) == []
