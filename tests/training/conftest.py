"""Toy events and specs for the tests of training: three Gaussian classes in four features."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trigml.data.layout import Column, EventsWriter
from trigml.spec import Spec, spec_from_text, with_overrides

TOY = """\
trigml: 1
name: toy
data: {files: [FILE], classes: [a, b, c]}
inputs: {format: "ap_fixed<10,3,RND_CONV,SAT>", features: [f0, f1, f2, f3]}
model: {hidden: [8, 6]}
training: {epochs: 4, batch_size: 64, learning_rate: 0.01, quantized: {epochs: 3, learning_rate: 0.005}}
baseline: {kind: none}
"""


@pytest.fixture(scope="session")
def write_toy() -> Callable[..., Path]:
    """A function that writes a file of toy events."""
    return _write_toy


@pytest.fixture(scope="session")
def toy_spec() -> Callable[..., Spec]:
    """A function that makes the toy spec for a file, with changes."""
    return _toy_spec


@pytest.fixture(scope="session")
def recorder() -> type[Recorder]:
    """The listener of these tests."""
    return Recorder


@pytest.fixture(scope="session")
def toy_events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1500 toy events."""
    return _write_toy(tmp_path_factory.mktemp("events") / "toy.h5", 1500)


def _write_toy(path: Path, n_events: int, *, seed: int = 0, features: int = 4, sorted_: bool = False) -> Path:
    """Events of three Gaussian classes whose centres do not depend on the seed."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n_events)
    if sorted_:
        labels = np.sort(labels)
    centres = np.random.default_rng(7).normal(size=(3, features))
    values = rng.normal(size=(n_events, features)) + 1.5 * centres[labels]
    columns = [Column(f"f{index}", "GeV") for index in range(features)]
    with EventsWriter(
        path, title="toy", features=columns, class_names=("a", "b", "c"), chunk_events=256
    ) as writer:
        writer.append(
            event_id=np.arange(n_events),
            features={column.name: values[:, index] for index, column in enumerate(columns)},
            labels=labels,
        )
    return path


def _toy_spec(events: Path, *overrides: str) -> Spec:
    """The toy spec on a file, with changes."""
    return with_overrides(spec_from_text(TOY.replace("FILE", str(events)), "toy"), overrides)


class Recorder:
    """A listener that remembers what was said, and that can stop the work like a Ctrl-C."""

    def __init__(self, *, stop_at: str = "", after: float = 0.0) -> None:
        self.lines: list[str] = []
        self.done: dict[str, float] = {}
        self._stop_at, self._after = stop_at, after

    def task(self, title: str, total: float | None = None) -> Any:
        return _Task(self, title)

    def say(self, text: str) -> None:
        self.lines.append(text)

    def detail(self, text: str) -> None:
        self.lines.append(text)

    def advanced(self, title: str, amount: float) -> None:
        self.done[title] = self.done.get(title, 0.0) + amount
        if self._stop_at and title.startswith(self._stop_at) and self.done[title] > self._after:
            raise KeyboardInterrupt


class _Task:
    def __init__(self, recorder: Recorder, title: str) -> None:
        self._recorder, self._title = recorder, title

    def __enter__(self) -> _Task:
        self._recorder.advanced(self._title, 0.0)
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def advance(self, amount: float = 1.0, note: str = "") -> None:
        self._recorder.advanced(self._title, amount)
