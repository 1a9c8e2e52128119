"""Which programs of the vendors are on this machine."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Program:
    """One way to call a tool.

    Attributes:
        name: of the executable.
        arguments: with ``{top}`` for the name of the top level.
    """

    name: str
    arguments: tuple[str, ...]

    def command(self, path: str, top: str) -> list[str]:
        """The command line."""
        return [path, *(argument.replace("{top}", top) for argument in self.arguments)]


@dataclass(frozen=True)
class Tool:
    """A tool, under all the names that its versions have.

    Attributes:
        title: what people call it.
        programs: its names, the newest first.
        also: programs that it calls itself, and that have to be there, too.
        setup: what makes it available.
    """

    title: str
    programs: tuple[Program, ...]
    also: tuple[str, ...] = ()
    setup: str = "source the settings script of its installation"


@dataclass(frozen=True)
class NotInstalled:
    """A tool that is not on this machine.

    Attributes:
        tool: its name.
        looked_for: the programs that were looked for on PATH.
        instead: what the report uses instead.
    """

    tool: str
    looked_for: tuple[str, ...]
    instead: str

    @property
    def text(self) -> str:
        """One line for people."""
        names = " or ".join(self.looked_for)
        return f"{self.tool} is not installed (looked for {names} on PATH): {self.instead}"


@dataclass(frozen=True)
class FoundTool:
    """A tool on this machine.

    Attributes:
        program: how it is called.
        path: the executable.
    """

    program: Program
    path: str


def find_tool(tool: Tool, instead: str) -> FoundTool | NotInstalled:
    """Look for a tool on PATH.

    Args:
        tool: the tool.
        instead: what the report uses without it.
    """
    for name in tool.also:
        if shutil.which(name) is None:
            return NotInstalled(tool.title, (name,), instead)
    for program in tool.programs:
        path = shutil.which(program.name)
        if path is not None:
            return FoundTool(program, str(Path(path).absolute()))
    return NotInstalled(tool.title, tuple(program.name for program in tool.programs), instead)
