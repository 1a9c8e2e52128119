"""The records of broken rules, where frontends used to keep them."""

from trigml.problems import NoExactForm, Problem

__all__ = ["NoExactForm", "Problem"]
