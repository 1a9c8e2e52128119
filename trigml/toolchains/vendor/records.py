"""What was built: per step a folder with its reports and a record of what they were made from."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from trigml.atomic import replacing_folder, write_json
from trigml.errors import BadInput

RECORD = "step.json"


@dataclass(frozen=True)
class Record:
    """One step that ended well.

    Attributes:
        step: its name.
        inputs: digest of the project's input files.
        command: what ran.
        seconds: how long.
        reports: names of the report files beside the record, with the SHA-256 of their content.
    """

    step: str
    inputs: str
    command: tuple[str, ...]
    seconds: float
    reports: Mapping[str, str] = field(default_factory=dict)


def write_record(folder: Path, record: Record, reports: Sequence[Path]) -> None:
    """Keep the reports of a step, with their record; a half-written folder is never seen."""
    with replacing_folder(folder) as beside:
        for path in reports:
            shutil.copyfile(path, beside / path.name)
        digests = {path.name: _digest(beside / path.name) for path in reports}
        write_json(beside / RECORD, asdict(replace(record, reports=digests)))


def read_record(folder: Path) -> Record | None:
    """The record of a step; ``None`` if there is none.

    Raises:
        BadInput: it is damaged, or a report beside it was changed or removed since.
    """
    path = folder / RECORD
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        record = Record(
            str(content["step"]),
            str(content["inputs"]),
            tuple(map(str, content["command"])),
            float(content["seconds"]),
            {str(name): str(digest) for name, digest in content["reports"].items()},
        )
        changed = [name for name, digest in record.reports.items() if _digest(folder / name) != digest]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(path, f"{type(error).__name__}: {error}") from error
    if changed:
        raise _damaged(path, f"{', '.join(changed)} changed since")
    return record


def _damaged(path: Path, found: str) -> BadInput:
    return BadInput(
        "the record of a vendor's run is damaged",
        where=str(path),
        found=found,
        remedy=f"remove {path.parent}, and build again",
    )


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
