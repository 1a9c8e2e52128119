"""The one hierarchy of errors that trigml shows to people; each carries its exit code."""

from __future__ import annotations


class TrigmlError(Exception):
    """An error that is explained to the user without a traceback.

    The message is built from the problem and, where known, the place, what was expected, what was
    found, and what to do about it.
    """

    exit_code = 2

    def __init__(
        self,
        problem: str,
        *,
        where: str | None = None,
        expected: str | None = None,
        found: str | None = None,
        remedy: str | None = None,
    ) -> None:
        self.problem = problem
        self.where = where
        self.expected = expected
        self.found = found
        self.remedy = remedy
        lines = [problem]
        for word, text in (("where", where), ("expected", expected), ("found", found), ("to do", remedy)):
            if text is not None:
                lines.append(f"  {word + ':':<9} {text}")
        super().__init__("\n".join(lines))


class BadInput(TrigmlError):
    """A file, option, spec or model that cannot be used as it is (exit code 2)."""


class MissingTool(TrigmlError):
    """A program that trigml has to run is not on this machine (exit code 2)."""


class ToolFailed(TrigmlError):
    """A program that trigml ran went wrong: a crash, a time-out, unreadable output (exit code 2)."""


class GateBroken(TrigmlError):
    """A gate or budget of the spec is not met; the results were written (exit code 3)."""

    exit_code = 3


class NotBitExact(TrigmlError):
    """Two stages computed different words for the same event (exit code 4)."""

    exit_code = 4


class Interrupted(TrigmlError):
    """The user stopped the command; the message says what was kept (exit code 130)."""

    exit_code = 130
