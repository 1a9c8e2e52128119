"""Constants in trees of adders: the same sums, with fewer bits of carry chains."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from trigml.backends.rtl.constants import raised
from trigml.backends.rtl.signs import resigned


def layer(seed: int, inputs: int, outputs: int) -> tuple[Any, Any, Any, Any]:
    """alkaid's input, the quantised one, its product with a sparse matrix, and a constant per output."""
    from alkaid.trace import FVArrayInput

    random = np.random.default_rng(seed)
    weight = random.integers(-16, 16, (inputs, outputs)) * random.integers(0, 2, (inputs, outputs)) / 8
    ports = FVArrayInput((inputs,))
    x = ports.quantize(1, 3, 2)
    return ports, x, resigned(x @ weight, x), random.integers(-64, 64, outputs) / 16


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 9), st.integers(1, 9))
def test_each_sum_gets_its_constant(seed: int, inputs: int, outputs: int) -> None:
    """Protects the words: wherever a constant is added, it is in its result and in no other."""
    from alkaid.trace import trace

    ports, x, sums, amounts = layer(seed, inputs, outputs)
    found = trace(ports, np.concatenate([raised(sums, x, amounts), sums]), keep_dead_inputs=True)
    values = np.random.default_rng(seed + 1).integers(-32, 32, (200, inputs)) / 4
    plain = trace(ports, sums, keep_dead_inputs=True).predict(values)
    np.testing.assert_array_equal(found.predict(values), np.concatenate([plain + amounts, plain], axis=1))


def test_constants_go_where_it_is_narrow() -> None:
    """Protects the LUTs: the additions of constants have fewer bits than those to the results."""
    from alkaid.trace import trace

    def bits(outputs: Any) -> int:
        return sum(sum(op.qint.kif) for op in trace(ports, outputs).ops if op.opcode == 4)

    ports, x, sums, amounts = layer(1, 16, 16)
    assert 0 < bits(raised(sums, x, amounts)) < 0.9 * bits(sums + amounts)
