"""``GraphBuilder``: how frontends make a graph, operation by operation, each with its narrowest exact format.

Every method appends one operation and returns the name of its tensor. Shapes and formats follow from what
it reads: an accumulator gets as many bits as the actual weights need, proven by interval arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from trigml.contract import InputContract
from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint, IntArray, Interval
from trigml.fixedpoint.format import MAX_WIDTH
from trigml.graph import operations as ops
from trigml.graph.checks import EXACT_FLOAT64_BITS
from trigml.graph.network import Graph
from trigml.graph.ranges import linear_range, range_after
from trigml.graph.shapes import BadShape, Shape, shape_after
from trigml.graph.windows import cells_inside

_ANY = FixedPoint(True, MAX_WIDTH, MAX_WIDTH)
"""A format to be replaced by the one that follows from the operands."""


@dataclass(frozen=True)
class Constants:
    """Weights or biases: int64 words and their format."""

    words: IntArray
    format: FixedPoint

    @classmethod
    def zeros(cls, count: int) -> Constants:
        """No bias."""
        return cls(np.zeros(count, dtype=np.int64), FixedPoint(False, 1, 1))


@dataclass
class GraphBuilder:
    """A graph that grows.

    All methods raise ``BadInput`` where shapes do not go together, a name stands twice, or an accumulator
    could need more than 53 bits.

    Attributes:
        name: name of the network.
        operations: those so far, by name.
        ranges: their proven ranges.
        contracts: of the inputs so far.
    """

    name: str
    operations: dict[str, ops.Operation] = field(default_factory=dict)
    ranges: dict[str, Interval] = field(default_factory=dict)
    contracts: list[InputContract] = field(default_factory=list)

    def __getitem__(self, name: str) -> ops.Operation:
        return self.operations[name]

    def finish(self, outputs: Sequence[str], output_labels: Sequence[str] = ()) -> Graph:
        """The checked graph."""
        return Graph(
            self.name,
            tuple(self.operations.values()),
            tuple(outputs),
            tuple(self.contracts),
            tuple(output_labels),
        ).check()

    def input(self, name: str, shape: Shape, contract: InputContract) -> str:
        """A port; the contract has one feature per word of ``shape``."""
        self.contracts.append(contract)
        return self._add(ops.Input(name=name, inputs=(), shape=tuple(shape), format=contract.format))

    def dense(self, name: str, source: str, weight: Constants, bias: Constants | None = None) -> str:
        """Sums of products along the last axis; ``weight`` is (n_in, n_out)."""
        bias = bias or Constants.zeros(weight.words.shape[-1])
        return self._linear(
            ops.Dense(
                name=name,
                inputs=(source,),
                shape=(),
                format=_ANY,
                weight=weight.words,
                weight_format=weight.format,
                bias=bias.words,
                bias_format=bias.format,
            )
        )

    def scale(self, name: str, source: str, weight: Constants, bias: Constants | None = None) -> str:
        """A factor and an offset per channel of the last axis."""
        bias = bias or Constants.zeros(len(weight.words))
        return self._linear(
            ops.Scale(
                name=name,
                inputs=(source,),
                shape=(),
                format=_ANY,
                weight=weight.words,
                weight_format=weight.format,
                bias=bias.words,
                bias_format=bias.format,
            )
        )

    def convolution(
        self,
        name: str,
        source: str,
        weight: Constants,
        bias: Constants | None = None,
        *,
        strides: Sequence[int],
        padding: ops.Padding,
        dilation: Sequence[int] | None = None,
        depthwise: bool = False,
    ) -> str:
        """A convolution; ``weight`` is (*kernel, n_in, n_out), depthwise (*kernel, channels, m)."""
        shape = weight.words.shape
        bias = bias or Constants.zeros(shape[-1] * shape[-2] if depthwise else shape[-1])
        kind = ops.DepthwiseConvolution if depthwise else ops.Convolution
        return self._linear(
            kind(
                name=name,
                inputs=(source,),
                shape=(),
                format=_ANY,
                weight=weight.words,
                weight_format=weight.format,
                bias=bias.words,
                bias_format=bias.format,
                strides=tuple(strides),
                padding=padding,
                dilation=tuple(dilation or (1,) * (len(shape) - 2)),
            )
        )

    def relu(self, name: str, source: str) -> str:
        """``max(x, 0)``."""
        return self._exact(ops.Relu(name=name, inputs=(source,), shape=(), format=self._like(source)))

    def leaky_relu(self, name: str, source: str, shift: int) -> str:
        """``x`` or ``x * 2**-shift``; ``shift`` is not negative."""
        if shift < 0:
            raise BadInput("a slope above 1 is not supported", where=name, found=f"2**{-shift}")
        format_ = _of_fraction(self[source].format.fraction + shift)
        return self._exact(ops.LeakyRelu(name=name, inputs=(source,), shape=(), format=format_, shift=shift))

    def clip(self, name: str, source: str, low: int, high: int) -> str:
        """Words limited to ``low`` … ``high``."""
        if low > high:
            raise BadInput("the limits are in the wrong order", where=name, found=f"{low} to {high}")
        return self._exact(
            ops.Clip(name=name, inputs=(source,), shape=(), format=self._like(source), low=low, high=high)
        )

    def quantize(self, name: str, source: str, format_: FixedPoint) -> str:
        """Rounding and overflow into ``format_``."""
        return self._add(ops.Quantize(name=name, inputs=(source,), shape=(), format=format_))

    def table(self, name: str, source: str, low: int, table: IntArray, format_: FixedPoint) -> str:
        """A function of one word, as a table from the word ``low`` on."""
        return self._add(
            ops.Table(name=name, inputs=(source,), shape=(), format=format_.exact(), low=low, table=table)
        )

    def max_pool(
        self, name: str, source: str, pool: Sequence[int], *, strides: Sequence[int], padding: ops.Padding
    ) -> str:
        """The largest word of each window."""
        return self._exact(
            ops.MaxPool(
                name=name,
                inputs=(source,),
                shape=(),
                format=self._like(source),
                pool=tuple(pool),
                strides=tuple(strides),
                padding=padding,
            )
        )

    def average_pool(
        self,
        name: str,
        source: str,
        pool: Sequence[int],
        *,
        strides: Sequence[int],
        padding: ops.Padding,
        format_: FixedPoint | None = None,
    ) -> str:
        """The mean of each window, brought into ``format_``; exact, if none is given.

        Raises:
            BadInput: no format is given, and a mean has no finite binary form.
        """
        pooled = ops.AveragePool(
            name=name,
            inputs=(source,),
            shape=(),
            format=format_ or _ANY,
            pool=tuple(pool),
            strides=tuple(strides),
            padding=padding,
        )
        if format_ is not None:
            return self._add(pooled)
        self._shaped(pooled)
        counts = cells_inside(self[source].shape[:-1], pool, strides, padding)
        odd = [int(count) for count in np.unique(counts) if count & (count - 1)]
        if odd:
            raise BadInput(
                f"the mean of {odd[0]} values has no finite binary form",
                where=name,
                remedy="put a QActivation('quantized_bits(...)') directly behind it",
            )
        more = int(counts.max()).bit_length() - 1
        return self._exact(replace(pooled, format=_of_fraction(self[source].format.fraction + more)))

    def sum(self, name: str, source: str, axes: Sequence[int], *, keep_axes: bool = False) -> str:
        """Sum over axes."""
        return self._reduce(ops.Sum, name, source, axes, keep_axes)

    def maximum(self, name: str, source: str, axes: Sequence[int], *, keep_axes: bool = False) -> str:
        """Largest word over axes."""
        return self._reduce(ops.Maximum, name, source, axes, keep_axes)

    def _reduce(
        self,
        kind: type[ops.Sum] | type[ops.Maximum],
        name: str,
        source: str,
        axes: Sequence[int],
        keep_axes: bool,
    ) -> str:
        kept = tuple(1 if axis in axes else n for axis, n in enumerate(self[source].shape))
        shape = kept if keep_axes else ()
        return self._exact(
            kind(name=name, inputs=(source,), shape=shape, format=self._like(source), axes=tuple(axes))
        )

    def argmax(self, name: str, source: str) -> str:
        """Index of the largest word along the last axis."""
        return self._exact(ops.ArgMax(name=name, inputs=(source,), shape=(), format=_of_fraction(0)))

    def reshape(self, name: str, source: str, shape: Shape) -> str:
        """Another shape."""
        return self._exact(
            ops.Reshape(name=name, inputs=(source,), shape=tuple(shape), format=self._like(source))
        )

    def permute(self, name: str, source: str, axes: Sequence[int]) -> str:
        """Another order of the axes, from 0."""
        return self._exact(
            ops.Permute(name=name, inputs=(source,), shape=(), format=self._like(source), axes=tuple(axes))
        )

    def slice(self, name: str, source: str, begin: Sequence[int], shape: Shape) -> str:
        """A block that begins at ``begin`` and has this shape."""
        return self._exact(
            ops.Slice(
                name=name,
                inputs=(source,),
                shape=tuple(shape),
                format=self._like(source),
                begin=tuple(begin),
            )
        )

    def zero_pad(self, name: str, source: str, padding: ops.Padding) -> str:
        """Zeros around the spatial axes."""
        return self._exact(
            ops.ZeroPad(name=name, inputs=(source,), shape=(), format=self._like(source), padding=padding)
        )

    def concatenate(self, name: str, sources: Sequence[str], axis: int) -> str:
        """Tensors one after the other along ``axis``, from 0."""
        return self._exact(
            ops.Concatenate(
                name=name, inputs=tuple(sources), shape=(), format=self._finest(sources), axis=axis
            )
        )

    def add(self, name: str, sources: Sequence[str]) -> str:
        """Sum of tensors."""
        return self._exact(ops.Add(name=name, inputs=tuple(sources), shape=(), format=self._finest(sources)))

    def subtract(self, name: str, sources: Sequence[str]) -> str:
        """First minus second tensor."""
        return self._exact(
            ops.Subtract(name=name, inputs=tuple(sources), shape=(), format=self._finest(sources))
        )

    def multiply(self, name: str, sources: Sequence[str]) -> str:
        """Product of two tensors."""
        fraction = sum(self[source].format.fraction for source in sources)
        return self._exact(
            ops.Multiply(name=name, inputs=tuple(sources), shape=(), format=_of_fraction(fraction))
        )

    def _like(self, source: str) -> FixedPoint:
        return _of_fraction(self[source].format.fraction)

    def _finest(self, sources: Sequence[str]) -> FixedPoint:
        return _of_fraction(max(self[source].format.fraction for source in sources))

    def _linear(self, operation: ops.Linear) -> str:
        source = self[operation.inputs[0]].format
        product = source.fraction + operation.weight_format.fraction
        fraction = max(product, operation.bias_format.fraction)
        shaped = self._shaped(replace(operation, format=_of_fraction(fraction)))
        assert isinstance(shaped, ops.Linear)
        _, partial = linear_range(shaped, source, self.ranges[operation.inputs[0]])
        return self._add(replace(shaped, format=partial.smallest_format(fraction, signed=True)))

    def _exact(self, operation: ops.Operation) -> str:
        """Append an operation in the narrowest format of its fraction that holds the proven range."""
        shaped = self._shaped(operation)
        found = self._range(shaped)
        signed = bool(found.bounds[0] < 0)
        return self._add(
            replace(shaped, format=found.smallest_format(operation.format.fraction, signed=signed))
        )

    def _shaped(self, operation: ops.Operation) -> ops.Operation:
        sources = [self[name].shape for name in operation.inputs]
        try:
            return replace(operation, shape=shape_after(operation, sources))
        except BadShape as error:
            raise BadInput(
                "the shapes around a layer do not go together",
                where=operation.name,
                expected=str(error),
                found=", ".join(map(str, sources)),
            ) from error

    def _range(self, operation: ops.Operation) -> Interval:
        formats = {name: self[name].format for name in operation.inputs}
        return range_after(operation, formats, self.ranges)

    def _add(self, operation: ops.Operation) -> str:
        if operation.name in self.operations:
            raise BadInput(
                f"another layer is called {operation.name!r}, too, as a C++ name", remedy="rename one"
            )
        if operation.format.width > EXACT_FLOAT64_BITS:
            raise BadInput(
                "an accumulator is wider than float64 can check",
                where=operation.name,
                expected=f"at most {EXACT_FLOAT64_BITS} bits",
                found=f"{operation.format.width} bits",
                remedy="use fewer bits in the weights or in the tensors before this layer",
            )
        shaped = self._shaped(operation)
        self.ranges[operation.name] = self._range(shaped)
        self.operations[operation.name] = shaped
        return operation.name


def _of_fraction(fraction: int) -> FixedPoint:
    """A format of which only the fraction counts yet; so wide that nothing overflows in it."""
    return FixedPoint(True, MAX_WIDTH, MAX_WIDTH - fraction)
