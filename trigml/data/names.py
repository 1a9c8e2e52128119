"""Telling people which name they may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """The known names nearest to ``name`` as a remedy for an error, or ``None`` if none is near."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    near = difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.55)
    if not near:
        return None
    return "did you mean " + " or ".join(repr(by_lower[candidate]) for candidate in near) + "?"
