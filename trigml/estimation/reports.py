"""The vendor reports that the estimate is fitted to, and the networks behind them.

The reports are the synthesis results that the hls4ml project (https://github.com/fastmachinelearning/hls4ml,
Apache-2.0) keeps as references of its tests; a file's name tells the test, its folder the tool. The networks
are rebuilt here from what the tests say of them: sizes, precision (``ap_fixed<16,6>`` where nothing else is
said), reuse factor 1, 5 ns, XCVU13P. Their weights are drawn at random in the tests without a seed: what
depends on them is the mean over many draws from the same distribution.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from trigml.backends.hls.options import IoType, Strategy
from trigml.errors import BadInput
from trigml.estimation.design import Design, Generation
from trigml.estimation.layers import (
    depthwise_work,
    matrix_work,
    over_places,
    pool_work,
    relu_work,
    table_work,
    wires_work,
)
from trigml.estimation.work import Kind, Level, Work
from trigml.fixedpoint import IntArray
from trigml.graph.windows import cells_inside, output_size, same_padding

BITS, FRACTION = 16, 10
WIDE_BITS, WIDE_FRACTION = 32, 20
DRAWS = 64
_NAME = re.compile(r"test_keras_api_test_(?P<test>[a-z0-9]+)_(?P<rest>.+)\.json")
_GENERATIONS = {
    ("Vivado", "2020.1"): Generation.VIVADO_2020,
    ("Vitis", "2020.1"): Generation.VITIS_2020,
    ("Vitis", "2023.1"): Generation.VITIS_2023,
    ("Vitis", "2024.1"): Generation.VITIS_2024,
}


@dataclass(frozen=True)
class Measured:
    """What a tool reported.

    Attributes:
        lut: look-up tables.
        ff: flip-flops.
        dsp: DSP blocks.
        bram18: block RAMs of 18 kbit.
        latency: cycles, worst case.
        interval: cycles between events, worst case.
        period_ns: estimated clock period.
    """

    lut: int
    ff: int
    dsp: int
    bram18: int
    latency: int
    interval: int
    period_ns: float


@dataclass(frozen=True)
class Sample:
    """One report and the design that it is of.

    Attributes:
        name: test and tool.
        network: what is left out together: the same network in all tools, whatever its padding.
        design: the rebuilt design.
        measured: the report.
    """

    name: str
    network: str
    design: Design
    measured: Measured


def read_samples(folder: Path) -> list[Sample]:
    """All reports of Vivado HLS and Vitis HLS below a folder ``<tool>/<version>/*.json``.

    Raises:
        BadInput: there are none, or a file is not such a report.
    """
    paths = sorted(path for path in folder.glob("V*/*/*.json"))
    if not paths:
        raise BadInput("there are no vendor reports", where=str(folder), expected="<tool>/<version>/*.json")
    return [_sample(path) for path in paths]


def _sample(path: Path) -> Sample:
    version, tool = path.parent.name, path.parent.parent.name
    matched = _NAME.fullmatch(path.name)
    generation = _GENERATIONS.get((tool, version))
    if matched is None or generation is None:
        raise BadInput("a vendor report of an unknown test or tool", where=str(path))
    network, design = _network(matched["test"], matched["rest"], generation)
    return Sample(f"{matched['test']}_{matched['rest']} {generation}", network, design, _measured(path))


def _measured(path: Path) -> Measured:
    try:
        report = json.loads(path.read_text(encoding="utf-8"))["CSynthesisReport"]
        return Measured(
            lut=int(report["LUT"]),
            ff=int(report["FF"]),
            dsp=int(report["DSP"]),
            bram18=int(report["BRAM_18K"]),
            latency=int(report["WorstLatency"]),
            interval=int(report["IntervalMax"]),
            period_ns=float(report["EstimatedClockPeriod"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput("the vendor report cannot be read", where=str(path), found=str(error)) from error


def _network(test: str, rest: str, generation: Generation) -> tuple[str, Design]:
    works: tuple[Work, ...]
    io = IoType.STREAM if "io_stream" in rest else IoType.PARALLEL
    strategy = Strategy.RESOURCE if "Resource" in rest else Strategy.LATENCY
    match test:
        case "dense":
            works, network = (_dense(2, 1.0, 10.0), table_work(Kind.ELU, 2, BITS)), "dense with ELU"
        case "activations":
            works, network = _activation(rest.rsplit("-", 1)[1])
        case "pooling":
            works, network = _pooling(rest, generation)
        case "conv2d":
            works, network = (_convolution(),), "convolution"
        case "depthwise1d":
            works, network = (_depthwise((32,), (3,), BITS, FRACTION),), "depthwise, one axis"
        case "depthwise2d":
            image = _depthwise((32, 32), (3, 3), WIDE_BITS, WIDE_FRACTION)
            works, network = (image,), "depthwise, two axes"
        case _:
            raise BadInput("a vendor report of an unknown test", found=test)
    return f"{network}, io_{io.value}", Design(works, io, strategy, generation)


def _activation(name: str) -> tuple[tuple[Work, ...], str]:
    """64 words from one, then an activation. Keras draws the weights up to sqrt(3 / inputs)."""
    dense = _dense(64, -(3**0.5), 3**0.5)
    match name:
        case "relu" | "prelu":  # the slopes of the prelu are zero: the same logic
            return (dense, relu_work(64, BITS)), "64 words with ReLU"
        case "leaky_relu":  # its slope is one: no logic, but a layer
            return (dense, wires_work(64, BITS)), "64 words"
        case "elu":
            return (dense, table_work(Kind.ELU, 64, BITS)), "64 words with ELU"
        case "sigmoid":
            return (dense, table_work(Kind.SIGMOID, 64, BITS)), "64 words with sigmoid"
    raise BadInput("a vendor report of an unknown activation", found=name)


def _pooling(rest: str, generation: Generation) -> tuple[tuple[Work, ...], str]:
    _, padding, name = rest.rsplit("-", 2)
    shape, window = ((18, 15), (2, 2)) if name.endswith("2D") else ((121,), (2,))
    same = padding == "same"
    around = same_padding(shape, window, window) if same else ((0, 0),) * len(shape)
    cells = cells_inside(shape, window, window, around)
    average = name.startswith("Average")
    size = int(np.prod(shape)) * 3
    work = pool_work(
        cells, channels=3, words_in=size, bits=BITS, average=average, window=int(np.prod(window))
    )
    if average and same and generation is Generation.VIVADO_2020:  # divides by a number that it counts
        work = replace(work, divisions=work.words_out)
    return (work,), f"{name}"


def _convolution() -> Work:
    """28 x 28 x 3, 32 filters of 4 x 4 in steps of 4; Keras draws "normal" weights with a width of 0.05."""
    taps = 4 * 4 * 3
    one = _mean(
        lambda rng: matrix_work(
            _words(rng.normal(0, 0.05, (taps, 32)), FRACTION),
            bias=None,
            bits_in=BITS,
            bits_out=BITS,
            kind=Kind.CONVOLUTION,
        )
    )
    return over_places(one, places=49, words_in=28 * 28 * 3, words_out=49 * 32, window_bits=taps * BITS)


def _depthwise(shape: tuple[int, ...], window: tuple[int, ...], bits: int, fraction: int) -> Work:
    """3 channels; Keras draws the weights uniformly up to sqrt(6 / (inputs + outputs)) of a window."""
    taps = int(np.prod(window))
    limit = (6 / (taps * 3 + taps)) ** 0.5
    one = _mean(
        lambda rng: depthwise_work(
            _words(rng.uniform(-limit, limit, (taps, 3, 1)), fraction), bias=None, bits_in=bits, bits_out=bits
        )
    )
    results = [output_size(n, k, stride=1, padding=(0, 0)) for n, k in zip(shape, window, strict=True)]
    rows = window[0] - 1 if len(window) > 1 else 0
    return over_places(
        one,
        places=int(np.prod(shape)),
        words_in=int(np.prod(shape)) * 3,
        words_out=int(np.prod(results)) * 3,
        window_bits=taps * 3 * bits,
        line_bits=rows * shape[-1] * 3 * bits,
    )


def _dense(n_out: int, low: float, high: float) -> Work:
    return _mean(
        lambda rng: matrix_work(
            _words(rng.uniform(low, high, (1, n_out)), FRACTION), bias=None, bits_in=BITS, bits_out=BITS
        )
    )


def _words(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]], fraction: int) -> IntArray:
    return np.floor(values * 2.0**fraction).astype(np.int64)


def _mean(draw: Callable[[np.random.Generator], Work]) -> Work:
    """The mean over many draws of the weights."""
    rng = np.random.default_rng(1)
    works = [draw(rng) for _ in range(DRAWS)]

    def mean(value: Callable[[Work], float]) -> float:
        return float(np.mean([value(work) for work in works]))

    first = works[0]
    return replace(
        first,
        products=mean(lambda w: w.products),
        dsp_blocks=mean(lambda w: w.dsp_blocks),
        dsp_products=mean(lambda w: w.dsp_products),
        adder_bits=mean(lambda w: w.adder_bits),
        odd_adders=mean(lambda w: w.odd_adders),
        levels=tuple(
            Level(level.delay, float(np.mean([w.levels[i].live_bits for w in works if i < len(w.levels)])))
            for i, level in enumerate(first.levels)
        ),
    )
