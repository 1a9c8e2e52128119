"""Yosys: technology mapping of Verilog to the cells of an FPGA family, counted, cached and written out."""

from trigml.toolchains.yosys.cache import default_cache
from trigml.toolchains.yosys.mapped import MappedDesign, MappedModule
from trigml.toolchains.yosys.mapping import DEFAULT_LIMIT_S, map_design
from trigml.toolchains.yosys.tool import Family, Yosys, cell_models, find_yosys

__all__ = [
    "DEFAULT_LIMIT_S",
    "Family",
    "MappedDesign",
    "MappedModule",
    "Yosys",
    "cell_models",
    "default_cache",
    "find_yosys",
    "map_design",
]
