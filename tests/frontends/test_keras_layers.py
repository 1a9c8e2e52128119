"""Every layer and option that trigger models use: the graph and Keras agree in every word."""

from typing import Any

import numpy as np
import pytest

from trigml.emulation.numpy_emulator import emulate_tensors
from trigml.fixedpoint import FixedPoint
from trigml.frontends.options import Conversion, ConversionOptions, Softmax
from trigml.frontends.qkeras import graph_from_keras
from trigml.graph import operations as ops
from trigml.legacy_keras import load
from trigml.problems import NoExactForm
from trigml.verify.comparison import StageResult, compare
from trigml.verify.keras_stage import KerasStage
from trigml.verify.stages import GraphStage
from trigml.verify.vectors import corner_vectors, random_vectors

INPUT = "quantized_bits(8,2,alpha=1)"
BITS = "quantized_bits(6,1,alpha=1)"
WEIGHTS: dict[str, Any] = {"kernel_quantizer": "quantized_bits(6,0,alpha=1)", "bias_quantizer": BITS}
ROUNDED = ConversionOptions(batchnorm_type=FixedPoint.parse("fixed<16,6>"))


def act(quantiser: Any, name: str | None = None) -> Any:
    return load().qkeras.QActivation(quantiser, name=name)


def randomised(model: Any, seed: int = 5) -> Any:
    """Random weights; variances and QBatchNormalization's gammas are positive, counters stay as they are."""
    random = np.random.default_rng(seed)
    for variable in model.weights:
        values = random.normal(0, 0.6, variable.shape)
        if "variance" in variable.name or "gamma" in variable.name:
            values = np.abs(values) + 0.1
        if "iteration" not in variable.name:
            variable.assign(values)
    return model


def compared(model: Any, made: Conversion, options: ConversionOptions | None = None) -> StageResult:
    graph = made.graph
    sets = [corner_vectors(graph), *random_vectors(graph, 1000, seed=3)]
    return compare(GraphStage(graph), [KerasStage(model, graph, options)], sets).stages[1]


def assert_exact(model: Any, options: ConversionOptions | None = None) -> Conversion:
    """Convert, and compare corners and random vectors, on the grid and off it."""
    made = graph_from_keras(randomised(model), options)
    result = compared(model, made, options)
    assert result.first is None
    assert result.differences == 0
    assert "round" not in result.remark
    return made


def image_model() -> Any:
    """Convolutions of two axes with strides, padding, depth multipliers and scaled weights."""
    keras, qkeras = load().keras, load().qkeras
    first = keras.Input((8, 8, 2))
    x = act(INPUT)(first)
    x = qkeras.QConv2D(
        4, 3, strides=2, padding="same", activation="quantized_relu(6,2)", name="conv", **WEIGHTS
    )(x)
    x = qkeras.QDepthwiseConv2D(
        3,
        padding="same",
        depth_multiplier=2,
        dilation_rate=2,
        depthwise_quantizer="quantized_bits(6,0,alpha='auto_po2')",
        bias_quantizer=BITS,
        activation="quantized_bits(7,2,alpha=1)",
        name="depthwise",
    )(x)
    x = qkeras.QSeparableConv2D(
        3,
        (2, 3),
        depthwise_quantizer="quantized_po2(4,1)",
        pointwise_quantizer="ternary(alpha='auto_po2')",
        bias_quantizer=BITS,
        name="separable",
    )(x)
    x = keras.layers.MaxPooling2D(2, padding="same")(act("quantized_tanh(6)")(x))
    x = keras.layers.Dropout(0.3)(keras.layers.Flatten()(x))
    return keras.Model(first, qkeras.QDense(3, activation="softmax", name="out", **WEIGHTS)(x), name="image")


def sequence_model() -> Any:
    """One-dimensional layers, batch normalisations folded and not, means over three."""
    keras, qkeras = load().keras, load().qkeras
    layers, tensorflow = keras.layers, load().tensorflow
    first = keras.Input((12, 3))
    x = qkeras.QConv1D(4, 3, padding="causal", dilation_rate=2, **WEIGHTS)(act(INPUT)(first))
    x = layers.BatchNormalization(name="folded")(x)
    x = act("quantized_relu(6,2,negative_slope=0.25)")(x)
    x = qkeras.QSeparableConv1D(
        5,
        3,
        padding="same",
        depth_multiplier=2,
        depthwise_quantizer="quantized_bits(5,0,alpha=1)",
        pointwise_quantizer="quantized_bits(5,0,alpha='auto_po2')",
        bias_quantizer=BITS,
    )(x)
    x = act("quantized_sigmoid(7)")(layers.BatchNormalization()(x))
    x = act(BITS, "mean")(layers.AveragePooling1D(3, strides=2, padding="same")(x))
    x = act("quantized_bits(6,2,alpha=1)")(layers.BatchNormalization(name="scale")(x))
    mean = act("quantized_relu(6,2)")(layers.GlobalAveragePooling1D()(x))
    x = layers.Concatenate()([mean, layers.GlobalMaxPooling1D()(x), tensorflow.reduce_sum(x, axis=1)])
    return keras.Model(first, qkeras.QDense(4, **WEIGHTS)(x), name="sequence")


def particle_model() -> Any:
    """Two inputs, several outputs, layers shared, sums over particles, arithmetic, argmax."""
    keras, qkeras, tensorflow = load().keras, load().qkeras, load().tensorflow
    layers = keras.layers
    particles, event = keras.Input((6, 3), name="particles"), keras.Input((4,), name="event")
    phi = qkeras.QDense(5, name="phi", **WEIGHTS)(act(INPUT)(particles))
    total = act("quantized_bits(8,3,alpha=1)")(keras.backend.sum(act(BITS)(phi), axis=1))
    rho = qkeras.QDense(4, activation=BITS, name="rho", **WEIGHTS)
    one = rho(act(BITS)(qkeras.QDense(4, **WEIGHTS)(total)))
    two = rho(act("quantized_bits(6,1,alpha=1)")(event))
    three = rho(one)
    mixed = [
        layers.Multiply()([one, two]),
        layers.Subtract(name="less")([three, one]),
        layers.Add(name="more")([one, two, three]),
        one * 0.5,
        1.0 - two,
        one + two,
    ]
    scores = qkeras.QDense(2, name="scores", **WEIGHTS)(layers.Concatenate()(mixed))
    outputs = [
        scores,
        tensorflow.argmax(scores, axis=-1),
        layers.ReLU(max_value=1.5)(one),
        layers.LeakyReLU(alpha=0.125)(mixed[1]),
        layers.ReLU(negative_slope=0.5, max_value=1.0)(mixed[2]),
        layers.ReLU(6.0)(act("quantized_bits(4,5,alpha=1)")(scores)),  # the LSB is 4
    ]
    return keras.Model([particles, event], outputs, name="particles_and_event")


def pooling_model() -> Any:
    """Convolutions folded by QKeras, means with and without quantised factors, shapes changed."""
    keras, qkeras = load().keras, load().qkeras
    layers = keras.layers
    first = keras.Input((8, 8, 2))
    x = qkeras.QConv2DBatchnorm(
        3,
        3,
        kernel_quantizer="quantized_bits(6,1,alpha=1)",
        bias_quantizer="quantized_bits(8,2,alpha=1)",
        activation="quantized_relu(6,2)",
    )(act(INPUT)(first))
    x = qkeras.QDepthwiseConv2DBatchnorm(
        3,
        padding="same",
        depthwise_quantizer="quantized_bits(6,1,alpha=1)",
        bias_quantizer="quantized_bits(8,2,alpha=1)",
        activation="quantized_bits(6,2,alpha=1)",
    )(x)
    eight = "quantized_bits(8,2,alpha=1)"
    inverse = "quantized_bits(8,0,alpha=1)"
    padded = layers.ZeroPadding2D(((1, 2), (0, 1)))(x)
    outputs = [
        qkeras.QAveragePooling2D((2, 3), average_quantizer=inverse, activation=eight)(x),
        qkeras.QGlobalAveragePooling2D(average_quantizer=inverse, activation=eight)(x),
        qkeras.QAveragePooling2D((3, 3), activation=eight)(x),
        qkeras.QGlobalAveragePooling2D(activation="quantized_relu(8,2)")(x),
        layers.Reshape((-1,))(layers.Permute((2, 1, 3))(padded)),
        layers.Cropping2D(((1, 0), (0, 2)))(padded),
        layers.Cropping1D((1, 2))(layers.Reshape((-1, 7))(padded)),
        layers.AveragePooling2D(2)(x),
        layers.GlobalMaxPooling2D(keepdims=True)(x),
        act(eight)(layers.GlobalAveragePooling2D(keepdims=True)(x)),
    ]
    return keras.Model(first, outputs, name="pooling")


ACTIVATIONS = """quantized_bits(5,1,alpha=1) quantized_bits(5,1) quantized_bits(6,1,1,alpha=1)
quantized_bits(6,1,keep_negative=False,alpha=1) quantized_bits(1,0,alpha=1) quantized_relu(5,2)
quantized_relu(5,2,negative_slope=0.125) quantized_relu(5,2,negative_slope=1.0) quantized_tanh(5)
quantized_tanh(5,0,1) quantized_sigmoid(5) quantized_sigmoid(5,1) quantized_tanh(6,use_real_tanh=True)
quantized_sigmoid(6,use_real_sigmoid=1) binary(alpha=1) binary(alpha=0.5) binary(use_01=True,alpha=1)
ternary(alpha=1) ternary(alpha=1,threshold=0.5) stochastic_binary(alpha=1.0) stochastic_ternary(alpha=1)
quantized_po2(4) quantized_po2(4,2) quantized_relu_po2(4,2) quantized_relu_po2(4,4,0.25)""".split()


def activation_model() -> Any:
    """Every activation, each an output."""
    keras, qkeras = load().keras, load().qkeras
    first = keras.Input((5,))
    x = act(INPUT)(first)
    quantisers = [
        *ACTIVATIONS,
        qkeras.quantized_relu(6, 2, relu_upper_bound=1.5, is_quantized_clip=False),
        qkeras.quantized_relu(6, 2, negative_slope=0.25, relu_upper_bound=1.5, is_quantized_clip=False),
        qkeras.quantized_hswish(6, 2, alpha=1),
    ]
    return keras.Model(first, [act(q, f"act_{i}")(x) for i, q in enumerate(quantisers)], name="activations")


@pytest.mark.parametrize("in_float64", [False, True])
@pytest.mark.parametrize(
    ("make", "options"),
    [
        (image_model, None),
        (sequence_model, ROUNDED),
        (particle_model, None),
        (pooling_model, None),
        (activation_model, None),
    ],
)
def test_layers(
    make: Any, options: ConversionOptions | None, in_float64: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects every layer and option: 0 differing words, also with every layer's twin in float64."""
    if in_float64:
        monkeypatch.setattr("trigml.frontends.keras_reference.float32_is_exact", lambda graph: False)
    assert_exact(make(), options)


@pytest.mark.parametrize("mode", ["smooth", "real"])
def test_the_internal_sigmoid(mode: str) -> None:
    """Protects models for which QKeras' hard functions were set to something else."""
    keras, qkeras = load().keras, load().qkeras
    first = keras.Input((4,))
    x = act(INPUT)(first)
    qkeras.set_internal_sigmoid(mode)
    try:
        assert_exact(keras.Model(first, [act("quantized_tanh(6)")(x), act("quantized_sigmoid(6)")(x)]))
    finally:
        qkeras.set_internal_sigmoid("hard")


def test_what_is_said_about_rounding_and_softmax() -> None:
    """Protects the notes: what was left away, and how far rounding moved a batch normalisation."""
    (note,) = assert_exact(image_model()).notes
    assert note.startswith("out (QDense): the softmax is left away")
    made = assert_exact(sequence_model(), ROUNDED)
    assert len(made.notes) == 3
    assert "folded (BatchNormalization): factors and offsets rounded to ap_fixed<16,6" in made.notes[0]
    assert "LSB" in made.notes[0]
    assert isinstance(made.graph["folded"], ops.Convolution)
    assert isinstance(made.graph["scale"], ops.Scale)
    assert isinstance(made.graph["mean"], ops.AveragePool)


def test_a_factor_beyond_its_type_is_refused() -> None:
    """Protects against a factor that would silently saturate."""
    model = randomised(sequence_model())
    model.get_layer("folded").moving_variance.assign(np.full(4, 1e-6))
    model.get_layer("folded").gamma.assign(np.full(4, 40.0))
    with pytest.raises(NoExactForm, match="more integer bits"):
        graph_from_keras(model, ROUNDED)


def test_an_exact_batch_normalisation_needs_no_type() -> None:
    """Protects QBatchNormalization with powers of two and epsilon 0, and nested and shared models."""
    keras, qkeras = load().keras, load().qkeras
    inner = keras.Sequential(
        [
            keras.layers.InputLayer((4,)),
            qkeras.QDense(4, name="dense", **WEIGHTS),
            qkeras.QBatchNormalization(epsilon=0.0, name="bn"),
            act("quantized_relu(5,1)", "act"),
        ],
        name="inner",
    )
    first = keras.Input((4,))
    x = inner(inner(act(INPUT)(first)))
    made = assert_exact(keras.Model(first, qkeras.QDense(2, name="dense", **WEIGHTS)(x)))
    assert made.notes == ()
    assert len({operation.name for operation in made.graph.operations}) == len(made.graph.operations)


def test_inputs_without_a_quantiser() -> None:
    """Protects models without an input quantiser: values are rounded half to even and saturate."""
    keras, qkeras = load().keras, load().qkeras
    model = keras.Sequential(
        [keras.layers.InputLayer((5,)), qkeras.QDense(3, activation="quantized_relu(6,2)", **WEIGHTS)]
    )
    options = ConversionOptions(input_type=FixedPoint.parse("ap_fixed<9,4>"))
    made = assert_exact(model, options)
    assert str(made.graph.inputs[0].format) == "ap_fixed<9,4,RND_CONV,SAT>"


def softmax_model() -> Any:
    keras, qkeras, tensorflow = load().keras, load().qkeras, load().tensorflow
    first = keras.Input((6,))
    x = act(INPUT)(first)
    logits = qkeras.QDense(4, name="logits", **WEIGHTS)(x)
    probabilities = keras.layers.Softmax(name="probabilities")(logits)
    behind = qkeras.QDense(2, **WEIGHTS)(act("quantized_bits(6,0,alpha=1)")(probabilities))
    outputs = [
        qkeras.QDense(5, activation="softmax", name="other", **WEIGHTS)(x),
        logits,
        probabilities,
        tensorflow.argmax(probabilities, axis=-1),
        behind,
    ]
    return keras.Model(first, outputs, name="softmaxes")


def test_softmax_by_tables() -> None:
    """Protects the softmax in integers: near the real one; Keras is compared up to the logits, aloud."""
    options = ConversionOptions(softmax=Softmax.TABLE)
    model = softmax_model()
    made = assert_exact(model, options)
    graph = made.graph
    assert {"probabilities", "other"} <= set(KerasStage(model, graph, options).not_compared)
    words = emulate_tensors(graph, random_vectors(graph, 2000, seed=1)[0].words)
    logits = np.ldexp(words["logits"].astype(np.float64), -graph["logits"].format.fraction)
    real = np.exp(logits - logits.max(axis=1, keepdims=True))
    real /= real.sum(axis=1, keepdims=True)
    found = np.ldexp(words["probabilities"].astype(np.float64), -graph["probabilities"].format.fraction)
    assert np.abs(found - real).max() < 0.004


def test_a_planted_fault_before_a_softmax_by_tables_is_seen() -> None:
    """Protects that the graph's own softmax does not hide a logit that is wrong."""
    options = ConversionOptions(softmax=Softmax.TABLE)
    model = randomised(softmax_model())
    made = graph_from_keras(model, options)
    _flip(model.get_layer("other"), 1 / 32)
    result = compared(model, made, options)
    assert result.first is not None
    assert result.first.tensor.startswith("other")


def _flip(layer: Any, step: float) -> None:
    """Move one weight of a layer by one step, away from the end of its range."""
    kernel = layer.kernel.numpy()
    kernel[0, 0] += step if kernel[0, 0] < 0 else -step
    layer.kernel.assign(kernel)


@pytest.mark.parametrize("in_float64", [False, True])
def test_a_weight_bit_is_seen(in_float64: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the comparison itself: one weight, one bit away, is located in either float type."""
    if in_float64:
        monkeypatch.setattr("trigml.frontends.keras_reference.float32_is_exact", lambda graph: False)
    model = randomised(particle_model())
    made = graph_from_keras(model)
    _flip(model.get_layer("phi"), 1 / 32)
    result = compared(model, made)
    assert result.first is not None
    assert result.first.tensor == "phi"


def test_a_batchnorm_factor_is_seen() -> None:
    """Protects folded batch normalisation: a factor that moved by one LSB is found at its layer."""
    model = randomised(sequence_model())
    made = graph_from_keras(model, ROUNDED)
    bn = model.get_layer("folded")
    scale = np.sqrt(bn.moving_variance.numpy() + bn.epsilon)
    bn.gamma.assign(bn.gamma.numpy() + 2.0**-10 * scale)
    result = compared(model, made, ROUNDED)
    assert result.first is not None
    assert result.first.tensor == "folded"


def test_a_rounding_is_seen() -> None:
    """Protects the comparison against a quantiser of another rounding or another bound."""
    model = randomised(sequence_model())
    made = graph_from_keras(model, ROUNDED)
    model.get_layer("mean").quantizer.symmetric = True
    model.get_layer("mean").quantizer.bits = 5
    result = compared(model, made, ROUNDED)
    assert result.first is not None
    assert result.first.tensor == "mean"
