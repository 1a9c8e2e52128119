"""Cutting a design into modules that are mapped by themselves, each in a process of its own.

The logic between two rows of pipeline registers is a module of alkaid's, without registers and without
parameters: nothing can be optimised across the registers, so that each can be mapped alone. What is left,
the registers and the top level, is one more unit. Reading is lexical: a wrong cut cannot give a wrong
count, since Yosys then misses a module, or a cell is left that is none of the family's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from trigml.errors import BadInput

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_MODULE = re.compile(r"\bmodule\s+(\w+)\s*(#?)(.*?)\bendmodule\b", re.DOTALL)
_EDGES = frozenset({"posedge", "negedge"})
_WORD = re.compile(r"\b[A-Za-z_]\w*\b")


@dataclass(frozen=True)
class SourceModule:
    """A module as its text says.

    Attributes:
        name: of the module.
        file: where it is.
        parametrised: whether it has parameters.
        words: every word of its body.
    """

    name: str
    file: str
    parametrised: bool
    words: frozenset[str]


@dataclass(frozen=True)
class Unit:
    """A module that is mapped by itself.

    Attributes:
        top: its name.
        files: sources that it needs.
        boxes: modules in it that are mapped elsewhere.
        box_files: their sources.
    """

    top: str
    files: tuple[str, ...]
    boxes: frozenset[str]
    box_files: tuple[str, ...]


def source_modules(sources: Mapping[str, str]) -> dict[str, SourceModule]:
    """All modules of Verilog sources (name of the file: text).

    Raises:
        BadInput: two modules have the same name.
    """
    found: dict[str, SourceModule] = {}
    for file, text in sources.items():
        for match in _MODULE.finditer(_COMMENT.sub(" ", text)):
            name, parameters, body = match.groups()
            if name in found:
                raise BadInput(f"the module {name} is defined twice", where=f"{found[name].file} and {file}")
            parametrised = bool(parameters) or re.search(r"\bparameter\b", body) is not None
            found[name] = SourceModule(name, file, parametrised, frozenset(_WORD.findall(body)))
    return found


def units_of(top: str, sources: Mapping[str, str]) -> tuple[Unit, ...]:
    """The units of a design, the one with the top module last.

    Args:
        top: the top module.
        sources: name and text of each Verilog file.

    Raises:
        BadInput: there is no such module.
    """
    modules = source_modules(sources)
    if top not in modules:
        raise BadInput(
            f"the sources have no module {top}",
            expected=f"Verilog with a module of that name, in {', '.join(sources) or 'no file'}",
            found=", ".join(modules) or "no module",
        )
    inside = {name: _reached(name, modules) for name in _reached(top, modules)}
    clocked = {name for name in inside if modules[name].words & _EDGES}
    alone = frozenset(
        child
        for parent in clocked
        for child in modules[parent].words & inside.keys()
        if not inside[child] & clocked and _in_a_file_of_its_own(modules[child], modules)
    )
    leaves = [Unit(name, _files(inside[name], modules), frozenset(), ()) for name in sorted(alone)]
    shell = _reached(top, modules, outside=alone)
    return (*leaves, Unit(top, _files(shell, modules), alone, _files(alone, modules)))


def _in_a_file_of_its_own(module: SourceModule, modules: Mapping[str, SourceModule]) -> bool:
    """Whether it can be read as a box: alone in its file, and of one shape."""
    return not module.parametrised and all(
        other is module for other in modules.values() if other.file == module.file
    )


def _reached(
    top: str, modules: Mapping[str, SourceModule], outside: frozenset[str] = frozenset()
) -> frozenset[str]:
    """Modules that ``top`` holds, itself included, without those of ``outside`` and what only they hold."""
    found, open_ = {top}, [top]
    while open_:
        children = modules[open_.pop()].words & modules.keys() - found - outside
        found |= children
        open_.extend(children)
    return frozenset(found)


def _files(names: frozenset[str], modules: Mapping[str, SourceModule]) -> tuple[str, ...]:
    return tuple(sorted({modules[name].file for name in names}))
