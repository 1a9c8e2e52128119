"""Reading small JSON files that trigml wrote, and that somebody may have changed since."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from trigml.errors import BadInput


def read_json(path: Path, noun: str, remedy: str | None = None) -> Any:
    """What a JSON file holds.

    Args:
        path: the file.
        noun: what messages call it, as ``the run's manifest``.
        remedy: what to do if it is damaged.

    Raises:
        BadInput: it is not there, or is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"cannot read: {error.strerror or error}", where=str(path)) from error
    except ValueError as error:
        raise BadInput(f"{noun} is damaged", where=str(path), found=str(error), remedy=remedy) from error


def read_json_object(path: Path, noun: str, remedy: str | None = None) -> dict[str, Any]:
    """The JSON object that a file holds; arguments as those of ``read_json``.

    Raises:
        BadInput: as ``read_json``, or it holds something else.
    """
    content = read_json(path, noun, remedy)
    if not isinstance(content, dict):
        found = f"{type(content).__name__}, no JSON object"
        raise BadInput(f"{noun} is damaged", where=str(path), found=found, remedy=remedy)
    return content
