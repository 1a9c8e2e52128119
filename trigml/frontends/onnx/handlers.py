"""Which function reads which kind of node."""

from __future__ import annotations

from collections.abc import Callable

from trigml.frontends.onnx import elementwise, layout, linear, quantisers, windows
from trigml.frontends.onnx.file import Node
from trigml.frontends.onnx.reader import Reader

Handler = Callable[[Reader, Node], None]

HANDLERS: dict[str, Handler] = {
    "Quant": quantisers.read_quantiser,
    "IntQuant": quantisers.read_quantiser,
    "BipolarQuant": quantisers.read_quantiser,
    "Trunc": quantisers.read_trunc,
    "MatMul": linear.read_matmul,
    "Gemm": linear.read_gemm,
    "Conv": linear.read_conv,
    "BatchNormalization": linear.read_batchnorm,
    "Relu": elementwise.read_relu,
    "LeakyRelu": elementwise.read_leaky_relu,
    "PRelu": elementwise.read_leaky_relu,
    "Clip": elementwise.read_clip,
    "Add": elementwise.read_arithmetic,
    "Sub": elementwise.read_arithmetic,
    "Mul": elementwise.read_arithmetic,
    "Div": elementwise.read_arithmetic,
    "Sum": elementwise.read_arithmetic,
    "Neg": elementwise.read_negative,
    "Concat": elementwise.read_concat,
    "Identity": elementwise.read_identity,
    "Dropout": elementwise.read_identity,
    "Cast": elementwise.read_cast,
    "Gather": elementwise.read_gather,
    "Softmax": elementwise.read_softmax,
    "LogSoftmax": elementwise.read_softmax,
    "MaxPool": windows.read_pool,
    "AveragePool": windows.read_pool,
    "GlobalMaxPool": windows.read_global_pool,
    "GlobalAveragePool": windows.read_global_pool,
    "Reshape": layout.read_reshape,
    "Flatten": layout.read_flatten,
    "Squeeze": layout.read_squeeze,
    "Unsqueeze": layout.read_squeeze,
    "Transpose": layout.read_transpose,
    "Slice": layout.read_slice,
    "Pad": layout.read_pad,
    "ReduceSum": layout.read_reduction,
    "ReduceMax": layout.read_reduction,
    "ReduceMean": layout.read_reduction,
    "ArgMax": layout.read_argmax,
}
"""By ONNX's name of the operation."""

INSTEAD = {
    "Sigmoid": "use a Clip, as a hard sigmoid",
    "Tanh": "use a Clip, as a hard tanh",
    "QuantizeLinear": "rewrite it as Quant: qonnx.transformation.qcdq_to_qonnx.QCDQToQuant",
    "DequantizeLinear": "rewrite it as Quant: qonnx.transformation.qcdq_to_qonnx.QCDQToQuant",
    "QLinearConv": "export the model as QONNX",
    "QLinearMatMul": "export the model as QONNX",
}
"""What to do about some that are not supported."""

KEEP_SHAPE = frozenset(
    "Sigmoid Tanh HardSigmoid Elu Selu Softplus Softsign HardSwish Gelu Erf Exp Log Sqrt Abs Softmax "
    "BatchNormalization QuantizeLinear DequantizeLinear Quant IntQuant BipolarQuant Trunc Clip "
    "LeakyRelu".split()
)
"""Operations whose result has the shape of what they read, refused or not."""
