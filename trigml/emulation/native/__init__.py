"""The native emulator: C++ made from the graph, compiled once and kept."""

from trigml.emulation.native.emulator import Emulator
from trigml.emulation.native.project import emulator_project

__all__ = ["Emulator", "emulator_project"]
