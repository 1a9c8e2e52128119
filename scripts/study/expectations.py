"""What was expected of the study, and whether the figures say so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

from study.calibration import Calibration
from study.exactness import Exactness
from study.identification import SampleResult, Stage
from study.plan import Inputs
from trigml.physics.uncertainties import Measured, NotMeasured

SIGNIFICANT = 2.0
"""Standard deviations from which on a difference is taken for one."""
MOST_AUC_LOSS = 0.005
MOST_STOCHASTIC_LOSS = 0.05
HADRON = "pion"


class Verdict(StrEnum):
    """What the figures say of a statement."""

    HOLDS = "holds"
    FAILS = "does not hold"
    OPEN = "not decided by these events"


@dataclass(frozen=True, slots=True)
class Expectation:
    """A statement, and what the figures say of it."""

    statement: str
    verdict: Verdict
    figures: str

    def to_json(self) -> dict[str, str]:
        """As text."""
        return {name: str(value) for name, value in asdict(self).items()}


def larger(difference: Measured) -> Verdict:
    """Whether a difference is above 0."""
    if difference.value > SIGNIFICANT * difference.uncertainty:
        return Verdict.HOLDS
    return Verdict.FAILS if difference.value < -SIGNIFICANT * difference.uncertainty else Verdict.OPEN


def at_most(value: Measured, limit: float) -> Verdict:
    """Whether a value is at or below a limit; the measured value counts, as in a gate."""
    return Verdict.HOLDS if value.value <= limit else Verdict.FAILS


def of_identification(results: Sequence[SampleResult]) -> Iterator[Expectation]:
    """The expectations of e/γ identification."""
    for result in results:
        yield from _cells_beat_features(result)
    for result in results:
        yield from _quantised_is_near(result)


def of_hardware(exactness: Sequence[Exactness]) -> Expectation:
    """That of the words."""
    differing, words = sum(one.total for one in exactness), sum(one.words for one in exactness)
    return Expectation(
        "hardware equals QKeras in every word",
        Verdict.FAILS if differing else Verdict.HOLDS,
        f"{differing:,} words differ; {len(exactness)} networks, {words:,} words in each stage",
    )


def of_calibration(found: Calibration) -> Iterator[Expectation]:
    """The expectations of the energy calibration."""
    for network in found.networks:
        name = network.columns[Stage.FLOAT]
        over = found.over_simple[name]
        for one in over.types:
            yield Expectation(
                f"{one.name}: {network.name} improves the stochastic term over the simple sum",
                _below_one(one.stochastic),
                f"a network / a sum {one.stochastic}, b and c common to both; separate fits {one.free}",
            )
            yield Expectation(
                f"{one.name}: {network.name} improves σ/E over the simple sum, corrected for the slope",
                _below_one(one.corrected),
                f"network / sum {one.corrected}",
            )
        ratios = {
            one.name: one.stochastic.value for one in over.types if isinstance(one.stochastic, Measured)
        }
        if HADRON in ratios and len(ratios) == len(over.types) > 1:
            smallest = min(ratios, key=lambda kind: ratios[kind])
            yield Expectation(
                f"{network.name} improves the stochastic term most for charged pions",
                Verdict.HOLDS if smallest == HADRON else Verdict.FAILS,
                ", ".join(f"{kind} {ratio:.3f}" for kind, ratio in ratios.items()),
            )
        quantised = found.over_float[network.columns[Stage.QUANTISED]]
        for one in quantised.types:
            rise = one.stochastic
            yield Expectation(
                f"{one.name}: {network.name} quantised within {100 * MOST_STOCHASTIC_LOSS:g} % of the float "
                "stochastic term",
                Verdict.OPEN
                if isinstance(rise, NotMeasured)
                else at_most(Measured(rise.value - 1, rise.uncertainty), MOST_STOCHASTIC_LOSS),
                f"a quantised / a float {rise}",
            )


def _below_one(ratio: Measured | NotMeasured) -> Verdict:
    if isinstance(ratio, NotMeasured):
        return Verdict.OPEN
    return larger(Measured(1 - ratio.value, ratio.uncertainty))


def _cells_beat_features(result: SampleResult) -> Iterator[Expectation]:
    for inputs in (Inputs.CELLS, Inputs.IMAGE):
        model = result.model(inputs, network=True)
        gained = model and model.columns[Stage.FLOAT].auc_gain
        if model is not None and gained is not None:
            yield Expectation(
                f"{where(result)}: {model.name} beats {result.models[0].name}",
                larger(gained),
                f"AUC {signed(gained)}",
            )


def _quantised_is_near(result: SampleResult) -> Iterator[Expectation]:
    losses = {
        model.name: loss
        for model in result.models
        if Stage.QUANTISED in model.columns and (loss := model.columns[Stage.QUANTISED].auc_loss) is not None
    }
    if losses:
        name, worst = max(losses.items(), key=lambda pair: pair[1].value)
        yield Expectation(
            f"{where(result)}: quantised within {100 * MOST_AUC_LOSS:g} % of the float AUC, relative",
            at_most(worst, MOST_AUC_LOSS),
            f"largest loss {Measured(100 * worst.value, 100 * worst.uncertainty)} % ({name})",
        )


def where(result: SampleResult) -> str:
    """The sample, with what the models were trained on if that is not all of the task's events."""
    return result.sample.title + (", trained on these" if result.merging_only else "")


def signed(value: Measured) -> str:
    """With a sign."""
    return f"{'' if str(value).startswith('-') else '+'}{value}"
