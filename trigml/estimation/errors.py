"""How far the estimate is off: on reports that the fit has not seen, and on published figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from trigml.estimation.design import Design
from trigml.estimation.fitting import fit_model
from trigml.estimation.model import Model, Predicted
from trigml.estimation.published import Published
from trigml.estimation.reports import Sample


@dataclass(frozen=True, slots=True)
class Spread:
    """Deviations of one quantity.

    Attributes:
        count: reports that they are of.
        median: median of the absolute deviation (of resources relative to the report, else in its unit).
        p90: the deviation that 90 % stay below.
        bar: the same as a share of the estimate where the others are shares of the report: what stands as
            ± beside an estimate holds 90 % of the reports.
        near: share of those that are as near as was aimed for.
        exact: share of those that are exact.
    """

    count: int
    median: float
    p90: float
    bar: float
    near: float
    exact: float


@dataclass(frozen=True)
class Errors:
    """Deviations by quantity.

    Attributes:
        reports: reports that were left out in turn.
        without_basis: those whose operators occur in no other report.
        lut: relative; near: within 25 %.
        ff: relative; near: within 25 %.
        dsp: blocks; near: within 3.
        dsp_certain: the same, of designs whose products do not hang on the unknown weights.
        bram18: blocks; near: within 3.
        latency: cycles; near: within 2.
        interval: cycles; near: within 2.
    """

    reports: int
    without_basis: int
    lut: Spread
    ff: Spread
    dsp: Spread
    dsp_certain: Spread
    bram18: Spread
    latency: Spread
    interval: Spread

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, rounded to four digits behind the point."""
        plain = asdict(self)
        return {
            name: {key: round(number, 4) for key, number in value.items()}
            if isinstance(value, dict)
            else value
            for name, value in plain.items()
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Errors:
        """Read what ``to_json`` wrote."""
        return cls(
            content["reports"],
            content["without_basis"],
            lut=Spread(**content["lut"]),
            ff=Spread(**content["ff"]),
            dsp=Spread(**content["dsp"]),
            dsp_certain=Spread(**content["dsp_certain"]),
            bram18=Spread(**content["bram18"]),
            latency=Spread(**content["latency"]),
            interval=Spread(**content["interval"]),
        )


@dataclass(frozen=True)
class Outcome:
    """A report that was left out, and what the others say of it (``None``: they lack an operator)."""

    sample: Sample
    predicted: Predicted | None


def leave_one_out(samples: Sequence[Sample]) -> list[Outcome]:
    """Each report from all others."""
    return [_outcome(s, [o for o in samples if o is not s]) for s in samples]


def leave_one_network_out(samples: Sequence[Sample]) -> list[Outcome]:
    """Each report from other networks: the same one in other tools or with other padding is out, too."""
    names = list(dict.fromkeys(s.network for s in samples))
    return [
        outcome
        for name in names
        for outcome in _outcomes(
            [s for s in samples if s.network == name], [s for s in samples if s.network != name]
        )
    ]


def _outcome(sample: Sample, others: Sequence[Sample]) -> Outcome:
    return _outcomes([sample], others)[0]


def _outcomes(samples: Sequence[Sample], others: Sequence[Sample]) -> list[Outcome]:
    model = fit_model(others)
    found = [(s, model.predict(s.design)) for s in samples]
    return [Outcome(s, None if p.lut is None or p.ff is None else p) for s, p in found]


def errors_of(outcomes: Sequence[Outcome]) -> Errors:
    """The deviations of all that could be estimated."""
    known = [(o.sample, o.predicted) for o in outcomes if o.predicted is not None]

    def relative(estimate: Callable[[Predicted], float | None], name: str) -> Spread:
        found = [(estimate(p), float(getattr(s.measured, name))) for s, p in known]
        pairs = [(e, m) for e, m in found if e is not None]
        spread = _spread([abs(e - m) / max(m, 1.0) for e, m in pairs], 0.25)
        return replace(spread, bar=_p90([abs(e - m) / max(e, 1.0) for e, m in pairs]))

    def absolute(
        estimate: Callable[[Predicted], float | None],
        name: str,
        near: float,
        chosen: Callable[[Design], bool] = lambda _: True,
    ) -> Spread:
        pairs = [(estimate(p), getattr(s.measured, name)) for s, p in known if chosen(s.design)]
        return _spread([abs(round(e) - m) for e, m in pairs if e is not None], near)

    return Errors(
        len(outcomes),
        len(outcomes) - len(known),
        lut=relative(lambda p: p.lut, "lut"),
        ff=relative(lambda p: p.ff, "ff"),
        dsp=absolute(lambda p: p.dsp, "dsp", 3),
        dsp_certain=absolute(lambda p: p.dsp, "dsp", 3, _is_certain),
        bram18=absolute(lambda p: p.bram18, "bram18", 3),
        latency=absolute(lambda p: p.latency, "latency", 2),
        interval=absolute(lambda p: p.interval, "interval", 2),
    )


def _is_certain(design: Design) -> bool:
    """No products, or weights of which (nearly) every one takes a DSP block."""
    return all(work.dsp_products >= 0.99 * work.products for work in design.works)


def _spread(deviations: Sequence[float], near: float) -> Spread:
    values = np.array(deviations, dtype=np.float64)
    return Spread(
        len(values),
        float(np.median(values)),
        _p90(deviations),
        _p90(deviations),
        float(np.mean(values <= near)),
        float(np.mean(values < 0.005)),
    )


def _p90(deviations: Sequence[float]) -> float:
    """The smallest of the deviations that at least 90 % of them do not exceed."""
    return float(np.quantile(np.array(deviations, dtype=np.float64), 0.9, method="higher"))


Pair = tuple[int, int]
"""What was published, and what the model says."""


@dataclass(frozen=True)
class Check:
    """A published design against the estimate; ``None`` for figures that were not published.

    Attributes:
        name: of the design.
        source: of the figures.
        is_network: a whole network, else one layer in an HLS report.
        is_narrow: the design has words narrower than those of the reports.
        has_narrow_factors: its weights are narrow, too.
        products: different products that it has.
        lut: look-up tables.
        ff: flip-flops.
        lut_and_ff: their sum.
        dsp: DSP blocks.
        latency: cycles.
    """

    name: str
    source: str
    is_network: bool
    is_narrow: bool
    has_narrow_factors: bool
    products: int
    lut: Pair | None
    ff: Pair | None
    lut_and_ff: Pair | None
    dsp: Pair | None
    latency: Pair | None

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Check:
        """Read what ``asdict`` gave."""
        check = cls(**content)
        return replace(
            check,
            lut=_pair(check.lut),
            ff=_pair(check.ff),
            lut_and_ff=_pair(check.lut_and_ff),
            dsp=_pair(check.dsp),
            latency=_pair(check.latency),
        )


def check_published(model: Model, designs: Sequence[Published]) -> list[Check]:
    """Published figures and what the model says of the same designs."""
    return [_check(model.predict(one.design), one) for one in designs]


def _check(predicted: Predicted, one: Published) -> Check:
    both = (predicted.lut or 0.0) + (predicted.ff or 0.0)
    return Check(
        one.name,
        one.source,
        one.is_network,
        one.design.is_narrow,
        one.design.has_narrow_factors,
        round(sum(work.products for work in one.design.works)),
        lut=_beside(one.lut, predicted.lut),
        ff=_beside(one.ff, predicted.ff),
        lut_and_ff=_beside(one.lut_and_ff, both),
        dsp=_beside(one.dsp, predicted.dsp),
        latency=_beside(one.latency, predicted.latency),
    )


def _beside(figure: int | None, estimate: float | None) -> Pair | None:
    return None if figure is None or estimate is None else (figure, round(estimate))


def _pair(stored: Sequence[int] | None) -> Pair | None:
    return None if stored is None else (stored[0], stored[1])
