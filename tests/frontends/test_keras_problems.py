"""Every rule that a model breaks is told at once, each with its layer and its remedy."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from trigml.contract import InputContract
from trigml.fixedpoint import FixedPoint
from trigml.frontends.options import ConversionOptions
from trigml.frontends.qkeras import graph_from_keras, graph_from_qkeras, problems_of
from trigml.legacy_keras import KerasModules, load
from trigml.problems import NoExactForm, Problem

MakeContract = Callable[..., InputContract]
INPUT = "quantized_bits(8,2,alpha=1)"
QUANTISERS = {
    "kernel_quantizer": "quantized_bits(6,0,alpha=1)",
    "bias_quantizer": "quantized_bits(6,1,alpha=1)",
}


@pytest.fixture(scope="module")
def modules() -> KerasModules:
    return load()


def dense(units: int, name: str, **options: Any) -> Any:
    return load().qkeras.QDense(units, name=name, **(QUANTISERS | options))


def activation(quantiser: Any, name: str) -> Any:
    return load().qkeras.QActivation(quantiser, name=name)


def chain(*layers: Any, shape: tuple[int | None, ...] = (3,)) -> Any:
    keras = load().keras
    first = x = keras.Input(shape, name="port")
    for layer in layers:
        x = layer(x)
    return keras.Model(first, x, name="net")


def told(problems: tuple[Problem, ...]) -> list[tuple[str, str]]:
    return [(problem.layer, problem.remedy) for problem in problems]


def test_all_problems_are_listed_at_once(modules: KerasModules) -> None:
    """Protects the user's time: every problem with layer and remedy, none that follows from another."""
    layers = modules.keras.layers
    modules.tensorflow.random.set_seed(1)  # bernoulli draws as soon as it is called
    model = chain(
        activation(INPUT, "in"),
        dense(4, "first", kernel_quantizer="quantized_bits(6,0)", bias_quantizer=None),
        activation("quantized_bits(6,0,alpha='auto')", "scaled"),
        dense(4, "second"),
        dense(4, "third", activation="tanh"),
        layers.Lambda(lambda x: 2 * x, name="lambda"),
        layers.ReLU(6.0, negative_slope=0.3, name="bent"),
        layers.LeakyReLU(name="leaky"),
        activation("bernoulli(alpha=1)", "random"),
        layers.BatchNormalization(name="bn"),
        activation("quantized_bits(6,0,alpha=1)", "good"),
        layers.Dense(3, name="plain"),
        layers.Softmax(name="softmax"),
        activation("quantized_bits(6,0,alpha=1)", "behind"),
    )
    found = told(problems_of(model))
    assert [layer for layer, _ in found] == [
        *("first", "first", "scaled", "third", "third", "lambda", "bent", "leaky", "random", "bn", "plain"),
        "behind",
    ]
    for (_, remedy), expected in zip(
        found,
        [
            "alpha='auto_po2' if that is meant",
            "give bias_quantizer=",
            "write alpha=1",
            "put a QActivation",
            "use quantized_bits",
            "use layers instead",
            "write negative_slope=0.25",
            "write alpha=0.25",
            "use binary(alpha=1)",
            "--batchnorm-type",
            "use QDense with",
            "--softmax table",
        ],
        strict=True,
    ):
        assert expected in remedy
    with pytest.raises(NoExactForm) as error:
        graph_from_keras(model)
    assert error.value.problems == problems_of(model)
    assert all(problem.layer in str(error.value) for problem in error.value.problems)


REFUSED: dict[str, tuple[Callable[[KerasModules], list[Any]], str]] = {
    "po2 exponents too far apart": (
        lambda m: [dense(2, "bad", kernel_quantizer="quantized_po2(8)")],
        "limit their exponents",
    ),
    "alpha that is no binary fraction": (
        lambda m: [dense(2, "bad", kernel_quantizer="quantized_bits(6,0,alpha=0.3)")],
        "write alpha=1",
    ),
    "a kernel's alpha auto": (
        lambda m: [dense(2, "bad", kernel_quantizer="quantized_bits(6,0,alpha='auto')")],
        "alpha='auto_po2'",
    ),
    "stochastic rounding": (
        lambda m: [dense(2, "bad", kernel_quantizer="quantized_bits(6,0,alpha=1,use_stochastic_rounding=1)")],
        "use_stochastic_rounding=False",
    ),
    "binary without alpha": (lambda m: [activation("binary()", "bad")], "write alpha=1"),
    "noise": (
        lambda m: [activation(m.qkeras.quantized_bits(6, 0, alpha=1, qnoise_factor=0.5), "bad")],
        "set it to 1",
    ),
    "a bound off the grid": (
        lambda m: [
            activation(m.qkeras.quantized_relu(4, 2, relu_upper_bound=1.3, is_quantized_clip=False), "bad")
        ],
        "use relu_upper_bound=1.25",
    ),
    "a recurrent layer": (
        lambda m: [m.keras.layers.Reshape((3, 1)), m.keras.layers.LSTM(2, name="bad")],
        "docs/models.md",
    ),
    "a mean of three": (
        lambda m: [m.keras.layers.Reshape((3, 1)), m.keras.layers.GlobalAveragePooling1D(name="bad")],
        "directly behind",
    ),
    "channels first": (
        lambda m: [
            m.keras.layers.Reshape((3, 1)),
            m.keras.layers.GlobalMaxPooling1D(data_format="channels_first", name="bad"),
        ],
        "channels_last",
    ),
    "a softmax of another axis": (
        lambda m: [m.keras.layers.Reshape((3, 1)), m.keras.layers.Softmax(axis=1, name="bad")],
        "last axis",
    ),
    "a dropout that acts": (
        lambda m: [lambda x: m.keras.layers.Dropout(0.5, name="bad")(x, training=True)],
        "training=True",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_single_rule(modules: KerasModules, what: str) -> None:
    """Protects each rule by itself: one problem, at the right layer, with what to write instead."""
    make, remedy = REFUSED[what]
    modules.tensorflow.random.set_seed(1)  # a dropout that acts draws as soon as it is called
    model = chain(activation(INPUT, "in"), *make(modules))
    random = np.random.default_rng(1)
    model.set_weights([random.normal(0, 0.6, array.shape) for array in model.get_weights()])
    if "exponents" in what:  # a zero becomes the smallest power of two
        model.set_weights([np.array([[0.0, 1.0]] * 3), np.zeros(2)])
    ((layer, found),) = told(problems_of(model))
    assert layer == "bad"
    assert remedy in found


def test_weights_that_are_no_numbers(modules: KerasModules) -> None:
    """Protects against NaN in the weights, which no quantiser removes."""
    model = chain(activation(INPUT, "in"), dense(2, "bad"))
    model.set_weights([np.full((3, 2), np.nan), np.zeros(2)])
    ((layer, remedy),) = told(problems_of(model))
    assert (layer, remedy) == ("bad", "train the model again")


def test_the_input(modules: KerasModules, make_contract: MakeContract) -> None:
    """Protects the inputs: no quantiser, another format or number than the contract's, unknown lengths."""
    contract = make_contract(3, "ap_fixed<8,3,RND_CONV,SAT>")
    plain = chain(dense(4, "first"), activation("quantized_relu(6,1)", "relu"), dense(2, "second"))
    ((layer, remedy),) = told(problems_of(plain))
    assert layer == "first"
    assert "--input-type" in remedy
    assert problems_of(plain, ConversionOptions(input_type=FixedPoint.parse("fixed<16,6>"))) == ()
    assert told(problems_of(plain, ConversionOptions(contracts=(contract,)))) == [(layer, remedy)]

    narrow = chain(activation("quantized_bits(6,2,alpha=1)", "in"), dense(2, "out"))
    with pytest.raises(NoExactForm, match="the input contract says ap_fixed<8,3,RND_CONV,SAT>"):
        graph_from_qkeras(narrow, contract)
    with pytest.raises(NoExactForm, match="but the input contract has 5 features"):
        graph_from_qkeras(
            chain(activation(INPUT, "in"), dense(2, "out")), make_contract(5, "ap_fixed<8,3,RND_CONV,SAT>")
        )
    ((layer, _),) = told(problems_of(chain(activation(INPUT, "in"), dense(2, "out"), shape=(None, 3))))
    assert layer == "port"


def test_models_without_a_structure(modules: KerasModules) -> None:
    """Protects against a traceback for a model without an input shape, and against an empty graph."""
    keras = modules.keras
    ((_, remedy),) = told(problems_of(keras.Sequential([dense(2, "out")])))
    assert "keras.Input" in remedy
    inputs = keras.Input((3,))
    assert "no layers" in str(problems_of(keras.Model(inputs, inputs, name="empty"))[0])


def test_a_layer_of_ones_own(modules: KerasModules) -> None:
    """Protects against a user's class that bears the name of a known layer."""

    class QDense(modules.keras.layers.Dense):  # type: ignore[misc,name-defined]
        pass

    ((_, remedy),) = told(problems_of(chain(activation(INPUT, "in"), QDense(2, name="own"))))
    assert remedy == "use QKeras layers"


def test_accumulators_beyond_53_bits(modules: KerasModules) -> None:
    """Protects the last rule: a sum that not even float64 could check."""
    wide = {
        "kernel_quantizer": "quantized_bits(24,0,alpha=1)",
        "bias_quantizer": "quantized_bits(24,0,alpha=1)",
    }
    model = chain(
        activation("quantized_bits(24,0,alpha=1)", "in"),
        dense(4, "bad", **wide),
        shape=(256,),
    )
    random = np.random.default_rng(1)
    model.set_weights([random.normal(0, 0.6, array.shape) for array in model.get_weights()])
    ((layer, remedy),) = told(problems_of(model))
    assert layer == "bad"
    assert "fewer bits" in remedy
