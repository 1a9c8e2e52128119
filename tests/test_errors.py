"""Errors say what, where, what was expected and found, and what to do; each kind has its exit code."""

import pytest

from trigml.errors import (
    BadInput,
    GateBroken,
    Interrupted,
    MissingTool,
    NotBitExact,
    ToolFailed,
    TrigmlError,
)


def test_the_message_holds_every_part() -> None:
    """Protects what the user reads."""
    error = BadInput(
        "a column is missing", where="jets.h5", expected="mass", found="pt, eta", remedy="convert again"
    )
    assert str(error).splitlines() == [
        "a column is missing",
        "  where:    jets.h5",
        "  expected: mass",
        "  found:    pt, eta",
        "  to do:    convert again",
    ]


def test_parts_that_are_unknown_are_left_out() -> None:
    """Protects short messages from empty lines."""
    assert str(ToolFailed("it crashed")) == "it crashed"


@pytest.mark.parametrize(
    ("kind", "code"),
    [(BadInput, 2), (MissingTool, 2), (ToolFailed, 2), (GateBroken, 3), (NotBitExact, 4), (Interrupted, 130)],
)
def test_exit_codes(kind: type[TrigmlError], code: int) -> None:
    """Protects the documented exit codes."""
    assert issubclass(kind, TrigmlError)
    assert kind("x").exit_code == code
