"""The scripts import each other by name, as they do when one of them is run."""

from __future__ import annotations

from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


@pytest.fixture
def scripts_importable(monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the folder of the scripts on the path; returns it."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return SCRIPTS
