"""The gates of a spec: limits that a finished training has to keep."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from trigml.errors import GateBroken
from trigml.physics.classification import ClassifierPerformance, PerformanceLoss
from trigml.physics.uncertainties import Measured
from trigml.spec import GateSpec


@dataclass(frozen=True, slots=True)
class GateResult:
    """One gate and what was measured; the central value decides, the uncertainty is told beside it.

    Attributes:
        name: key in the spec, such as ``max_auc_loss``.
        limit: value in the spec.
        measured: what was measured on the test split.
        what: the measured quantity in words.
    """

    name: str
    limit: float
    measured: Measured
    what: str

    @property
    def excess(self) -> float:
        """By how much the gate is broken; not above 0 if it is kept."""
        below = self.limit - self.measured.value
        return below if self.name.startswith("min_") else -below

    @property
    def broken(self) -> bool:
        """Whether the central value is on the wrong side of the limit."""
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
        significance = ""
        if self.broken and self.measured.uncertainty:
            significance = f" ({self.excess / self.measured.uncertainty:.1f} standard deviations)"
        state = f"broken by {self.excess:.2g}{significance}" if self.broken else "kept"
        return f"gate.{self.name} {self.limit:g}: {self.what} is {self.measured}; {state}"


def gate_results(
    gate: GateSpec,
    float_performance: ClassifierPerformance,
    quantized_performance: ClassifierPerformance | None,
    loss: PerformanceLoss | None,
) -> tuple[GateResult, ...]:
    """Hold the gates of a spec against what was measured.

    Without a quantised model the minima are those of the float reference, and losses are not judged.
    """
    return tuple(_results(gate, float_performance, quantized_performance, loss))


def _results(
    gate: GateSpec,
    float_performance: ClassifierPerformance,
    quantized_performance: ClassifierPerformance | None,
    loss: PerformanceLoss | None,
) -> Iterator[GateResult]:
    final = quantized_performance or float_performance
    model = "float" if quantized_performance is None else "quantised"
    if gate.max_auc_loss is not None and loss is not None:
        yield GateResult("max_auc_loss", gate.max_auc_loss, loss.macro_auc, "AUC of float − quantised")
    if gate.max_accuracy_loss is not None and loss is not None:
        yield GateResult(
            "max_accuracy_loss", gate.max_accuracy_loss, loss.accuracy, "accuracy of float − quantised"
        )
    if gate.min_auc is not None:
        yield GateResult("min_auc", gate.min_auc, final.macro_auc, f"AUC of the {model} model")
    if gate.min_accuracy is not None:
        yield GateResult("min_accuracy", gate.min_accuracy, final.accuracy, f"accuracy of the {model} model")


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
