"""Windows of convolutions and pools, against loops over cells and against TensorFlow's rule."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trigml.graph.windows import cells_inside, output_size, same_padding, windows_of


@st.composite
def layouts(draw: st.DrawFn, most_axes: int = 3) -> tuple[list[int], list[int], list[int], list, list[int]]:
    """Sizes, kernel, strides, padding and dilation, of windows that fit."""
    axes = range(draw(st.integers(1, most_axes)))
    sizes = [draw(st.integers(1, 5)) for _ in axes]
    kernel = [draw(st.integers(1, 3)) for _ in axes]
    strides = [draw(st.integers(1, 3)) for _ in axes]
    dilation = [draw(st.integers(1, 3)) for _ in axes]
    padding = []
    for n, k, d in zip(sizes, kernel, dilation, strict=True):
        before, after = draw(st.integers(0, 3)), draw(st.integers(0, 3))
        padding.append((before, after + max(0, d * (k - 1) + 1 - n - before - after)))
    return sizes, kernel, strides, padding, dilation


@given(layout=layouts(), seed=st.integers(0, 100), fill=st.integers(-9, 9))
def test_cells_of_every_window(layout: tuple, seed: int, fill: int) -> None:
    """Protects the geometry of each window: which cell, in which order, and what stands in the padding."""
    sizes, kernel, strides, padding, dilation = layout
    tensor = np.random.default_rng(seed).integers(-99, 100, (2, *sizes, 2))
    found = windows_of(tensor, kernel, strides=strides, padding=padding, dilation=dilation, fill=fill)
    positions = [
        output_size(n, k, stride=s, padding=p, dilation=d)
        for n, k, s, p, d in zip(sizes, kernel, strides, padding, dilation, strict=True)
    ]
    assert found.shape == (2, *positions, np.prod(kernel), 2)
    for event, channel in np.ndindex(2, 2):
        for place in np.ndindex(*positions):
            for number, tap in enumerate(np.ndindex(*kernel)):
                at = [
                    s * p + d * k - before
                    for s, p, d, k, (before, _) in zip(strides, place, dilation, tap, padding, strict=True)
                ]
                inside = all(0 <= i < n for i, n in zip(at, sizes, strict=True))
                cell = tensor[(event, *at, channel)] if inside else fill
                assert found[(event, *place, number, channel)] == cell
    plain = [1] * len(sizes)
    if dilation == plain:
        counts = cells_inside(sizes, kernel, strides, padding)
        ones = windows_of(np.ones_like(tensor), kernel, strides=strides, padding=padding)
        np.testing.assert_array_equal(counts, ones[0, ..., 0].sum(axis=-1))


@given(layout=layouts(1))
def test_as_many_windows_as_fit(layout: tuple) -> None:
    """Protects the number of positions: the last window fits, one more would not."""
    (n,), (k,), (stride,), (padding,), (d,) = layout
    count = output_size(n, k, stride=stride, padding=padding, dilation=d)
    reach, room = d * (k - 1) + 1, n + sum(padding)
    assert (count - 1) * stride + reach <= room < count * stride + reach
    assert output_size(1, 5, stride=stride, padding=(0, 0)) == 0


@pytest.mark.slow
def test_same_padding_of_convolutions_is_tensorflows() -> None:
    """Protects ``padding="same"``: each tap reads the cell that it reads in TensorFlow."""
    from trigml.legacy_keras import load

    tf = load().tensorflow
    for n, k, stride, d in itertools.product(range(1, 6), range(1, 5), range(1, 4), range(1, 3)):
        if stride > 1 and d > 1:  # TensorFlow knows no strides together with dilation
            continue
        ramp = np.arange(1, n + 1).reshape(1, n, 1)  # a zero is padding
        padding = same_padding([n], [k], [stride], [d])
        cells = windows_of(ramp, [k], strides=[stride], padding=padding, dilation=[d])
        one_per_tap = np.eye(k, dtype=np.float32)[:, None, :]
        theirs = tf.nn.conv1d(ramp.astype(np.float32), one_per_tap, stride, "SAME", dilations=d)
        np.testing.assert_array_equal(cells[0, :, :, 0], theirs.numpy()[0], err_msg=f"{n, k, stride, d}")


@pytest.mark.slow
def test_same_padding_of_pools_is_tensorflows() -> None:
    """Protects ``padding="same"`` of average pools: TensorFlow counts the same cells."""
    from trigml.legacy_keras import load

    tf = load().tensorflow
    for n, k, stride in itertools.product(range(1, 8), range(1, 5), range(1, 4)):
        ramp = np.arange(1, n + 1).reshape(1, n, 1)
        padding = same_padding([n], [k], [stride])
        sums = windows_of(ramp, [k], strides=[stride], padding=padding)[0].sum(axis=1)[:, 0]
        means = sums / cells_inside([n], [k], [stride], padding)
        theirs = tf.nn.avg_pool1d(ramp.astype(np.float64), k, stride, "SAME").numpy()[0, :, 0]
        np.testing.assert_allclose(means, theirs, rtol=1e-12, err_msg=f"{n, k, stride}")
    assert same_padding([5, 6], [2, 3], [1, 2]) == ((0, 1), (0, 1))
