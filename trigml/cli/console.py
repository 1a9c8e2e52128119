"""What the command line shows: messages and progress on stderr, results on stdout."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console as RichConsole
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

from trigml.errors import BadInput
from trigml.progress import Task

SECONDS_BETWEEN_LINES = 10.0


@dataclass
class Console:
    """The listener of the command line.

    Attributes:
        as_json: results go to stdout as one JSON document instead of text.
        verbose: show details, too.
    """

    as_json: bool = False
    verbose: bool = False
    _stderr: RichConsole = field(default_factory=lambda: RichConsole(stderr=True, highlight=False))

    def task(self, title: str, total: float | None = None) -> AbstractContextManager[Task]:
        """A progress bar on a terminal; a line at the start, at times and at the end elsewhere."""
        return self._bar(title, total) if self._stderr.is_terminal else self._lines(title, total)

    def say(self, text: str) -> None:
        """A line on stderr."""
        self._stderr.print(text, markup=False, soft_wrap=True)

    def detail(self, text: str) -> None:
        """A line on stderr with ``-v``."""
        if self.verbose:
            self.say(text)

    def result(self, text: str, content: Any) -> None:
        """The result of a command: text for people, or ``content`` as JSON.

        Raises:
            BadInput: with ``as_json``, if ``content`` has NaN or an infinity, which JSON cannot express;
                nothing is printed then.
        """
        shown = _json(content) if self.as_json else text
        sys.stdout.write(shown.rstrip("\n") + "\n")
        sys.stdout.flush()

    def next_step(self, *lines: str) -> None:
        """What one would do next."""
        if not self.as_json:
            self.say("\n".join(("", "Next:", *(f"  {line}" for line in lines))))

    @contextmanager
    def _bar(self, title: str, total: float | None) -> Iterator[Task]:
        columns = [SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()]
        if total is not None:
            columns[2:2] = [BarColumn(bar_width=24), MofNCompleteColumn()]
        columns.append(TextColumn("{task.fields[note]}"))
        with RichProgress(*columns, console=self._stderr) as bars:
            bar = bars.add_task(title, total=total, note="")
            yield _Bar(bars, bar)
            if total is None:
                bars.update(bar, total=1, completed=1)

    @contextmanager
    def _lines(self, title: str, total: float | None) -> Iterator[Task]:
        lines = _Lines(self, title, total)
        self.say(f"{title} …")
        yield lines
        lines.finish()


def _json(content: Any) -> str:
    try:
        return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    except ValueError as error:
        places = list(_not_finite(content, ""))
        if not places:
            raise
        raise BadInput(
            "the result has NaN or an infinity, which JSON cannot express",
            found=", ".join(places[:5]) + (", …" if len(places) > 5 else ""),
            remedy="leave out --json to see it as text",
        ) from error


def _not_finite(content: Any, place: str) -> Iterator[str]:
    """The places of numbers that are not finite, as ``features.0.mean``."""
    if isinstance(content, float) and not math.isfinite(content):
        yield f"{place or 'the result'} = {content}"
    elif isinstance(content, dict | list | tuple):
        items = content.items() if isinstance(content, dict) else enumerate(content)
        for key, value in items:
            yield from _not_finite(value, f"{place}.{key}" if place else str(key))


@dataclass
class _Bar:
    bars: RichProgress
    bar: Any

    def advance(self, amount: float = 1.0, note: str = "") -> None:
        """Move the bar."""
        self.bars.update(self.bar, advance=amount, note=note)


@dataclass
class _Lines:
    console: Console
    title: str
    total: float | None
    done: float = 0.0
    note: str = ""
    started: float = field(default_factory=time.monotonic)
    shown: float = field(default_factory=time.monotonic)

    def advance(self, amount: float = 1.0, note: str = "") -> None:
        """Print a line if the last one is some seconds old."""
        self.done += amount
        self.note = note
        now = time.monotonic()
        if now - self.shown >= SECONDS_BETWEEN_LINES:
            self.shown = now
            of_total = f" of {self.total:,.0f}" if self.total is not None else ""
            self.console.say(f"{self.title}: {self.done:,.0f}{of_total}, {now - self.started:.0f} s {note}")

    def finish(self) -> None:
        """Say how long it took, if that was long."""
        seconds = time.monotonic() - self.started
        if seconds >= 2:
            self.console.say(f"{self.title}: done in {seconds:.0f} s {self.note}".rstrip())
