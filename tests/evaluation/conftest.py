"""A run on toy events, whose scores are known (``tests/support/toy_classifier.py``)."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture
def events(tmp_path: Path, toy_classifier: ModuleType) -> Any:
    """The events of the training of ``run``."""
    return toy_classifier.toy_events(tmp_path / "events.h5")


@pytest.fixture
def run(tmp_path: Path, events: Any, toy_classifier: ModuleType) -> Path:
    """A run on ``events``."""
    made: Path = toy_classifier.toy_run(tmp_path / "run", toy_classifier.toy_graph(), events)
    return made
