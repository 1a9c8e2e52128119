"""The input contract: physical features to words, exactly as its formula says."""

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from trigml.contract import LARGEST_SHIFT, InputContract, InputFeature, fitted_feature
from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint
from trigml.spec import FeatureSpec

FORMAT = FixedPoint.parse("ap_fixed<10,4,RND_CONV,SAT>")
UNSIGNED = FixedPoint.parse("ap_ufixed<9,4,RND_CONV,SAT>")


def contract_with(offset_words: int, shift: int, format_: FixedPoint = FORMAT) -> InputContract:
    """One feature whose offset is a number of LSBs."""
    offset = offset_words * 2.0 ** (shift - format_.fraction)
    return InputContract((InputFeature("mass", "GeV", offset, shift),), format_)


@given(
    values=st.lists(st.floats(-1e5, 1e5, width=32), min_size=1),
    offset_words=st.integers(-5000, 5000),
    shift=st.integers(-6, 12),
    format_=st.sampled_from([FORMAT, UNSIGNED, FixedPoint.parse("ap_fixed<6,1,RND_CONV,SAT_SYM>")]),
)
def test_words_are_the_formula(
    values: list[float], offset_words: int, shift: int, format_: FixedPoint
) -> None:
    """Protects the definition: round half to even of (value - offset) / LSB, saturated."""
    contract = contract_with(offset_words, shift, format_)
    lsb = Fraction(2) ** (shift - format_.fraction)
    assert Fraction(contract.lsb(contract.features[0])) == lsb
    expected = [  # round() of a Fraction rounds half to even
        min(max(round(Fraction(value) / lsb - offset_words), format_.min_word), format_.max_word)
        for value in values
    ]
    column = np.array(values, dtype=np.float32)[:, None]
    words = contract.words(column)
    assert words.dtype == np.int64
    assert words[:, 0].tolist() == expected
    np.testing.assert_array_equal(contract.words(column.astype(np.float64)), words)


@given(words=st.lists(st.integers(-512, 511), min_size=1))
def test_model_inputs_are_the_words(words: list[int]) -> None:
    """Protects that the Keras model receives exactly the words' values, in float32."""
    contract = contract_with(17, 3)
    inputs = contract.model_inputs(np.array(words, dtype=np.int64)[:, None])
    assert inputs.dtype == np.float32
    assert [Fraction(float(value)) for value in inputs[:, 0]] == [Fraction(word, 64) for word in words]


def test_reach_has_its_own_words_and_beyond_saturates() -> None:
    """Protects the stated range: its ends are the outermost words, one LSB further out nothing changes."""
    contract = contract_with(-40, 5)
    low, high = contract.reach(contract.features[0])
    lsb = contract.lsb(contract.features[0])
    values = np.array([[low - lsb], [low], [low + lsb], [high - lsb], [high], [high + lsb]])
    assert contract.words(values)[:, 0].tolist() == [-512, -512, -511, 510, 511, 511]
    assert contract.saturated(values).tolist() == [2 / 6]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_refused_with_event_and_feature(
    value: float, make_contract: Callable[..., InputContract]
) -> None:
    """Protects against words made of NaN: the first bad value is located."""
    contract = make_contract(3, "ap_fixed<8,3,RND_CONV,SAT>")
    values = np.zeros((5, 3))
    values[3, 1] = value
    with pytest.raises(BadInput, match="NaN or infinite") as error:
        contract.words(values)
    assert error.value.where == "event 3, feature 'x1'"


@pytest.mark.parametrize("shape", [(4,), (4, 2), (4, 3, 1)])
def test_a_wrong_shape_is_refused(
    shape: tuple[int, ...], make_contract: Callable[..., InputContract]
) -> None:
    """Protects against broadcasting a wrong number of features."""
    with pytest.raises(BadInput, match="shape of the network's inputs") as error:
        make_contract(3, "ap_fixed<8,3,RND_CONV,SAT>").words(np.zeros(shape))
    assert error.value.found == str(shape)


@pytest.mark.parametrize("text", ["ap_fixed<8,3>", "ap_fixed<8,3,RND,SAT>", "ap_fixed<8,3,RND_CONV,WRAP>"])
def test_other_roundings_of_the_input_are_refused(text: str) -> None:
    """Protects the one definition of the input words."""
    with pytest.raises(BadInput, match="has to round half to even and to saturate"):
        InputContract((), FixedPoint.parse(text))


def test_an_input_beyond_float32_is_refused() -> None:
    """Protects training in single precision: every input word has to be a float32."""
    InputContract((), FixedPoint.parse("ap_fixed<24,3,RND_CONV,SAT>"))
    with pytest.raises(BadInput, match="too wide"):
        InputContract((), FixedPoint.parse("ap_fixed<25,3,RND_CONV,SAT>"))


@pytest.mark.parametrize("offset", [0.3, math.nan, math.inf])
def test_an_offset_off_the_grid_is_refused(offset: float) -> None:
    """Protects the firmware's subtraction: the offset is a multiple of the LSB."""
    with pytest.raises(BadInput, match="not a multiple of its LSB") as error:
        InputContract((InputFeature("mass", "GeV", offset, 0),), FORMAT)
    assert "'mass'" in error.value.problem


def test_the_remedy_for_an_offset_works() -> None:
    """Protects the advice in the message: the proposed offset is accepted."""
    with pytest.raises(BadInput) as error:
        InputContract((InputFeature("mass", "GeV", 0.3, 0),), FORMAT)
    proposed = float((error.value.remedy or "").removeprefix("use "))
    assert abs(proposed - 0.3) <= FORMAT.lsb / 2
    InputContract((InputFeature("mass", "GeV", proposed, 0),), FORMAT)


def test_json_round_trip(make_contract: Callable[..., InputContract]) -> None:
    """Protects the contract in files: it comes back the same."""
    contract = make_contract(5, "ap_ufixed<9,4,RND_CONV,SAT>")
    assert InputContract.from_json(contract.to_json()) == contract
    assert contract.names == ("x0", "x1", "x2", "x3", "x4")


@given(
    seed=st.integers(0, 10**6),
    scale=st.floats(1e-3, 1e4),
    centre=st.floats(-1e4, 1e4),
    format_=st.sampled_from([FORMAT, UNSIGNED]),
)
def test_a_fitted_feature_covers_the_training_events(
    seed: int, scale: float, centre: float, format_: FixedPoint
) -> None:
    """Protects the promise of the fit: at most 0.2 % (and a rounding at the edge) of the events saturate, and
    half the scale would not do.
    """
    values = np.random.default_rng(seed).normal(centre, scale, 5000).astype(np.float32)
    feature = fitted_feature("mass", "GeV", values, format_)
    contract = InputContract((feature,), format_)
    assert contract.saturated(values[:, None])[0] <= 0.0022
    low, high = np.quantile(values.astype(np.float64), (0.001, 0.999))
    span = 2.0 ** (feature.shift + format_.integer)
    assert span / 4 < high - low + 2 * contract.lsb(feature)


def test_a_constant_feature_is_refused_by_name() -> None:
    """Protects against an input that says nothing, and a logarithm of zero."""
    with pytest.raises(BadInput, match="'eta' is constant") as error:
        fitted_feature("eta", "", np.full(100, 3.5), FORMAT)
    assert error.value.found == "3.5 in 100 events"


@pytest.mark.parametrize("n_other", [1, 5])
@pytest.mark.parametrize("format_", [FORMAT, UNSIGNED])
def test_a_rarely_non_zero_feature_is_not_constant(n_other: int, format_: FixedPoint) -> None:
    """Protects counts that are nearly always zero: where the quantiles coincide, all events decide."""
    values = np.zeros(10_000)
    values[:n_other] = 40.0
    feature = fitted_feature("n_muons", "", values, format_)
    contract = InputContract((feature,), format_)
    assert contract.saturated(values[:, None])[0] <= n_other / 10_000
    words = contract.words(np.array([[0.0], [40.0]]))[:, 0]
    assert words[0] == 0
    assert words[1] >= format_.max_word // 2


@pytest.mark.parametrize("scale", [1e-24, 1e25, 1e-320, 1e308])
def test_a_scale_beyond_the_spec_is_refused(scale: float) -> None:
    """Protects training: a feature whose scale a spec could not state gets advice, not a traceback."""
    values = np.linspace(-1, 1, 1001) * scale
    with pytest.raises(BadInput, match=r"'mass'[\s\S]*rescale the column"):
        fitted_feature("mass", "GeV", values, FORMAT)


def test_the_fit_and_the_spec_have_the_same_range() -> None:
    """Protects the resolved spec: every scale that a fit can choose is one that a spec can state."""
    for shift in (-LARGEST_SHIFT, LARGEST_SHIFT):
        values = np.array([-1.0, 0.0, 1.0]) * 2.0 ** (shift + FORMAT.integer - 1) * 0.9
        assert fitted_feature("mass", "GeV", values, FORMAT).shift == shift
        assert FeatureSpec(name="mass", offset=0.0, shift=shift).shift == shift
        outside = shift + int(math.copysign(1, shift))
        with pytest.raises(ValidationError):
            FeatureSpec(name="mass", offset=0.0, shift=outside)
        with pytest.raises(BadInput, match="rescale the column"):
            fitted_feature("mass", "GeV", values * 2.0 ** math.copysign(1, shift), FORMAT)


@pytest.mark.parametrize(
    ("key", "value"),
    [("shift", 10**6), ("shift", 1.5), ("shift", "x"), ("offset", "x"), ("offset", None), ("offset", [])],
)
def test_a_damaged_contract_is_refused(
    key: str, value: object, make_contract: Callable[..., InputContract]
) -> None:
    """Protects whoever opens a run: each damaged entry is an explained error."""
    content = make_contract(2, "ap_fixed<8,3,RND_CONV,SAT>").to_json()
    content["features"][1][key] = value
    with pytest.raises(BadInput, match=r"input contract is damaged[\s\S]*contract\.json"):
        InputContract.from_json(content, where="contract.json")
