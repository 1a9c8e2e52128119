"""The arithmetic against the ap_fixed types that hls4ml's projects are compiled with."""

import subprocess
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from trigml.backends.hls.layers import spelled
from trigml.fixedpoint import FixedPoint, Overflow, Rounding, requantize
from trigml.toolchains.programs import find_compiler

SOURCE = FixedPoint(True, 34, 17)
TARGETS = [(True, 8, 4), (False, 7, 3), (True, 1, 1), (True, 6, -2), (False, 5, 9), (True, 20, 0)]

PROGRAM = """
#include <cmath>
#include <cstdio>
#include <vector>
#include "ap_fixed.h"

template <class Target> void convert(const std::vector<double> &values, int fraction) {
    for (double value : values) {
        ap_fixed<34, 17> source = value;
        Target target = source;
        double word = std::ldexp(target.to_double(), fraction);
        std::fwrite(&word, sizeof(double), 1, stdout);
    }
}

int main() {
    std::vector<double> values;
    double value;
    while (std::fread(&value, sizeof(double), 1, stdin) == 1)
        values.push_back(value);
    CONVERSIONS
}
"""


def source_words() -> np.ndarray:
    """Words near zero, ties and their neighbours at many scales, the ends of the range, random words."""
    near = np.arange(-300, 301)
    half_steps = [
        sign * (2 * k + 1) * 2**n + d
        for sign in (-1, 1)
        for k in range(9)
        for n in range(29)
        for d in (-1, 0, 1)
    ]
    ends = [SOURCE.min_word, SOURCE.min_word + 1, SOURCE.max_word, SOURCE.max_word - 1]
    random = np.random.default_rng(1).integers(SOURCE.min_word, SOURCE.max_word + 1, 2000)
    words = np.concatenate([near, half_steps, ends, random]).astype(np.int64)
    return words[(words >= SOURCE.min_word) & (words <= SOURCE.max_word)]


@pytest.mark.slow
def test_every_mode_gives_the_words_of_ap_fixed(tmp_path: Path) -> None:
    """Protects the claim that the graph's rounding and overflow are those of the C++ that is synthesised."""
    hls4ml = find_spec("hls4ml")
    assert hls4ml is not None
    assert hls4ml.origin is not None
    formats = [
        FixedPoint(signed, width, integer, rounding, overflow)
        for signed, width, integer in TARGETS
        for rounding in Rounding
        for overflow in Overflow
        if not (signed and width == 1 and overflow is Overflow.SAT_SYM)
    ]
    conversions = "".join(
        f"convert<{spelled(format_)}>(values, {format_.fraction});\n" for format_ in formats
    )
    (tmp_path / "convert.cpp").write_text(PROGRAM.replace("CONVERSIONS", conversions))
    includes = Path(hls4ml.origin).parent / "templates" / "vivado" / "ap_types"
    subprocess.run(
        [find_compiler(), "-std=c++17", "-O0", "-w", f"-I{includes}", "convert.cpp", "-o", "convert"],
        cwd=tmp_path,
        check=True,
    )
    words = source_words()
    values = np.ldexp(words.astype(np.float64), -SOURCE.fraction)
    done = subprocess.run([tmp_path / "convert"], input=values.tobytes(), capture_output=True, check=True)
    found = np.frombuffer(done.stdout, dtype=np.float64).reshape(len(formats), len(words))
    wrong = {}
    for format_, theirs in zip(formats, found, strict=True):
        ours = requantize(words, SOURCE.fraction, format_)
        if (differs := np.flatnonzero(ours != theirs)).size:
            wrong[str(format_)] = [(int(words[i]), int(ours[i]), float(theirs[i])) for i in differs[:3]]
    assert not wrong, "(source word, ours, theirs)"
