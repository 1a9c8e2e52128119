"""The scales of trigger primitives, measured on showers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from trigml.data.primitives import load_primitives
from trigml.data.shower_layouts import load_layout
from trigml.data.shower_scales import measured_scales
from trigml.errors import BadInput

MakeFile = Callable[..., Path]
STEPS = load_primitives(
    changes=[
        "ecal.segments=[4]",
        "ecal.layer_weights=[{layers: 1, weight: 1}, {layers: 3, weight: 2}]",
        "hcal.segments=[6]",
    ]
)


def test_scales_are_measured_on_the_given_files(make_lcd: MakeFile) -> None:
    """Protects the calibration constants' definition: medians of electrons, least squares of pions."""
    sources = [("electron", make_lcd("e.h5", pdg=11)), ("pion", make_lcd("p.h5", pdg=-211))]
    layout = load_layout("lcd", sources[0][1])
    found = measured_scales(sources, layout, STEPS)
    sums = []
    for _, path in sources:
        with h5py.File(path) as file:
            ecal, hcal = 1000 * file["ECAL"][:], 1000 * file["HCAL"][:]
        ecal[..., 1:] *= 2
        sums.append((ecal.sum(axis=(1, 2, 3)), hcal.sum(axis=(1, 2, 3))))
    true = np.arange(40) + 5.0
    scale = np.median(true / sums[0][0])
    missing, seen = 1 - scale * sums[1][0] / true, sums[1][1] / true
    assert found.ecal == pytest.approx(scale, rel=1e-6)
    assert found.hcal == pytest.approx(missing @ seen / (seen @ seen), rel=1e-5)
    assert measured_scales(sources[:1], layout, STEPS).hcal is None
    with pytest.raises(BadInput, match="electron=FILE"):
        measured_scales(sources[1:], layout, STEPS)
