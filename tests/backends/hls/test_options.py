"""What may be chosen for an HLS project."""

import json

import pytest

from trigml.backends.hls.options import HlsBackend, HlsOptions, IoType, Strategy
from trigml.errors import BadInput


def test_names_and_parts() -> None:
    """Protects the table of backends: hls4ml's names, a default part for each, which compile with g++."""
    assert [backend.hls4ml_name for backend in HlsBackend] == [
        "Vitis",
        "Vivado",
        "Quartus",
        "Catapult",
        "oneAPI",
    ]
    assert all(backend.default_part for backend in HlsBackend)
    assert [backend for backend in HlsBackend if not backend.emulates_with_gxx] == [HlsBackend.ONEAPI]


def test_json() -> None:
    """Protects the machine-readable form."""
    options = HlsOptions(HlsBackend.VIVADO, "part", 4.0, IoType.STREAM, Strategy.RESOURCE, 8)
    assert json.loads(json.dumps(options.to_json())) == {
        "backend": "vivado",
        "part": "part",
        "clock_ns": 4.0,
        "io": "stream",
        "strategy": "resource",
        "reuse_factor": 8,
    }


@pytest.mark.parametrize("clock", [0.0, -5.0, 0.49, 1001.0, float("nan"), float("inf")])
def test_an_impossible_clock_is_refused(clock: float) -> None:
    """Protects against clocks that no FPGA has, and NaN."""
    with pytest.raises(BadInput, match="clock period is out of range"):
        HlsOptions(HlsBackend.VITIS, "part", clock)


@pytest.mark.parametrize("factor", [0, -1])
def test_an_impossible_reuse_factor_is_refused(factor: int) -> None:
    """Protects against a reuse factor below one."""
    with pytest.raises(BadInput, match="reuse factor is out of range"):
        HlsOptions(HlsBackend.VITIS, "part", 5.0, reuse_factor=factor)
