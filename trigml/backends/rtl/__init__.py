"""Graph → RTL through alkaid: its logic, and the project around it."""

from trigml.backends.languages import Language
from trigml.backends.rtl.network import Combinational, Logic, combinational_of, logic_of
from trigml.backends.rtl.options import RtlOptions
from trigml.backends.rtl.project import RtlProject, rtl_project

__all__ = [
    "Combinational",
    "Language",
    "Logic",
    "RtlOptions",
    "RtlProject",
    "combinational_of",
    "logic_of",
    "rtl_project",
]
