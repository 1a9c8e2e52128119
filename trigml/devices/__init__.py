"""FPGA parts and the boards of triggers: resources, super logic regions and clocks, each with its source."""

from trigml.devices.catalogue import DEVICES_VARIABLE, Devices, find_part, load_devices
from trigml.devices.part import RESOURCES, Board, BoardClock, BoardPart, Part

__all__ = [
    "DEVICES_VARIABLE",
    "RESOURCES",
    "Board",
    "BoardClock",
    "BoardPart",
    "Devices",
    "Part",
    "find_part",
    "load_devices",
]
