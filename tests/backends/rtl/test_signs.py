"""Signs in trees of adders: the same sums, and no subtraction that negates low bits."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trigml.backends.rtl.signs import resigned


def products(seed: int, inputs: int, outputs: int, digits: int) -> tuple[Any, Any, Any]:
    """alkaid's input, the quantised one, and its product with a random matrix of so many bits."""
    from alkaid.trace import FVArrayInput

    weight = np.random.default_rng(seed).integers(-(2**digits), 2**digits, (inputs, outputs)) / 8
    ports = FVArrayInput((inputs,))
    x = ports.quantize(1, 3, 2)
    return ports, x, x @ weight


def dear(combinational: Any) -> int:
    """Subtractions of a word with a lower lowest bit than that from which it is subtracted."""
    ops = combinational.ops
    subtractions = [op for op in ops if op.opcode == 1]
    return sum(
        ops[op.addr[1]].qint.step * 2.0 ** op.data[0] < ops[op.addr[0]].qint.step for op in subtractions
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 9), st.integers(1, 9), st.integers(0, 6))
def test_sums_stay_what_they_are(seed: int, inputs: int, outputs: int, digits: int) -> None:
    """Protects the words: whatever signs are chosen, every sum of products is the same."""
    from alkaid.trace import trace

    ports, x, sums = products(seed, inputs, outputs, digits)
    before, after = trace(ports, sums), trace(ports, resigned(sums, x))
    values = np.random.default_rng(seed + 1).integers(-32, 32, (200, inputs)) / 4
    np.testing.assert_array_equal(after.predict(values), before.predict(values))


@pytest.mark.parametrize("seed", range(3))
def test_no_subtraction_negates_low_bits(seed: int) -> None:
    """Protects against adders of twice the size: alkaid leaves such subtractions, hardly one is left here."""
    from alkaid.trace import trace

    ports, x, sums = products(seed, 24, 24, 5)
    before, after = trace(ports, sums), trace(ports, resigned(sums, x))
    assert dear(before) >= 10
    assert dear(after) <= dear(before) // 10
    negations = [sum(op.opcode == -2 for op in logic.ops) for logic in (before, after)]
    assert negations[1] <= negations[0]
