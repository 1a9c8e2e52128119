"""All known devices: those that come with trigml and those of a user's own files."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trigml.devices.part import Board, Part
from trigml.errors import BadInput

DEVICES_VARIABLE = "TRIGML_DEVICES"
"""Environment variable with a user's own device files, separated as in ``PATH``."""

_SHIPPED = Path(__file__).parent / "data"
_AMD_REST = re.compile(r"-?[a-z]{2,4}[0-9]{3,4}(?:-(?P<speed>[0-9][a-z]*))?(?:-[a-z0-9-]+)?")
"""Package, speed grade and temperature grade behind a device: ``-flga2577-2-e``, ``tffg1927-2``."""
_ALTERA_REST = re.compile(r"[a-z]{0,2}[0-9]?[a-z][0-9]{2}[a-z]?[0-9]?[a-z](?P<speed>[0-9])[a-z]*[0-9]*")
"""Options, package, temperature and speed grade behind a device: ``n2f45e1sg``, ``r24a2e2v``."""


@dataclass(frozen=True)
class Devices:
    """Parts and boards by name.

    Attributes:
        parts: in the order of their files.
        boards: likewise.
    """

    parts: tuple[Part, ...]
    boards: tuple[Board, ...]

    def part(self, name: str) -> Part:
        """The part of a name, in any case: with or without package, speed grade and ``xc``, or a board's.

        Raises:
            BadInput: no such part (with the nearest names), a board with several kinds of parts, a family.
        """
        wanted = name.strip().lower()
        for part in self.parts:
            for known in _names(part):
                speed = _speed_behind(wanted, known)
                if speed is not None:
                    return replace(part, speed=speed)
        board = next((board for board in self.boards if board.name == wanted), None)
        if board is None:
            raise self._unknown(name, "part")
        if len(board.parts) > 1:
            raise BadInput(
                f"the board {board.name} has more than one kind of part",
                expected=f"one of: {', '.join(part.part for part in board.parts)}",
                found=name,
            )
        return self.part(board.parts[0].part)

    def find(self, name: str) -> Part | Board:
        """The board or part of a name.

        Raises:
            BadInput: neither.
        """
        board = next((board for board in self.boards if board.name == name.strip().lower()), None)
        return self.part(name) if board is None else board

    def _unknown(self, name: str, kind: str) -> BadInput:
        letters = _letters(name)
        family = [part.name for part in self.parts if len(letters) > 4 and letters in _letters(part.family)]
        if family:
            return BadInput(
                f"{name!r} is a family, not a {kind}", expected=f"one of its parts: {', '.join(family)}"
            )
        names = [part.name for part in self.parts] + [board.name for board in self.boards]
        spellings = {spelling: part.name for part in self.parts for spelling in _names(part)}
        spellings |= {board.name: board.name for board in self.boards}
        head = name.strip().lower().split("-")[0]
        near = [spellings[s] for s in difflib.get_close_matches(head, spellings, n=4, cutoff=0.6)]
        near = list(dict.fromkeys(near))[:3]
        return BadInput(
            f"there is no {kind} {name!r} among the known devices",
            expected=f"one of: {', '.join(names)}",
            remedy=(f"did you mean {' or '.join(near)}? " if near else "")
            + f"your own device file adds to them: --devices FILE or {DEVICES_VARIABLE} (docs/devices.md)",
        )


def load_devices(files: Sequence[Path] = ()) -> Devices:
    """The devices that come with trigml, those of the files in ``TRIGML_DEVICES``, and those of ``files``.

    Raises:
        BadInput: a file that cannot be used, a name that is there already, a board with an unknown part.
    """
    from trigml.devices.files import read_device_file

    parts: list[Part] = []
    boards: list[Board] = []
    for path in dict.fromkeys([*sorted(_SHIPPED.glob("*.yml")), *_of_environment(), *files]):
        more_parts, more_boards = read_device_file(path)
        for part in more_parts:
            _refuse_twice("part", _names(part), part.origin, parts, boards)
            parts.append(part)
        for board in more_boards:
            _refuse_twice("board", (board.name,), board.origin, parts, boards)
            boards.append(board)
    devices = Devices(tuple(parts), tuple(boards))
    known = {part.name for part in parts}
    for board in boards:
        for kind in board.parts:
            if kind.part not in known:
                near = difflib.get_close_matches(kind.part, known, n=1)
                raise BadInput(
                    f"the board {board.name} has a part that is not known",
                    where=f"{board.origin}: boards.{board.name}.parts",
                    expected=f"one of: {', '.join(sorted(known))}",
                    found=kind.part,
                    remedy=f"did you mean {near[0]}?" if near else "describe it under parts",
                )
    return devices


def find_part(name: str, files: Sequence[Path] = ()) -> Part:
    """The part of a name, as ``Devices.part``; ``files``: device files besides the known ones.

    Raises:
        BadInput: as ``load_devices`` and ``Devices.part``.
    """
    return load_devices(files).part(name)


def _of_environment() -> list[Path]:
    return [Path(name) for name in os.environ.get(DEVICES_VARIABLE, "").split(os.pathsep) if name]


def _names(part: Part) -> tuple[str, ...]:
    """What a part can be called: its name and aliases; without ``xc``, too, as in Vivado's reports."""
    given = (part.name, *part.aliases)
    return tuple(dict.fromkeys([*given, *(n[2:] for n in given if n.startswith("xc") and len(n) > 4)]))


def _speed_behind(wanted: str, known: str) -> str | None:
    """Speed grade in a full name of a device, empty if there is none; ``None`` if it is another device."""
    if wanted == known:
        return ""
    if not wanted.startswith(known):
        return None
    for form in (_AMD_REST, _ALTERA_REST):
        found = form.fullmatch(wanted[len(known) :])
        if found is not None:
            return (found["speed"] or "").upper()
    return None


def _refuse_twice(
    kind: str, names: Iterable[str], origin: str, parts: Sequence[Part], boards: Sequence[Board]
) -> None:
    taken = {name: part.origin for part in parts for name in _names(part)}
    taken |= {board.name: board.origin for board in boards}
    for name in names:
        if name in taken:
            raise BadInput(
                f"the {kind} {name!r} is there twice",
                where=origin,
                found=f"the first one in {taken[name]}",
                remedy="leave it out, or give yours another name",
            )


def _letters(text: str) -> str:
    return re.sub(r"[^a-z0-9+]", "", text.lower())
