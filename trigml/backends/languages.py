"""Hardware description languages, apart from what writes them: the command line names them at its start."""

from enum import StrEnum


class Language(StrEnum):
    """Languages of the pipelined core."""

    VERILOG = "verilog"
    VHDL = "vhdl"
