"""The architecture of a Keras model read as data: which parts of it are made, and which are refused.

Keras and QKeras look names of a model file up, import modules for them and call what they find. So the
whole architecture is compared with fixed lists before they see it, and what they then see is a copy in
Keras's older form, in which names are looked up in tables only and no module is imported.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from trigml.errors import BadInput
from trigml.problems import NoExactForm, Problem

MODELS = frozenset(["Functional", "Model", "Sequential"])

QUANTISERS = frozenset(
    """
    quantized_bits quantized_relu quantized_tanh quantized_sigmoid quantized_po2 quantized_relu_po2
    quantized_ulaw quantized_hswish binary ternary stochastic_binary stochastic_ternary bernoulli
    """.split()
)

_SUPPORTED_LAYERS = """
InputLayer Dense QDense Conv1D QConv1D Conv2D QConv2D DepthwiseConv2D QDepthwiseConv2D
SeparableConv1D QSeparableConv1D SeparableConv2D QSeparableConv2D BatchNormalization QBatchNormalization
QConv2DBatchnorm QDepthwiseConv2DBatchnorm QActivation Activation ReLU LeakyReLU Softmax
MaxPooling1D MaxPooling2D AveragePooling1D AveragePooling2D QAveragePooling2D
GlobalMaxPooling1D GlobalMaxPooling2D GlobalAveragePooling1D GlobalAveragePooling2D QGlobalAveragePooling2D
Flatten Reshape Permute Cropping1D Cropping2D ZeroPadding1D ZeroPadding2D Concatenate Add Subtract Multiply
Dropout SpatialDropout1D SpatialDropout2D GaussianNoise GaussianDropout AlphaDropout ActivityRegularization
TFOpLambda
""".split()

_HARMLESS_LAYERS = """
DepthwiseConv1D Conv3D Conv1DTranspose Conv2DTranspose Conv3DTranspose QConv2DTranspose
LSTM GRU SimpleRNN RNN LSTMCell GRUCell SimpleRNNCell StackedRNNCells ConvLSTM1D ConvLSTM2D
QLSTM QGRU QSimpleRNN QLSTMCell QGRUCell QSimpleRNNCell QBidirectional Bidirectional TimeDistributed
LayerNormalization GroupNormalization UnitNormalization Embedding Masking Attention MultiHeadAttention
AdditiveAttention ELU PReLU ThresholdedReLU QAdaptiveActivation Average Maximum Minimum Dot RepeatVector
Cropping3D UpSampling1D UpSampling2D UpSampling3D ZeroPadding3D SpatialDropout3D
MaxPooling3D AveragePooling3D GlobalMaxPooling3D GlobalAveragePooling3D LocallyConnected1D LocallyConnected2D
EinsumDense Normalization Rescaling SlicingOpLambda
""".split()
"""Made without running code of the file, too, so that a preflight can name them beside all other problems."""

LAYERS = frozenset([*MODELS, *_SUPPORTED_LAYERS, *_HARMLESS_LAYERS])

_INITIALIZERS = frozenset(
    """
    QInitializer Zeros Ones Constant RandomNormal RandomUniform TruncatedNormal VarianceScaling Orthogonal
    Identity GlorotNormal GlorotUniform HeNormal HeUniform LecunNormal LecunUniform
    """.split()
)
_CONSTRAINTS = frozenset("Clip MaxNorm MinMaxNorm NonNeg UnitNorm RadialConstraint".split())
_REGULARIZERS = frozenset("L1 L2 L1L2 OrthogonalRegularizer".split())
_CLASSES = LAYERS | QUANTISERS | _INITIALIZERS | _CONSTRAINTS | _REGULARIZERS

_FUNCTIONS = frozenset(
    """
    math.reduce_sum math.reduce_max math.argmax math.add math.subtract math.multiply
    __operators__.add __operators__.radd __operators__.sub __operators__.rsub __operators__.mul
    __operators__.rmul
    math.reduce_mean math.reduce_min math.abs math.negative math.exp math.log math.sqrt math.square
    math.tanh math.sigmoid math.divide math.truediv __operators__.truediv math.maximum math.minimum
    __operators__.getitem reshape transpose concat squeeze expand_dims clip_by_value cast linalg.matmul
    nn.relu nn.relu6 nn.leaky_relu nn.softmax nn.elu nn.sigmoid
    """.split()
)
"""Functions of TensorFlow that only compute; others (of files, of processes) are refused."""

_ACTIVATION_WORDS = frozenset(
    """
    linear relu relu6 leaky_relu elu gelu selu sigmoid hard_sigmoid tanh softmax log_softmax softplus softsign
    swish silu mish exponential hard_tanh smooth_sigmoid smooth_tanh binary_sigmoid binary_tanh
    """.split()
)
_INITIALIZER_WORDS = frozenset(
    """
    zeros ones zero one normal uniform identity orthogonal constant random_normal random_uniform
    truncated_normal glorot_normal glorot_uniform he_normal he_uniform lecun_normal lecun_uniform
    """.split()
)
_QUANTISER_CALL = re.compile(r"([A-Za-z0-9_]+)(\([0-9A-Za-z_=,. '\"+-]*\))?")
_MODULE = re.compile(r"(keras|tf_keras|qkeras)(\.[A-Za-z][A-Za-z0-9_]*)*")
_LEFT_OUT = frozenset("module registered_name build_config compile_config __passive_serialization__".split())
_Node: TypeAlias = tuple[str, int]
"""A layer's name, and which of its calls."""

_NOT_LOADED = "it could run code of the file, so nothing of the model is loaded"


class ForeignParts(NoExactForm):
    """A model with parts that are not on the lists; nothing was loaded, ``problems`` has all."""

    def __init__(self, where: str, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super(NoExactForm, self).__init__(
            "the model has parts that are not loaded, because they could run code of the file:\n  - "
            + "\n  - ".join(f"{p.layer} ({p.kind}): {p.what}; {p.remedy}" for p in problems),
            where=where,
            remedy="docs/models.md lists what a model may be made of",
        )


def refuse_foreign_parts(config: Any, where: str) -> None:
    """Compare every name that Keras or QKeras would import, look up or call with the lists.

    Raises:
        ForeignParts: with all that is not on them.
    """
    problems = tuple(dict.fromkeys(_problems(config, "the model", "model")))
    if problems:
        raise ForeignParts(where, problems)


def plain_config(config: Any, quantiser_of: Callable[[Any], Any]) -> Any:
    """A copy in Keras's older form: no module is named, so that classes are looked up in tables only.

    Args:
        config: an architecture that passed ``refuse_foreign_parts``.
        quantiser_of: makes the quantiser of a ``QActivation``; that layer does not do it by itself, and takes
            its settings for the quantiser.
    """
    if isinstance(config, list):
        return [plain_config(entry, quantiser_of) for entry in config]
    if not isinstance(config, dict):
        return config
    left_out = _LEFT_OUT if "class_name" in config else ()
    plain = {key: plain_config(value, quantiser_of) for key, value in config.items() if key not in left_out}
    settings = plain.get("config")
    quantiser = settings.get("activation") if isinstance(settings, dict) else None
    if config.get("class_name") == "QActivation" and isinstance(quantiser, dict):
        plain["config"] = {**plain["config"], "activation": quantiser_of(quantiser)}
    return plain


def refuse_circles(config: Any, where: str) -> None:
    """Check that the layers of each functional model can be made one after the other; Keras would not end.

    Raises:
        BadInput: layers read each other in a circle, or read a layer that is not there.
    """
    for layers in _layer_lists(config):
        waiting: dict[_Node, set[_Node]] = {}
        for layer in layers:
            nodes = layer.get("inbound_nodes")
            if not nodes or not isinstance(nodes, list):  # an input
                waiting[_name(layer, ""), 0] = set()
                continue
            for index, node in enumerate(nodes, start=_first_call(layer)):
                waiting[_name(layer, ""), index] = set(_references(node))
        done: set[_Node] = set()
        while ready := [node for node, needed in waiting.items() if needed <= done]:
            done.update(ready)
            for node in ready:
                del waiting[node]
        if waiting:
            raise BadInput(
                "the model is damaged: layers read each other in a circle, or one that is not there",
                where=where,
                found=", ".join(sorted({name for name, _ in waiting})[:8]),
            )


def _layer_lists(content: Any) -> Iterator[list[dict[str, Any]]]:
    """The layers of each functional model, nested ones included."""
    if isinstance(content, dict):
        layers = content.get("layers")
        if "output_layers" in content and isinstance(layers, list):
            yield [layer for layer in layers if isinstance(layer, dict)]
    values = content.values() if isinstance(content, dict) else content if isinstance(content, list) else ()
    for value in values:
        yield from _layer_lists(value)


def _first_call(layer: dict[str, Any]) -> int:
    """The number of a layer's first call: 1 for a model that has an input of its own."""
    settings = layer.get("config")
    inner = settings.get("layers") if isinstance(settings, dict) else settings
    first = inner[0] if isinstance(inner, list) and inner else None
    own_input = isinstance(first, dict) and first.get("class_name") == "InputLayer"
    return int(layer.get("class_name") in MODELS and own_input)


def _references(node: Any) -> Iterator[_Node]:
    """The calls whose results a call reads: Keras writes ``[layer, call, tensor, ...]``."""
    match node:
        case [str(name), int(call), int(), *rest] if not isinstance(call, bool):
            if call >= 0:  # negative: a constant
                yield name, call
            yield from _references(rest)
        case dict():
            yield from _references(list(node.values()))
        case list():
            for part in node:
                yield from _references(part)


def _problems(content: Any, layer: str, kind: str) -> Iterator[Problem]:
    """The parts below ``content`` that are not on the lists; ``layer`` and ``kind`` say where it stands."""
    if isinstance(content, list):
        for entry in content:
            yield from _problems(entry, layer, kind)
        return
    if not isinstance(content, dict):
        return
    if _is_layer(content):
        layer, kind = _name(content, layer), str(content["class_name"])
        if content["class_name"] not in LAYERS:
            yield _unknown_class(layer, kind)
            return  # its settings mean nothing to trigml
    for key, value in content.items():
        expected = _expected_instead(key, value, content)
        if expected is not None:
            yield Problem(
                layer,
                kind,
                f"{key} is {json.dumps(value)[:200]}",
                _NOT_LOADED,
                f"write {expected}",
            )
        else:
            yield from _problems(value, layer, kind)


def _is_layer(content: dict[str, Any]) -> bool:
    """Whether it describes a layer: of a known class, or of an unknown one with a layer's surroundings."""
    known = content.get("class_name")
    if not isinstance(known, str):
        return False
    if known in LAYERS:
        return True
    config = content.get("config")
    return known not in _CLASSES and (
        "inbound_nodes" in content
        or (isinstance(config, dict) and {"name", "trainable"} & config.keys() != set())
    )


def _name(content: dict[str, Any], around: str) -> str:
    config = content.get("config")
    name = content.get("name") or (config.get("name") if isinstance(config, dict) else None)
    return name if isinstance(name, str) else around


def _unknown_class(layer: str, kind: str) -> Problem:
    if kind == "Lambda":
        return Problem(
            layer,
            kind,
            "it is Python code that the file brings along",
            _NOT_LOADED,
            "write the layers that it stands for: Add, Multiply, Reshape, Activation, ...",
        )
    return Problem(
        layer,
        kind,
        "its class is none of Keras or QKeras that trigml knows",
        _NOT_LOADED,
        "write it with layers of docs/models.md",
    )


def _expected_instead(key: str, value: Any, around: dict[str, Any]) -> str | None:
    """What is expected under ``key`` if ``value`` is not that."""
    if key == "class_name":
        known = isinstance(value, str) and value in _CLASSES
        return None if known else "a class of Keras or QKeras that docs/models.md lists"
    if key == "registered_name":
        own = value is None or (isinstance(value, str) and value == around.get("class_name"))
        return None if own else "the name of the class, or null"
    if key == "module":
        known = value is None or (isinstance(value, str) and _MODULE.fullmatch(value) is not None)
        return None if known else "a module of keras, tf_keras or qkeras"
    if key == "function":
        known = isinstance(value, str) and value in _FUNCTIONS
        return None if known else "a function that docs/models.md lists"
    if isinstance(value, str):
        return _expected_text(key, value)
    return None


def _expected_text(key: str, text: str) -> str | None:
    """What may stand as text under a key that ends so; Keras and QKeras look such text up and call it."""
    call = _QUANTISER_CALL.fullmatch(text)
    quantiser = call is not None and call[1] in QUANTISERS
    if key.endswith("quantizer"):
        return None if quantiser else "a known quantizer"
    if key.endswith("activation"):
        return None if quantiser or text in _ACTIVATION_WORDS else "a known activation"
    if key.endswith("initializer"):
        return None if text in _INITIALIZER_WORDS else "a known initializer"
    for ending in ("constraint", "regularizer"):
        if key.endswith(ending):
            return f"a known {ending}"
    return None
