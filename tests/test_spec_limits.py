"""Limits of a budget as text: exact numbers, and one form that reads back to the same."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trigml.spec.limits import AmountLimit, TimeLimit, TimeUnit, Whole

decimals = st.builds(
    lambda whole, digits: f"{whole}.{digits}" if digits else str(whole),
    st.integers(0, 10**9),
    st.text("0123456789", max_size=9),
)


@given(
    decimals,
    st.sampled_from(["ns", "us", "µs", "BX", "bx", "cycle", "cycles"]),
    st.sampled_from(["", " ", "  "]),
)
def test_a_time_is_exactly_what_was_written(number: str, unit: str, space: str) -> None:
    """No digit is lost in reading, nor in writing what a run keeps."""
    if not Fraction(number):
        with pytest.raises(ValueError, match="positive number"):
            TimeLimit.parse(f"{number}{space}{unit}")
        return
    limit = TimeLimit.parse(f"{number}{space}{unit}")
    assert limit.value == Fraction(number)
    assert limit.unit.value.lower().startswith(unit.lower().replace("µ", "u")[:2])
    assert TimeLimit.parse(str(limit)) == limit


@given(decimals, st.sampled_from(["", " of the part", " of the device", " of a region", " of one SLR"]))
def test_a_share_is_exactly_what_was_written(number: str, of: str) -> None:
    """Up to 100 per cent, of the part or of a region; more is a mistake."""
    if Fraction(number) > 100:
        with pytest.raises(ValueError, match="or a share"):
            AmountLimit.parse(f"{number} %{of}")
        return
    limit = AmountLimit.parse(f"{number} %{of}")
    assert limit.value == Fraction(number)
    assert limit.of is (Whole.REGION if "region" in of or "SLR" in of else Whole.PART)
    assert AmountLimit.parse(limit.written) == limit


@given(st.integers(0, 10**9))
def test_a_number_of_cells_is_itself(count: int) -> None:
    """Whole numbers are kept as numbers."""
    assert AmountLimit.parse(count) == AmountLimit(Fraction(count))
    assert AmountLimit.parse(count).written == count


@given(
    st.one_of(
        st.text(max_size=12), st.floats(), st.booleans(), st.none(), st.lists(st.integers(), max_size=2)
    )
)
def test_anything_else_is_refused(value: object) -> None:
    """Whatever stands there: a limit that reads back, or one ValueError."""
    for kind in (TimeLimit, AmountLimit):
        try:
            limit = kind.parse(value)
        except ValueError:
            continue
        assert kind.parse(getattr(limit, "written", str(limit))) == limit


def test_a_number_that_would_fill_the_memory_is_refused() -> None:
    """Exponents and endless digits are not numbers of a budget."""
    for text in ("1e999999999 ns", "9" * 100 + " ns", "0." + "1" * 100 + " ns"):
        with pytest.raises(ValueError, match="positive number"):
            TimeLimit.parse(text)
    assert TimeLimit.parse("1 us").unit is TimeUnit.MICROSECONDS
