"""The learning rate of each epoch, and when to stop; a function of what the epochs before have shown."""

from __future__ import annotations

import math
from collections.abc import Sequence

from trigml.spec import ScheduleSpec


def learning_rate(
    schedule: ScheduleSpec, peak: float, epoch: int, epochs: int, validation_losses: Sequence[float]
) -> float:
    """The learning rate of one epoch.

    - warm-up: rises linearly over the first ``warmup_epochs``, reaching ``peak`` in the epoch after them;
    - cosine: ``peak * (f + (1 - f) (1 + cos(π t)) / 2)`` with f = ``final_fraction`` and t from 0 in the
      first epoch after the warm-up to 1 in the last (Loshchilov, Hutter, arXiv:1608.03983, eq. 5, without
      restarts);
    - plateau: multiplied by ``factor`` each time that the validation loss has had no new minimum for
      ``patience`` epochs, but not below ``final_fraction * peak``.

    Args:
        schedule: the spec's schedule.
        peak: the spec's learning rate.
        epoch: from 0.
        epochs: how many there are at most.
        validation_losses: of the epochs before this one.
    """
    if epoch < schedule.warmup_epochs:
        return peak * (epoch + 1) / (schedule.warmup_epochs + 1)
    match schedule.kind:
        case "constant":
            return peak
        case "cosine":
            last = epochs - 1 - schedule.warmup_epochs
            done = (epoch - schedule.warmup_epochs) / last if last > 0 else 0.0
            floor = schedule.final_fraction
            return peak * (floor + (1 - floor) * (1 + math.cos(math.pi * done)) / 2)
        case "plateau":
            reductions = _plateaus(validation_losses, schedule.patience)
            return peak * max(schedule.factor**reductions, schedule.final_fraction)


def epochs_since_best(validation_losses: Sequence[float]) -> int:
    """Epochs since the (first) lowest validation loss; 0 right after it."""
    return len(validation_losses) - 1 - validation_losses.index(min(validation_losses))


def _plateaus(losses: Sequence[float], patience: int) -> int:
    best, waited, plateaus = math.inf, 0, 0
    for loss in losses:
        if loss < best:
            best, waited = loss, 0
        else:
            waited += 1
        if waited >= patience:
            waited, plateaus = 0, plateaus + 1
    return plateaus
