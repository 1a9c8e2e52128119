"""Hardware description languages, apart from what writes them: the command line names them at its start."""

from enum import StrEnum


class Language(StrEnum):
    """Languages of an RTL project."""

    VERILOG = "verilog"
    VHDL = "vhdl"

    @property
    def suffix(self) -> str:
        """Of its files."""
        return "v" if self is Language.VERILOG else "vhd"
