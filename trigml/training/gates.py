"""The gates of a spec: limits that a finished training has to keep."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trigml.errors import GateBroken
from trigml.physics.classification import ClassifierPerformance, PerformanceLoss
from trigml.physics.regression import RegressorPerformance, TypePerformance
from trigml.physics.regressor_comparison import RegressorComparison
from trigml.physics.uncertainties import Measured, NotMeasured
from trigml.spec import GateSpec


@dataclass(frozen=True, slots=True)
class GateResult:
    """One gate and what was measured; the central value decides, the uncertainty is told beside it.

    Attributes:
        name: key in the spec, such as ``max_auc_loss``.
        limit: value in the spec.
        measured: what was measured on the test split, or why it cannot be, which breaks the gate.
        what: the measured quantity in words.
    """

    name: str
    limit: float
    measured: Measured | NotMeasured
    what: str

    @property
    def excess(self) -> float:
        """By how much the gate is broken; not above 0 if it is kept, infinite without a figure."""
        if isinstance(self.measured, NotMeasured):
            return math.inf
        below = self.limit - self.measured.value
        return below if self.name.startswith("min_") else -below

    @property
    def broken(self) -> bool:
        """Whether the central value is on the wrong side of the limit, or there is none."""
        return self.excess > 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "name": self.name,
            "limit": self.limit,
            "measured": self.measured.to_json(),
            "broken": self.broken,
        }

    def __str__(self) -> str:
        if isinstance(self.measured, NotMeasured):
            return f"gate.{self.name} {self.limit:g}: {self.what} is {self.measured}; broken"
        significance = ""
        if self.broken and self.measured.uncertainty:
            significance = f" ({self.excess / self.measured.uncertainty:.1f} standard deviations)"
        state = f"broken by {self.excess:.2g}{significance}" if self.broken else "kept"
        return f"gate.{self.name} {self.limit:g}: {self.what} is {self.measured}; {state}"


def classifier_gates(
    gate: GateSpec,
    float_performance: ClassifierPerformance,
    quantized_performance: ClassifierPerformance | None,
    loss: PerformanceLoss | None,
) -> tuple[GateResult, ...]:
    """Hold the gates of a classification against what was measured.

    Without a quantised model the minima are those of the float reference, and losses are not judged.
    """
    final = quantized_performance or float_performance
    model = _model(quantized_performance is not None)
    results = []
    if gate.max_auc_loss is not None and loss is not None:
        results.append(
            GateResult("max_auc_loss", gate.max_auc_loss, loss.macro_auc, "AUC of float − quantised")
        )
    if gate.max_accuracy_loss is not None and loss is not None:
        what = "accuracy of float − quantised"
        results.append(GateResult("max_accuracy_loss", gate.max_accuracy_loss, loss.accuracy, what))
    if gate.min_auc is not None:
        results.append(GateResult("min_auc", gate.min_auc, final.macro_auc, f"AUC of the {model} model"))
    if gate.min_accuracy is not None:
        what = f"accuracy of the {model} model"
        results.append(GateResult("min_accuracy", gate.min_accuracy, final.accuracy, what))
    return tuple(results)


def regressor_gates(
    gate: GateSpec,
    float_performance: RegressorPerformance,
    quantized_performance: RegressorPerformance | None,
    loss: RegressorComparison | None,
) -> tuple[GateResult, ...]:
    """Hold the gates of a regression against what was measured, for the worst particle type.

    Without a quantised model the bias is that of the float reference, and the loss is not judged. A type that
    cannot be measured breaks a gate: nobody knows that it keeps it.
    """
    final = quantized_performance or float_performance
    model = _model(quantized_performance is not None)
    results = []
    if gate.max_stochastic_loss is not None and loss is not None:
        rises = {group.name: _minus_one(group.stochastic) for group in loss.types}
        name, rise = _worst(rises)
        what = f"rise of the stochastic term from float to quantised for {name}"
        results.append(GateResult("max_stochastic_loss", gate.max_stochastic_loss, rise, what))
    if gate.max_bias is not None:
        biases = {group.name: _bias(group) for group in final.types}
        name, bias = _worst(biases)
        what = f"distance of the {model} model's median response from 1 for {name}"
        results.append(GateResult("max_bias", gate.max_bias, bias, what))
    return tuple(results)


def _model(quantized: bool) -> str:
    return "quantised" if quantized else "float"


def _minus_one(ratio: Measured | NotMeasured) -> Measured | NotMeasured:
    return ratio if isinstance(ratio, NotMeasured) else Measured(ratio.value - 1, ratio.uncertainty)


def _bias(group: TypePerformance) -> Measured | NotMeasured:
    if isinstance(group.whole, NotMeasured):
        return group.whole
    median = group.whole.median
    return Measured(abs(median.value - 1), median.uncertainty)


def _worst(figures: Mapping[str, Measured | NotMeasured]) -> tuple[str, Measured | NotMeasured]:
    """The particle type with the largest figure, or one that has none."""
    return max(figures.items(), key=lambda item: _rank(item[1]))


def _rank(figure: Measured | NotMeasured) -> float:
    return math.inf if isinstance(figure, NotMeasured) else figure.value


def enforce(results: tuple[GateResult, ...], where: str) -> None:
    """Raise if a gate is broken.

    Raises:
        GateBroken: naming each broken gate, its limit, the value and by how much.
    """
    broken = [result for result in results if result.broken]
    if not broken:
        return
    names = ", ".join(f"gate.{result.name}" for result in broken)
    number = "a gate" if len(broken) == 1 else f"{len(broken)} gates"
    raise GateBroken(
        f"the trained model breaks {number} of the spec: {names}",
        where=where,
        expected="; ".join(
            f"{result.what} at {'least' if result.name.startswith('min_') else 'most'} {result.limit:g}"
            for result in broken
        ),
        found="; ".join(str(result) for result in broken),
        remedy="the run is complete and can be looked at; change the model, its training or the gate",
    )
