"""The operations of the integer network. Their docstrings say what the hardware computes, to the bit.

Every operation yields one tensor, which bears the operation's name. A tensor holds integer words
``w`` that stand for ``w * 2**-format.fraction``. Operations are immutable records; what is done with
them (emulation, HLS, RTL, cost) lives in other rooms, each a ``match`` over these classes.
"""

from __future__ import annotations

from dataclasses import dataclass

from trigml.fixedpoint import FixedPoint, IntArray


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
    """The words that arrive at the port, as the input contract makes them.

    A value that is not yet a word is brought into ``format`` with the rounding and the overflow of
    ``format`` (round half to even, saturate): the input quantiser.
    """


@dataclass(frozen=True, eq=False, kw_only=True)
class Dense(Operation):
    """``y[j] = bias[j] * 2**a + sum_i x[i] * weight[i, j] * 2**b``, exact.

    The words are aligned to ``format``: ``a = format.fraction - bias_format.fraction``, and
    ``b = format.fraction - x.fraction - weight_format.fraction``; neither is negative, and no bit is
    dropped. ``format`` is wide enough for the result and for every partial sum (checked).

    Attributes:
        weight: int64 words (n_in, n_out) in ``weight_format``.
        weight_format: format of the weights.
        bias: int64 words (n_out,) in ``bias_format``.
        bias_format: format of the biases.
    """

    weight: IntArray
    weight_format: FixedPoint
    bias: IntArray
    bias_format: FixedPoint


@dataclass(frozen=True, eq=False, kw_only=True)
class Relu(Operation):
    """``y = max(x, 0)`` element by element, same fraction, exact."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Quantize(Operation):
    """``x`` brought into ``format``: rounding as ``format.rounding`` says, then ``format.overflow``.

    The only operation in which a value may change or overflow.
    """
