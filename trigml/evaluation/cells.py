"""Efficiencies as cells of tables."""

from __future__ import annotations

from trigml.physics.turn_on import Interval


def efficiency_text(found: Interval) -> str:
    """The efficiency, in brackets its interval; small ones with an exponent."""
    return f"{_digits(found.value)} [{_digits(found.lower)}, {_digits(found.upper)}]"


def _digits(efficiency: float) -> str:
    return f"{efficiency:.4f}" if efficiency >= 0.01 or efficiency == 0 else f"{efficiency:.2e}"
