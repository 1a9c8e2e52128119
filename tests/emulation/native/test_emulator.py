"""``Emulator``: features to scores as the input contract says, any number of events, threads, errors."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trigml.contract import InputContract, InputFeature
from trigml.emulation.native import Emulator, emulator
from trigml.emulation.native.inputs import exact_in_single
from trigml.emulation.numpy_emulator import emulate
from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint
from trigml.graph import Graph, GraphBuilder

MakeGraph = Callable[..., Graph]


def ports_graph() -> Graph:
    """The words of several inputs as they are: odd and even offsets, far scales, single precision and not."""
    builder = GraphBuilder("ports")
    names = []
    cases = {
        "exact": ("ap_fixed<12,5,RND_CONV,SAT>", [(0, 0), (3, 4), (-7, -3), (1001, 2), (4, 64), (-5, -64)]),
        "flat": ("ap_ufixed<6,2,RND_CONV,SAT>", [(k, k) for k in range(-4, 7)]),
        "wide": ("ap_fixed<24,3,RND_CONV,SAT_SYM>", [(0, 0), (5, 1), (-(1 << 23), 3)]),
        "far": ("ap_fixed<9,2,RND_CONV,SAT>", [(1 << 30, 1), ((1 << 52) + 1, 0), (1, -60)]),
    }
    for name, (text, offsets) in cases.items():
        format_ = FixedPoint.parse(text)
        features = [
            InputFeature(f"{name}_{i}", "", offset * 2.0 ** (shift - format_.fraction), shift)
            for i, (offset, shift) in enumerate(offsets)
        ]
        names.append(builder.input(name, (len(features),), InputContract(tuple(features), format_)))
    return builder.finish(names)


@pytest.fixture(scope="module")
def ports() -> Emulator:
    return Emulator(ports_graph(), threads=1, optimise=False)


def words_by_contract(graph: Graph, features: np.ndarray) -> np.ndarray:
    columns, start = [], 0
    for contract in graph.contracts:
        end = start + len(contract.features)
        columns.append(contract.words(features[:, start:end]))
        start = end
    return np.concatenate(columns, axis=1)


def test_both_precisions_are_covered(ports: Emulator) -> None:
    """Protects the tests below: they see ports of both kinds."""
    assert [exact_in_single(contract) for contract in ports.graph.contracts] == [True, True, False, False]


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), single=st.booleans(), spread=st.integers(-3, 30))
def test_words_of_features(ports: Emulator, seed: int, single: bool, spread: int) -> None:
    """Protects the input contract: ties, saturation, tiny and huge values, in both precisions."""
    random = np.random.default_rng(seed)
    features = [f for contract in ports.graph.contracts for f in contract.features]
    lsbs = np.array([c.lsb(f) for c in ports.graph.contracts for f in c.features])
    offsets = np.array([feature.offset for feature in features])
    steps = random.integers(-(2**12), 2**12, (97, len(features)))
    halves = steps / 2 + random.choice([0, 0, 2.0**-spread, -(2.0**-spread)], steps.shape)
    values = offsets + halves * lsbs
    values[:5] = random.choice([0.0, -0.0, 1e-300, 1e30, -1e30, 3e38, 1e-45], (5, len(features)))
    values = values.astype(np.float32 if single else np.float64)
    np.testing.assert_array_equal(ports.predict(values), words_by_contract(ports.graph, values))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("event", [0, 31, 32, 69])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_without_a_word(ports: Emulator, bad: float, event: int, dtype: type) -> None:
    """Protects the message: which event, which feature, of any port."""
    n_in = ports.graph.n_in
    for column in (0, 8, n_in - 1):
        features = np.zeros((70, n_in), dtype=dtype)
        features[event, column] = bad
        with pytest.raises(BadInput, match="NaN or infinite") as error:
            ports.predict(features)
        name = [n for contract in ports.graph.contracts for n in contract.names][column]
        assert error.value.where == f"event {event}, feature {name!r}"
        assert error.value.found == str(bad)


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
def test_a_value_too_large_to_be_scaled(ports: Emulator) -> None:
    """Protects the same limit as the input contract's: what becomes infinite on the way has no word."""
    column = [n for contract in ports.graph.contracts for n in contract.names].index("exact_5")
    features = np.zeros((3, ports.graph.n_in))
    features[1, column] = np.finfo(np.float64).max * 2.0**-64
    np.testing.assert_array_equal(ports.predict(features), words_by_contract(ports.graph, features))
    features[1, column] = np.nextafter(features[1, column], np.inf)
    with pytest.raises(BadInput, match="NaN or infinite"):
        words_by_contract(ports.graph, features)
    with pytest.raises(BadInput, match="event 1, feature 'exact_5'"):
        ports.predict(features)


@pytest.fixture(scope="module")
def network(make_graph: MakeGraph) -> Emulator:
    return Emulator(make_graph(2), threads=1, optimise=False)


@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 63, 64, 65, 1000])
def test_any_number_of_events(network: Emulator, make_words: Callable[..., np.ndarray], count: int) -> None:
    """Protects blocks that are not full, and no events at all."""
    words = make_words(network.graph, max(count, 2))[:count]
    scores = network.predict_words(words)
    assert (scores.shape, scores.dtype) == ((count, 2), np.int64)
    np.testing.assert_array_equal(scores, emulate(network.graph, words))
    features = np.random.default_rng(count).normal(0, 2, (count, 3)).astype(np.float32)
    expected = emulate(network.graph, network.graph.contract.words(features))
    np.testing.assert_array_equal(network.predict(features), expected)


def test_any_layout_and_type(network: Emulator) -> None:
    """Protects views, Fortran order, integers and half precision: the same scores as of their float64."""
    values = np.random.default_rng(3).integers(-9, 9, (50, 6))
    expected = emulate(network.graph, network.graph.contract.words(values[:, ::2].astype(np.float64)))
    for features in (
        values[:, ::2],
        values[:, ::2].astype(np.float16),
        np.asfortranarray(values[:, ::2].astype(np.float32)),
        values[::-1, ::2].astype(np.float64)[::-1],
    ):
        np.testing.assert_array_equal(network.predict(features), expected)


def test_threads(
    make_graph: MakeGraph, make_words: Callable[..., np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the order of events over threads, and the first bad event when several have one."""
    monkeypatch.setattr(emulator, "EVENTS_PER_TASK", 64)
    graph = make_graph(2)
    threaded = Emulator(graph, threads=3, optimise=False)
    words = make_words(graph, 1000)
    np.testing.assert_array_equal(threaded.predict_words(words), emulate(graph, words))
    features = np.zeros((1000, 3), dtype=np.float32)
    features[[207, 500, 999], 1] = np.inf
    with pytest.raises(BadInput, match="event 207, feature 'x1'"):
        threaded.predict(features)


def test_input_that_does_not_fit(network: Emulator) -> None:
    """Protects against broadcasting, casting and wrapping."""
    for words in (np.zeros((4, 2), dtype=np.int64), np.zeros(3, dtype=np.int64), np.zeros((4, 3))):
        with pytest.raises(BadInput, match="do not fit the network"):
            network.predict_words(words)
    outside = np.zeros((70, 3), dtype=np.int64)
    outside[66, 2] = 128
    with pytest.raises(BadInput, match="outside the range of the input format"):
        network.predict_words(outside)
    with pytest.raises(BadInput, match="do not have the shape"):
        network.predict(np.zeros((4, 2), dtype=np.float32))
    with pytest.raises(BadInput, match="needs a thread"):
        Emulator(network.graph, threads=0)


def test_a_changed_weight_bit_is_seen(
    network: Emulator, make_graph: MakeGraph, make_words: Callable[..., np.ndarray]
) -> None:
    """Protects the comparison: the emulator of a network with one other weight bit gives other words."""
    graph = make_graph(2)
    dense = graph["dense_2"]
    weight = dense.weight.copy()
    weight[0, 0] ^= 1
    operations = tuple(replace(o, weight=weight) if o is dense else o for o in graph.operations)
    faulty = Emulator(replace(graph, operations=operations).check(), threads=1, optimise=False)
    words = make_words(graph, 500)
    differences = np.count_nonzero(faulty.predict_words(words) != emulate(graph, words))
    assert differences > 0
    changed = faulty.tensors(words)["act_2"] != network.tensors(words)["act_2"]
    assert changed[..., 0].any()
    assert not changed[..., 1:].any()
