"""The fitted model with its measured errors, as it comes with the package."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from trigml.backends.hls.options import IoType, Strategy
from trigml.errors import BadInput
from trigml.estimation.coefficients import Coefficients
from trigml.estimation.design import Basis, Design
from trigml.estimation.errors import (
    Check,
    Errors,
    check_published,
    errors_of,
    leave_one_network_out,
    leave_one_out,
)
from trigml.estimation.features import Quantity
from trigml.estimation.fitting import fit_model
from trigml.estimation.model import Model
from trigml.estimation.published import published
from trigml.estimation.reports import Sample
from trigml.estimation.work import Kind

MODEL_FILE = Path(__file__).parent / "hls_estimate.json"
SOURCE = "fastmachinelearning/hls4ml, test/pytest/baselines (Apache-2.0)"


@dataclass(frozen=True)
class FittedModel:
    """Coefficients, what they rest on, and how far they are off.

    Attributes:
        model: the coefficients.
        by_report: errors when each report is left out by itself.
        by_network: errors when a network is left out in all tools; what estimates are printed with.
        checks: published figures.
    """

    model: Model
    by_report: Errors
    by_network: Errors
    checks: tuple[Check, ...]

    def like(self, design: Design) -> tuple[Check, ...]:
        """The published designs with such words and weights.

        Whole networks stand for designs without streams only, of which there is no layer by itself. All of
        them have products: they tell nothing of designs without.
        """
        if not any(work.products for work in design.works):
            return ()
        return tuple(
            check
            for check in self.checks
            if check.is_narrow == design.is_narrow
            and (not design.is_narrow or check.has_narrow_factors == design.has_narrow_factors)
            and not (check.is_network and design.is_stream)
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "reports": SOURCE,
            "coefficients": {q.value: c.to_json() for q, c in self.model.coefficients.items()},
            "bases": sorted(
                (
                    [b.kind.value, b.io.value, b.strategy and b.strategy.value, b.is_vitis]
                    for b in self.model.bases
                ),
                key=str,
            ),
            "leave-one-report-out": self.by_report.to_json(),
            "leave-one-network-out": self.by_network.to_json(),
            "published": [asdict(check) for check in self.checks],
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> FittedModel:
        """Read what ``to_json`` wrote."""
        bases = frozenset(
            Basis(Kind(kind), IoType(io), None if strategy is None else Strategy(strategy), is_vitis)
            for kind, io, strategy, is_vitis in content["bases"]
        )
        coefficients = {Quantity(q): Coefficients.from_json(c) for q, c in content["coefficients"].items()}
        return cls(
            Model(coefficients, bases),
            Errors.from_json(content["leave-one-report-out"]),
            Errors.from_json(content["leave-one-network-out"]),
            tuple(Check.from_json(check) for check in content["published"]),
        )


def fitted(samples: Sequence[Sample]) -> FittedModel:
    """Fit to reports, and measure the errors (about 10 s)."""
    model = fit_model(samples)
    return FittedModel(
        model,
        errors_of(leave_one_out(samples)),
        errors_of(leave_one_network_out(samples)),
        tuple(check_published(model, published())),
    )


@cache
def shipped_model() -> FittedModel:
    """The model that comes with the package.

    Raises:
        BadInput: the installation is damaged.
    """
    try:
        return FittedModel.from_json(json.loads(MODEL_FILE.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(
            "the fitted model of the HLS estimate cannot be read",
            where=str(MODEL_FILE),
            found=str(error),
            remedy="install trigml again",
        ) from error
