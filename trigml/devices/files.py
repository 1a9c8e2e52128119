"""Device files: YAML with parts and boards (docs/devices.md)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from trigml.devices.part import Board, BoardClock, BoardPart, Part
from trigml.errors import BadInput
from trigml.spec.mistakes import Schema
from trigml.spec.yaml_text import read_yaml_file

_Count: TypeAlias = Annotated[int, Field(ge=0, le=10**9)]
_Text: TypeAlias = Annotated[str, Field(min_length=1, max_length=1000)]


def _plain_name(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]{1,63}", name):
        raise ValueError("expected a name of 2 to 64 small letters, digits, '_', '.' and '-'")
    return name


_Name: TypeAlias = Annotated[str, AfterValidator(_plain_name)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class ResourceEntry(_Section):
    """How many cells; what is left out is not known."""

    LUT: _Count | None = None
    FF: _Count | None = None
    CARRY: _Count | None = None
    DSP: _Count | None = None
    BRAM18: _Count | None = None
    URAM: _Count | None = None
    ALM: _Count | None = None
    M20K: _Count | None = None

    @property
    def counts(self) -> dict[str, int]:
        """The known ones."""
        return self.model_dump(exclude_none=True)


class PartEntry(_Section):
    """One part."""

    vendor: _Text
    family: _Text
    aliases: tuple[_Name, ...] = ()
    yosys_family: Literal["xcup", "xcu", "xc7"] | None = None
    resources: ResourceEntry
    regions: Annotated[int, Field(ge=1, le=16)] = 1
    region: ResourceEntry = ResourceEntry()
    source: _Text
    verified: bool = True

    @model_validator(mode="after")
    def _regions_fit(self) -> PartEntry:
        whole = self.resources.counts
        if not whole:
            raise ValueError("expected at least one of the part's resources")
        for name, count in self.region.counts.items():
            if self.regions == 1:
                raise ValueError("expected no region for a part of one region; give regions, too")
            if name not in whole or count * self.regions > whole[name]:
                raise ValueError(
                    f"expected {self.regions} regions of {count} {name} to be no more than the part's "
                    f"{whole.get(name, 'unknown number')}"
                )
        return self


class ClockEntry(_Section):
    """One clock of a board."""

    mhz: Annotated[float, Field(gt=0, le=2000)]
    use: _Text
    source: _Text


class BoardEntry(_Section):
    """One board."""

    title: _Text
    experiment: str = ""
    parts: Annotated[dict[_Name, Annotated[int, Field(ge=1, le=64)]], Field(min_length=1)]
    clocks: tuple[ClockEntry, ...] = ()
    source: _Text
    verified: bool = True


class DeviceFile(_Section):
    """The whole file."""

    parts: dict[_Name, PartEntry] = {}
    boards: dict[_Name, BoardEntry] = {}


_SCHEMA = Schema(DeviceFile, "device file")


def read_device_file(path: Path) -> tuple[tuple[Part, ...], tuple[Board, ...]]:
    """Read the parts and boards of a file.

    Raises:
        BadInput: no such file, broken YAML, an unknown key (with the nearest ones), a missing source, a value
            of a wrong type or out of range, regions that do not fit into their part.
    """
    document = read_yaml_file(path, _SCHEMA.noun)
    try:
        content = DeviceFile.model_validate_json(json.dumps(document.content, default=str))
    except ValidationError as error:
        raise _SCHEMA.explained(error.errors(include_url=False), document, str(path)) from error
    if not content.parts and not content.boards:
        raise BadInput("the device file has neither parts nor boards", where=str(path))
    return (
        tuple(_part(name, entry, str(path)) for name, entry in content.parts.items()),
        tuple(_board(name, entry, str(path)) for name, entry in content.boards.items()),
    )


def _part(name: str, entry: PartEntry, origin: str) -> Part:
    return Part(
        name=name,
        vendor=entry.vendor,
        family=entry.family,
        resources=entry.resources.counts,
        regions=entry.regions,
        region=entry.region.counts,
        yosys_family=entry.yosys_family,
        source=entry.source,
        verified=entry.verified,
        aliases=entry.aliases,
        origin=origin,
    )


def _board(name: str, entry: BoardEntry, origin: str) -> Board:
    return Board(
        name=name,
        title=entry.title,
        experiment=entry.experiment,
        parts=tuple(BoardPart(part, count) for part, count in entry.parts.items()),
        clocks=tuple(BoardClock(clock.mhz, clock.use, clock.source) for clock in entry.clocks),
        source=entry.source,
        verified=entry.verified,
        origin=origin,
    )
