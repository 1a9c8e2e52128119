"""What ``trigml evaluate`` is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trigml.emulation.stage import EmulationStage
from trigml.errors import BadInput
from trigml.evaluation.bins import Binning
from trigml.evaluation.stored import StoredPoints
from trigml.evaluation.targets import Target, TargetKind


@dataclass(frozen=True, slots=True)
class EvaluationOptions:
    """What to evaluate, and on which events.

    Attributes:
        files: events; none: the test split of the run.
        signals: classes to look for; none: each class.
        background: the one class that they are told from; ``None``: all others.
        target_above: of a regressor: the true target from which on events are signal.
        targets: of the working points; none: a signal efficiency of 0.5, or of 0.9 for a regressor.
        input_rate: rate in Hz of the background that enters the trigger.
        stored: working points found earlier, instead of signals, background and targets.
        against: the column of the turn-on curves.
        binning: their bins; ``None``: round ones.
        stage: what computes the scores.
        threads: of the native emulator.
    """

    files: tuple[Path, ...] = ()
    signals: tuple[str, ...] = ()
    background: str | None = None
    target_above: Target | None = None
    targets: tuple[Target, ...] = ()
    input_rate: float | None = None
    stored: StoredPoints | None = None
    against: str | None = None
    binning: Binning | None = None
    stage: EmulationStage = EmulationStage.NATIVE
    threads: int | None = None

    def check_rates(self) -> None:
        """Refuse a target rate that nothing can be compared with.

        Raises:
            BadInput: the rate that enters is not known.
        """
        if any(target.kind is TargetKind.RATE for target in self.targets) and self.input_rate is None:
            raise BadInput(
                "a target rate needs the rate of the background that enters the trigger",
                where="--rate",
                remedy="give it, for example --input-rate '40 MHz' for one candidate per bunch crossing",
            )
