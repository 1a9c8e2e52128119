"""Which emulator computes; the words are the same."""

from enum import StrEnum


class EmulationStage(StrEnum):
    """The native emulator is fast; NumPy's is the reference and needs no compiler."""

    NATIVE = "native"
    NUMPY = "numpy"
