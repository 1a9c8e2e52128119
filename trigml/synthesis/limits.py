"""Which budget a project is held against: that of a file, the one of the time before, or its spec's."""

from __future__ import annotations

from pathlib import Path

from trigml.devices import Devices
from trigml.errors import BadInput
from trigml.progress import Progress
from trigml.reports.budget import budget_device
from trigml.reports.stored import stored_limits
from trigml.spec.budget_file import Limits
from trigml.synthesis.subject import Subject


def limits_for(
    subject: Subject, file: Path | None, *, place: Path, part: str, devices: Devices, progress: Progress
) -> Limits:
    """The budget of a project that is to be made.

    A budget from a file is not forgotten when the same project is made again without it.

    Args:
        subject: what the project is made from.
        file: a file with a budget; ``None`` if none was named.
        place: where the project goes, and where an earlier one may stand.
        part: that the project is for.
        devices: the known ones.
        progress: is told of a budget that was not named this time.

    Raises:
        BadInput: the file cannot be used, or the budget is for a device that is not known: what cannot be
            judged is not worked for.
    """
    limits = _before(place, progress) if file is None else Limits.of_file(file)
    if limits is not None:
        budget_device(limits.budget, part, devices)
        return limits
    if subject.run is None:
        return Limits()
    spec = subject.run.spec
    budget_device(spec.budget, spec.target.part, devices)
    return Limits(spec.firmware_budget)


def _before(place: Path, progress: Progress) -> Limits | None:
    """The budget of the file that the project at a place was held against; ``None`` if there was none."""
    try:
        limits = stored_limits(place)
    except BadInput as error:
        progress.say(
            f"note: the report in {place} is replaced without knowing its budget ({error.problem}); "
            "if it was that of a file, name it again: --budget FILE"
        )
        return None
    if limits is None or not limits.file:
        return None
    progress.say(
        f"note: the project in {place} was held against the budget of {limits.file}, and is again "
        "(another one: --budget FILE)"
    )
    return limits
