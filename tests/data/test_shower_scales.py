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


def electrons_and_pions(make_lcd: MakeFile, ecal_part: float = 0.2) -> list[tuple[str, Path]]:
    """Both classes; the pions have ``ecal_part`` of what electrons have in the ECAL."""
    electrons = make_lcd("e.h5", pdg=11)
    with h5py.File(electrons) as file:
        ecal = ecal_part * file["ECAL"][:]
    return [("electron", electrons), ("pion", make_lcd("p.h5", pdg=-211, ECAL=ecal))]


def test_scales_are_measured_on_the_given_files(make_lcd: MakeFile) -> None:
    """Protects the calibration constants' definition: medians of electrons, least squares of pions."""
    sources = electrons_and_pions(make_lcd)
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
    assert found.hcal > 0


def test_what_gives_no_scale_is_refused(make_lcd: MakeFile) -> None:
    """Protects from a scale of other particles, of none, or of a sign that no calorimeter has."""
    sources = electrons_and_pions(make_lcd)
    (_, electrons), (_, pions) = sources
    layout = load_layout("lcd", electrons)
    without_hcal = load_primitives(changes=["ecal.segments=[4]", "ecal.layer_weights=[]", "hcal=null"])
    some = np.full(40, 11)
    some[7] = 22
    mixed = make_lcd("mixed.h5", pdg=11, pdgID=some)
    for wrong, steps, problem in (
        ([("pion", pions)], STEPS, "electron=FILE"),
        ([*sources, ("gamma", make_lcd("g.h5"))], STEPS, "electron=FILE"),
        ([("electron", pions), ("pion", electrons)], STEPS, "another particle than the class 'electron'"),
        ([("electron", electrons), ("electron", mixed)], STEPS, r"mixed\.h5: row 7"),
        (sources, without_hcal, "the trigger primitives have none"),
        (electrons_and_pions(make_lcd, 5.0), STEPS, "no scale of the HCAL"),
    ):
        with pytest.raises(BadInput, match=problem):
            measured_scales(wrong, layout, steps)
