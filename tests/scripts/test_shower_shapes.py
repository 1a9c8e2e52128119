"""scripts/shower_shapes.py: what division-free features lose, on events where it is known."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from trigml.data.layout import Column, EventsWriter
from trigml.physics.shower_shapes import SHOWER_FEATURES

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "shower_shapes.py"


def write(path: Path, *, classes: tuple[str, ...] = ("gamma", "pi0", "electron", "pion")) -> None:
    """Noise, but for three features: one and its variant see the class alike, one only with a division.

    The third is the class with a random sign, which only its absolute value tells.
    """
    rng = np.random.default_rng(5)
    labels = np.arange(1600) % len(classes)
    signal = labels % 2 == 0
    values = {feature.name: rng.normal(size=1600) for feature in SHOWER_FEATURES}
    values["hcal_over_ecal"] = values["hcal_over_ecal_shift"] = signal + rng.normal(size=1600)
    values["layer1_over_layer2"] = -2.0 * signal + rng.normal(size=1600)
    values["moment_x3"] = (1 + signal) * rng.choice([-1, 1], 1600) * rng.uniform(0.6, 1.4, 1600)
    names = [Column(feature.name) for feature in SHOWER_FEATURES]
    with EventsWriter(path, title="known", features=names, class_names=classes) as writer:
        writer.append(event_id=np.arange(1600), features=values, labels=labels)


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, SCRIPT, *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_the_loss_is_found_where_it_was_planted(tmp_path: Path) -> None:
    """Protects the table: equal features lose exactly nothing, a variant of noise loses all, |x| counts."""
    write(tmp_path / "events.h5")
    done = run(tmp_path / "events.h5")
    assert done.returncode == 0, done.stderr
    rows = {cells[0]: cells for line in done.stdout.splitlines() if (cells := line.strip("| ").split(" | "))}
    assert len(rows) == 2 + 21 + 2
    for place in (1, 4):
        value = {
            name: [float(cell.split()[0]) for cell in cells[place : place + 3]]
            for name, cells in rows.items()
            if name.startswith(("hcal", "layer", "moment", "trees"))
        }
        assert value["hcal_over_ecal"][2] == 0
        assert 0.7 < value["hcal_over_ecal"][0] < 0.82
        assert value["layer1_over_layer2"][0] > 0.88
        assert value["layer1_over_layer2"][1] < 0.56
        assert value["layer1_over_layer2"][2] > 0.3
        assert value["moment_x3"][0] > 0.85
        assert value["trees, all"][2] > 0.05


def test_other_events_end_with_a_message(tmp_path: Path) -> None:
    """Protects from a traceback on events of other particles or of none of these features."""
    write(tmp_path / "events.h5", classes=("gamma", "pi0"))
    for file, problem in ((tmp_path / "events.h5", "'electron'"), ("sample:jets", "'gamma'")):
        done = run(file)
        assert done.returncode == 2
        assert problem in done.stderr
        assert "Traceback" not in done.stderr
