"""The study as a page: tables in Markdown, and all numbers as JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import trigml
from study.calibration import SIMPLE, Calibration
from study.exactness import Exactness
from study.expectations import Expectation, of_calibration, of_hardware, of_identification, signed, where
from study.firmware import Firmware
from study.identification import Figures, SampleResult, Stage
from study.plan import MERGING_ANGLE, Selection
from study.published import MODELS, SOURCE, STOCHASTIC_TERMS
from trigml.atomic import write_text
from trigml.errors import BadInput
from trigml.physics.gains import Spread
from trigml.physics.neutral_pions import fraction_merged
from trigml.physics.resolution_fit import ResolutionFit
from trigml.physics.uncertainties import Measured, NotMeasured
from trigml.reports.regression import resolution_loss_table, resolution_tables
from trigml.reports.terminal import markdown_table

BEGIN, END = "<!-- study: begin -->", "<!-- study: end -->"
LIBRARIES = ("tensorflow", "tf-keras", "qkeras", "scikit-learn", "numpy", "alkaid", "iminuit")
QUICK = "**Made with --quick: few events and epochs, to try the study out. These figures mean nothing.**"


@dataclass(frozen=True, slots=True)
class Study:
    """All that was found.

    Attributes:
        identification: every sample.
        calibration: the energy calibration, if it was studied.
        firmware: the shipped networks' RTL, as far as it was made.
        exactness: every network.
        notes: what a reader should know besides.
        quick: whether the figures mean nothing.
    """

    identification: tuple[SampleResult, ...]
    calibration: Calibration | None
    firmware: tuple[Firmware, ...]
    exactness: tuple[Exactness, ...]
    notes: tuple[str, ...]
    quick: bool

    @property
    def expectations(self) -> list[Expectation]:
        """What was expected, and whether it holds."""
        found = list(of_identification(self.identification))
        if self.calibration is not None:
            found += of_calibration(self.calibration)
        return [*found, of_hardware(self.exactness)]

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "quick": self.quick,
            "versions": versions(),
            "identification": [result.to_json() for result in self.identification],
            "calibration": None if self.calibration is None else self.calibration.to_json(),
            "firmware": [one.to_json() for one in self.firmware],
            "exactness": [one.to_json() for one in self.exactness],
            "expectations": [one.to_json() for one in self.expectations],
            "notes": list(self.notes),
        }


def versions() -> dict[str, str]:
    """Of trigml and of what the figures depend on."""
    return {"trigml": trigml.__version__} | {name: version(name) for name in LIBRARIES}


def markdown(study: Study) -> str:
    """The generated part of the page, with a newline at its end."""
    return "\n\n".join(_parts(study)) + "\n"


def into_page(study: Study, page: Path) -> None:
    """Replace what stands between the markers of a page.

    Raises:
        BadInput: the page does not have both markers, once each and in order.
    """
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end) or BEGIN in rest or END in after:
        raise BadInput("the page has no place for the study", where=str(page), expected=f"{BEGIN} … {END}")
    write_text(page, f"{before}{BEGIN}\n\n{markdown(study)}\n{END}{after}")


def _parts(study: Study) -> Iterator[str]:
    if study.quick:
        yield QUICK
    yield "Made by `make study` with " + ", ".join(f"{name} {v}" for name, v in versions().items()) + "."
    yield "### What was expected"
    yield _table(
        [("expectation", "", "figures"), *((e.statement, e.verdict, e.figures) for e in study.expectations)],
        "<<<",
    )
    if study.identification:
        yield "### e/γ identification"
        yield "![ROC curves](study/identification.png)"
        for result in study.identification:
            yield from _sample(result)
    if study.calibration is not None:
        yield "### Energy calibration"
        yield from _calibration(study.calibration)
    yield "### Beside the published offline study"
    yield from _published(study)
    yield "### Words of the hardware"
    yield _exactness(study.exactness)
    if study.firmware:
        yield "### The shipped networks as RTL"
        yield _table([study.firmware[0].head, *(one.cells for one in study.firmware)], "<>>>>>>>>")
        yield (
            "Each figure with its tier. *mapped*: cells counted after mapping with Yosys, cycles measured in "
            "the simulation of the RTL; nanoseconds are cycles at the requested clock, whose timing no tool "
            "of a vendor has verified. `trigml report RUN` has all figures with their tools."
        )
    if study.notes:
        yield "\n".join(f"- {note}" for note in study.notes)


def _sample(result: SampleResult) -> Iterator[str]:
    yield f"#### {where(result)}"
    yield (
        f"{result.n_signal:,} signal and {result.n_background:,} background events of the test split."
        + _merged(result)
    )
    if not result.models:
        yield "Too few events to measure anything."
        return
    yield _by_stage(result, ("accuracy %", "AUC"), (lambda f: _percent(f.accuracy), lambda f: str(f.auc)))
    point = result.sample.point
    yield (
        f"Gain over {result.models[0].name}: area under the ROC curve; signal efficiency at a background "
        f"efficiency of {100 * point.background_efficiency:g} % (difference in %); factor of the background "
        f"rejection at a signal efficiency of {100 * point.signal_efficiency:g} %. Brackets are the central "
        "68.3 % of the bootstrap over the same events."
    )
    yield _by_stage(
        result,
        ("ΔAUC", "Δε_S %", "rejection ×"),
        (_auc_gain, _signal_gain, _rejection_gain),
        skip_reference=True,
    )


def _merged(result: SampleResult) -> str:
    if result.sample.selection is not Selection.MERGING or not len(result.energies):
        return ""
    part = float(np.mean(fraction_merged(result.energies, MERGING_ANGLE)))
    return (
        f" The sample does not hold opening angles: of pions with these energies {100 * part:.0f} % are "
        f"expected to have both photons within {MERGING_ANGLE:g} rad."
    )


def _by_stage(
    result: SampleResult,
    quantities: tuple[str, ...],
    cells: tuple[Callable[[Figures], str], ...],
    *,
    skip_reference: bool = False,
) -> str:
    """Models in rows; for each quantity a column per stage."""
    head = ("model", *(f"{quantity}, {stage}" for quantity in quantities for stage in Stage))
    rows = [head]
    for model in result.models[int(skip_reference) :]:
        found = [
            cell(model.columns[stage]) if stage in model.columns else "–" for cell in cells for stage in Stage
        ]
        rows.append((model.name, *found))
    return _table(rows, "<" + ">" * (len(head) - 1))


def _percent(value: Measured) -> str:
    return str(Measured(100 * value.value, 100 * value.uncertainty))


def _auc_gain(figures: Figures) -> str:
    return "" if figures.auc_gain is None else signed(figures.auc_gain)


def _signal_gain(figures: Figures) -> str:
    return "" if figures.gain is None else _spread(figures.gain.signal_efficiency, 100, "+.2f")


def _rejection_gain(figures: Figures) -> str:
    return "" if figures.gain is None else _spread(figures.gain.rejection, 1, ".2f")


def _spread(spread: Spread, factor: float, form: str) -> str:
    value, lower, upper = (
        "∞" if math.isinf(number) else f"{factor * number + 0.0:{form}}"
        for number in (spread.value, spread.lower, spread.upper)
    )
    return f"{value} [{lower}, {upper}]"


def _published(study: Study) -> Iterator[str]:
    yield (
        f"Published LCD study, as in docs ({SOURCE}): another simulation of the detector, all cells without "
        "noise and LSB, another window, and many times more showers for training. The columns are not "
        "comparable in absolute terms, only in which model is better than which."
    )
    if study.identification:
        yield from _published_identification(study)
    if study.calibration is not None:
        yield from _published_resolution(study.calibration)


def _published_identification(study: Study) -> Iterator[str]:
    head = ("model", "γ/π⁰ published", "γ/π⁰ here", "e/π published", "e/π here")
    rows = [head]
    ours = [
        _find(study, "photon", Selection.MERGING, merging_only=True)
        or _find(study, "photon", Selection.MERGING, merging_only=False),
        _find(study, "electron", Selection.LOOKALIKE, merging_only=False),
    ]
    for model in MODELS:
        cells = []
        for published, result in zip((model.photon, model.electron), ours, strict=True):
            found = result and result.model(model.inputs, network=model.is_network)
            figures = found.columns[Stage.FLOAT] if found else None
            cells += [
                f"{published[0]:.1f} / {published[1]:.1f}",
                "–" if figures is None else f"{_percent(figures.accuracy)} / {_percent(figures.auc)}",
            ]
        rows.append((model.name, *cells))
    yield _table(rows, "<>>>>")
    yield (
        "Accuracy and AUC in per cent, float models. Published: merging pairs of photons, and pions that "
        "look electromagnetic. Here: " + " and ".join(f"“{where(result)}”" for result in ours if result) + "."
    )


def _find(study: Study, task: str, selection: Selection, *, merging_only: bool) -> SampleResult | None:
    return next(
        (
            result
            for result in study.identification
            if (result.task.name, result.sample.selection, result.merging_only)
            == (task, selection, merging_only)
        ),
        None,
    )


def _calibration(found: Calibration) -> Iterator[str]:
    yield "![Response and resolution](study/calibration.png)"
    yield (
        "The simple sum adds all trigger cells in the scale of the sample; the calibrated sum has one factor "
        "for the ECAL and one for the HCAL, fitted on the training events of all particle types together. "
        "Trees and networks are trained on all particle types together, too."
    )
    for table in resolution_tables(found.models):
        yield table.grid().markdown()
    over = {f"{name} / {SIMPLE}": one for name, one in found.over_simple.items()}
    over |= {f"{name} / float": one for name, one in found.over_float.items()}
    yield resolution_loss_table(over).grid().markdown()


def _published_resolution(found: Calibration) -> Iterator[str]:
    network = found.networks[-1]
    fits, ours = (
        {one.name: one.corrected_fit for one in found.models[name].types}
        for name in (SIMPLE, network.columns[Stage.FLOAT])
    )
    head = ("particle", "published: sum → CNN on cells", f"here: simple sum → {network.name}")
    rows = [head]
    for name, published in STOCHASTIC_TERMS.items():
        if name in fits:
            rows.append(
                (
                    published.name,
                    f"{published.simple_sum:g} → {published.cnn:g}",
                    f"{_stochastic(fits[name])} → {_stochastic(ours[name])}",
                )
            )
    yield (
        "Stochastic term a, published in that study's units; here in √GeV, float network, corrected for the "
        "slope of the response and fitted without b, as in the tables above:"
    )
    yield _table(rows, "<>>")


def _stochastic(fit: ResolutionFit | NotMeasured) -> str:
    return str(fit if isinstance(fit, NotMeasured) else fit.stochastic)


def _exactness(found: tuple[Exactness, ...]) -> str:
    stages = list(dict.fromkeys(name for one in found for name in one.differing))
    head = (
        "network",
        "test events",
        "words",
        *(f"{stage}: words ≠ QKeras" for stage in stages),
        "RTL project",
    )
    rows = [head]
    for one in found:
        project = ", ".join(f"{s.stage} {s.differences:,} of {s.words:,}" for s in one.synthesised) or "–"
        counts = (f"{one.differing[stage]:,}" for stage in stages)
        rows.append((one.network, f"{one.events:,}", f"{one.words:,}", *counts, project))
    return _table(rows, "<>>" + ">" * len(stages) + "<")


def _table(rows: list[tuple[str, ...]], sides: str) -> str:
    return "\n".join(markdown_table(rows, sides))
