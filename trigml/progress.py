"""How long-running functions tell what they are doing, without knowing who listens.

The command line listens with a progress bar on stderr (``trigml.cli.console``); a library user who
passes nothing hears nothing.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Task(Protocol):
    """One piece of work under way."""

    def advance(self, amount: float = 1.0, note: str = "") -> None:
        """Say that ``amount`` more of the total is done; ``note`` replaces the text behind the bar."""


class Progress(Protocol):
    """A listener: opens tasks and takes remarks."""

    def task(self, title: str, total: float | None = None) -> AbstractContextManager[Task]:
        """Begin a piece of work of ``total`` units (``None``: unknown); ends with the ``with`` block."""

    def say(self, text: str) -> None:
        """A line worth keeping on the screen."""

    def detail(self, text: str) -> None:
        """A line for those who asked for more (``-v``)."""


class _SilentTask:
    def advance(self, amount: float = 1.0, note: str = "") -> None:
        """Nobody listens."""


class Silent:
    """The listener that hears nothing; the default of every library function."""

    def task(self, title: str, total: float | None = None) -> AbstractContextManager[Task]:
        """Open a task that nobody watches."""
        return nullcontext(_SilentTask())

    def say(self, text: str) -> None:
        """Drop the line."""

    def detail(self, text: str) -> None:
        """Drop the line."""
