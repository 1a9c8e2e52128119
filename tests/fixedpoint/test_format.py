"""``FixedPoint``: ranges, its text form, and what it refuses."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint, Overflow, Rounding

FORMATS = st.builds(
    FixedPoint,
    signed=st.booleans(),
    width=st.integers(2, 62),
    integer=st.integers(-256, 256),
    rounding=st.sampled_from(Rounding),
    overflow=st.sampled_from(Overflow),
)


@given(FORMATS)
def test_text_round_trip(format_: FixedPoint) -> None:
    """Protects that every format can be read back from how it is printed, modes included."""
    assert FixedPoint.parse(str(format_)) == format_


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ap_fixed<12,4>", FixedPoint(True, 12, 4)),
        ("fixed<12,4>", FixedPoint(True, 12, 4)),
        ("ap_ufixed<6,-2>", FixedPoint(False, 6, -2)),
        (
            " ap_fixed < 12 , 4 , AP_RND_CONV , AP_SAT , 0 > ",
            FixedPoint(True, 12, 4, Rounding.RND_CONV, Overflow.SAT),
        ),
        ("ufixed<6,0,rnd_conv,sat>", FixedPoint(False, 6, 0, Rounding.RND_CONV, Overflow.SAT)),
        ("ap_fixed<8,3,TRN_ZERO>", FixedPoint(True, 8, 3, Rounding.TRN_ZERO)),
        ("ap_int<8>", FixedPoint(True, 8, 8)),
        ("uint<3>", FixedPoint(False, 3, 3)),
    ],
)
def test_spellings(text: str, expected: FixedPoint) -> None:
    """Protects the spellings that people and hls4ml use."""
    assert FixedPoint.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a fixed-point format"),
        ("float", "not a fixed-point format"),
        ("ap_fixed<12,4", "not a fixed-point format"),
        ("ap_fixed<>", "not a fixed-point format"),
        ("ap_fixed<12>", "not a fixed-point format"),
        ("ap_fixed<12,x>", "not a fixed-point format"),
        ("ap_fixed<-12,4>", "not a fixed-point format"),
        ("ap_fixed<²,4>", "not a fixed-point format"),
        ("ap_fixed<12,4,RND,SAT,0,0>", "not a fixed-point format"),
        (f"ap_fixed<{'9' * 5000},4>", "not a fixed-point format"),
        ("ap_fixed<12,4,ROUND>", "unknown rounding mode"),
        ("ap_fixed<12,4,RND,CLIP>", "unknown overflow mode"),
        ("ap_fixed<12,4,RND,WRAP,3>", "saturation bits are not supported"),
        ("int<8,4>", "an integer format has one number"),
        ("ap_fixed<0,0>", "impossible width"),
        ("ap_fixed<63,4>", "impossible width"),
        ("ap_fixed<1,1,RND,SAT_SYM>", "one bit has no meaning"),
        ("ap_fixed<8,300>", "binary point too far away"),
        ("ap_fixed<8,-300>", "binary point too far away"),
    ],
)
def test_bad_text_is_refused_with_what_was_found(text: str, message: str) -> None:
    """Protects the error of each kind of bad text: a BadInput that says what was expected."""
    with pytest.raises(BadInput, match=message) as error:
        FixedPoint.parse(text)
    assert error.value.expected
    assert error.value.exit_code == 2


def test_an_unknown_mode_names_the_known_ones() -> None:
    """Protects the list of modes in the message."""
    with pytest.raises(BadInput) as error:
        FixedPoint.parse("ap_fixed<12,4,ROUND>")
    assert all(mode in str(error.value) for mode in Rounding)
    assert error.value.found == "ROUND"


@given(FORMATS)
def test_range_and_lsb(format_: FixedPoint) -> None:
    """Protects the ends of the range against powers of two computed with fractions."""
    magnitude = format_.width - 1 if format_.signed else format_.width
    assert format_.max_word == 2**magnitude - 1
    lowest = -(2**magnitude) if format_.signed else 0
    symmetric = format_.overflow is Overflow.SAT_SYM and format_.signed
    assert format_.min_word == lowest + symmetric
    assert Fraction(format_.lsb) == Fraction(2) ** (format_.integer - format_.width)
    assert format_.holds(format_.min_word, format_.max_word)
    assert not format_.holds(format_.min_word - 1, 0)
    assert not format_.holds(0, format_.max_word + 1)
    assert format_.exact().rounding is Rounding.TRN
    assert format_.exact().overflow is Overflow.WRAP
