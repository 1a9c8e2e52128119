"""Graph → RTL through alkaid: its logic, and the project around it."""

from trigml.backends.languages import Language
from trigml.backends.rtl.network import Logic, logic_of
from trigml.backends.rtl.options import RtlOptions
from trigml.backends.rtl.project import RtlProject, rtl_project

__all__ = ["Language", "Logic", "RtlOptions", "RtlProject", "logic_of", "rtl_project"]
