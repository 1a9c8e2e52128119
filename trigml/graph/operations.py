"""The operations of the integer network. Their docstrings say what the hardware computes, to the bit.

Every operation yields one tensor, which bears the operation's name. A tensor holds integer words
``w`` that stand for ``w * 2**-format.fraction``; its last axis is that of the channels or features.
Operations are immutable records; what is done with them (ranges, emulation, HLS, RTL, cost) lives in
other places, each a ``match`` over these classes. ``GraphBuilder`` makes them with the right shapes and
formats.

Only ``Quantize``, ``AveragePool`` and ``Table`` may change a value; only they, by the overflow rule of
their format, may let one overflow. Everything else is exact.
"""

from __future__ import annotations

from dataclasses import dataclass

from trigml.fixedpoint import FixedPoint, IntArray

Padding = tuple[tuple[int, int], ...]
"""Cells added before and after, per spatial axis."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Operation:
    """What all operations have in common.

    Attributes:
        name: name of the operation and of the tensor that it yields.
        inputs: names of the tensors that it reads.
        shape: shape of the yielded tensor, without the event axis.
        format: format of the yielded words.
    """

    name: str
    inputs: tuple[str, ...]
    shape: tuple[int, ...]
    format: FixedPoint


@dataclass(frozen=True, eq=False, kw_only=True)
class Input(Operation):
    """The words that arrive at a port, as the port's input contract makes them.

    A value that is not yet a word is brought into ``format`` with the rounding and the overflow of
    ``format`` (round half to even, saturate): the input quantiser.
    """


@dataclass(frozen=True, eq=False, kw_only=True)
class Linear(Operation):
    """Sums of products with constants: ``y = bias * 2**a + sum x * weight * 2**b``, exact.

    The words are aligned to ``format``: ``a = format.fraction - bias_format.fraction``, and
    ``b = format.fraction - x.fraction - weight_format.fraction``; neither is negative, and no bit is
    dropped. ``format`` is wide enough for the result and for every partial sum (checked).

    Attributes:
        weight: int64 words in ``weight_format``; the shape depends on the operation.
        weight_format: format of the weights.
        bias: int64 words in ``bias_format``, one per element of the last axis of the result.
        bias_format: format of the biases.
    """

    weight: IntArray
    weight_format: FixedPoint
    bias: IntArray
    bias_format: FixedPoint


@dataclass(frozen=True, eq=False, kw_only=True)
class Dense(Linear):
    """``y[..., j] = bias[j] + sum_i x[..., i] * weight[i, j]``; ``weight`` is (n_in, n_out).

    With more axes before the last one (particles, pixels), each place has the same weights.
    """


@dataclass(frozen=True, eq=False, kw_only=True)
class Scale(Linear):
    """``y[..., c] = bias[c] + x[..., c] * weight[c]``; ``weight`` is (channels,)."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Windowed(Linear):
    """What both kinds of convolution have in common; one or two spatial axes, channels last.

    Attributes:
        strides: steps of the window per spatial axis.
        padding: zeros around the input per spatial axis.
        dilation: distance of neighbouring taps per spatial axis.
    """

    strides: tuple[int, ...]
    padding: Padding
    dilation: tuple[int, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class Convolution(Windowed):
    """``y[p, j] = bias[j] + sum_{k, i} x[strides * p + dilation * k - before, i] * weight[k, i, j]``.

    ``weight`` is (*kernel, n_in, n_out); x is zero outside of its shape.
    """


@dataclass(frozen=True, eq=False, kw_only=True)
class DepthwiseConvolution(Windowed):
    """Like ``Convolution``, but each channel by itself; ``weight`` is (*kernel, channels, m).

    ``y[p, c * m + d] = bias[c * m + d] + sum_k x[..., c] * weight[k, c, d]``.
    """


@dataclass(frozen=True, eq=False, kw_only=True)
class Relu(Operation):
    """``y = max(x, 0)`` element by element, same fraction, exact."""


@dataclass(frozen=True, eq=False, kw_only=True)
class LeakyRelu(Operation):
    """``y = x`` where ``x >= 0``, else ``x * 2**-shift``, exact: the fraction grows by ``shift`` bits.

    In words: ``x * 2**shift`` where ``x >= 0``, else ``x``.
    """

    shift: int


@dataclass(frozen=True, eq=False, kw_only=True)
class Clip(Operation):
    """``y = min(max(x, low), high)`` on words, same fraction, exact."""

    low: int
    high: int


@dataclass(frozen=True, eq=False, kw_only=True)
class Quantize(Operation):
    """``x`` brought into ``format``: rounding as ``format.rounding`` says, then ``format.overflow``."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Table(Operation):
    """``y = table[x - low]`` element by element, on words: any function of one narrow word.

    Attributes:
        low: the input word of the first entry.
        table: int64 words (entries,) in ``format``, for every word in the proven range of ``x``.
    """

    low: int
    table: IntArray


@dataclass(frozen=True, eq=False, kw_only=True)
class MaxPool(Operation):
    """The largest word in each window, per channel; cells of the padding do not take part.

    Attributes:
        pool: size of the window per spatial axis.
        strides: steps of the window per spatial axis.
        padding: cells around the input per spatial axis.
    """

    pool: tuple[int, ...]
    strides: tuple[int, ...]
    padding: Padding


@dataclass(frozen=True, eq=False, kw_only=True)
class AveragePool(Operation):
    """The mean of each window, per channel, brought into ``format``: rounding, then overflow.

    The mean is the exact rational number ``sum / count``, where ``count`` is the number of cells of the
    window that are not padding. Where every count is a power of two and ``format`` has the fractional
    bits for it, nothing is rounded.

    Attributes:
        pool: size of the window per spatial axis.
        strides: steps of the window per spatial axis.
        padding: cells around the input per spatial axis.
    """

    pool: tuple[int, ...]
    strides: tuple[int, ...]
    padding: Padding


@dataclass(frozen=True, eq=False, kw_only=True)
class Sum(Operation):
    """Sum over ``axes`` (of the tensor, events not counted), same fraction, exact.

    ``shape`` is that of the input without these axes, or with length 1 there.
    """

    axes: tuple[int, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class Maximum(Operation):
    """The largest word over ``axes``; axes and shape as in ``Sum``."""

    axes: tuple[int, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class ArgMax(Operation):
    """Index of the largest word along the last axis; the first one of equal words.

    ``shape`` is that of the input without its last axis, (1,) if nothing is left.
    """


@dataclass(frozen=True, eq=False, kw_only=True)
class Reshape(Operation):
    """The same words in another shape, the last axis fastest (flatten is a special case)."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Permute(Operation):
    """Axes in another order: axis ``i`` of the result is axis ``axes[i]`` of the input, from 0."""

    axes: tuple[int, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class Slice(Operation):
    """A block of the input: ``y[i, ...] = x[begin[0] + i, ...]``; ``shape`` says how long it is per axis.

    Attributes:
        begin: index of the first word per axis.
    """

    begin: tuple[int, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class ZeroPad(Operation):
    """Zeros around the spatial axes (all but the last)."""

    padding: Padding


@dataclass(frozen=True, eq=False, kw_only=True)
class Concatenate(Operation):
    """Tensors one after the other along ``axis`` (from 0), words aligned to ``format``, exact."""

    axis: int


@dataclass(frozen=True, eq=False, kw_only=True)
class Add(Operation):
    """Sum of two or more tensors, words aligned to ``format``, exact; axes of length 1 are repeated."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Subtract(Operation):
    """First minus second tensor, words aligned to ``format``, exact; axes of length 1 are repeated."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Multiply(Operation):
    """Product of two tensors, exact: the fractions add up; axes of length 1 are repeated."""


KINDS: tuple[type[Operation], ...] = (
    *(Input, Dense, Scale, Convolution, DepthwiseConvolution),
    *(Relu, LeakyRelu, Clip, Quantize, Table),
    *(MaxPool, AveragePool, Sum, Maximum, ArgMax),
    *(Reshape, Permute, Slice, ZeroPad, Concatenate, Add, Subtract, Multiply),
)
"""Every operation that a graph may hold."""
