"""What is wrong with a YAML file that does not fit its schema, with the line and the nearest known key."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from trigml.errors import BadInput
from trigml.spec.yaml_text import Document, KeyPath


@dataclass(frozen=True, slots=True)
class Schema:
    """The keys that a YAML file may have.

    Attributes:
        root: the whole file.
        noun: what messages call it.
    """

    root: type[BaseModel]
    noun: str

    def explained(self, errors: Sequence[ErrorDetails], document: Document, source: str) -> BadInput:
        """The first mistake in full, unknown keys before others (they often explain a missing one)."""
        ordered = sorted(errors, key=lambda e: e["type"] != "extra_forbidden")
        first = ordered[0]
        path: KeyPath = tuple(first["loc"])
        line = document.line(path)
        where = f"{source}, line {line}: {dotted(path)}" if line else f"{source}: {dotted(path)}"
        if not path:
            where = source
        near = self.nearest(path) if first["type"] == "extra_forbidden" else []
        around = {dotted(path[:length]) for length in range(len(path) + 1)}
        others = sorted({dotted(tuple(e["loc"])) for e in ordered[1:]} - around - set(near))
        remedy = f"then look at {', '.join(others)}, too" if others else None
        if first["type"] == "extra_forbidden":
            hint = f"did you mean {' or '.join(near)}?" if near else None
            siblings = self._fields_at(path[:-1])
            return BadInput(
                f"unknown key {dotted(path)!r} in the {self.noun}",
                where=where,
                expected=f"one of: {', '.join(siblings)}" if siblings else None,
                found=str(path[-1]),
                remedy="; ".join(part for part in (hint, remedy) if part) or None,
            )
        if first["type"] == "missing":
            return BadInput(
                f"the key {dotted(path)!r} is missing from the {self.noun}", where=where, remedy=remedy
            )
        expected, found = _expectation(first)
        return BadInput(
            f"the value of {dotted(path)!r} cannot be used"
            if path
            else f"the {self.noun} contradicts itself",
            where=where,
            expected=expected,
            found=found,
            remedy=remedy,
        )

    def nearest(self, path: KeyPath) -> list[str]:
        """Known keys that look like ``path``: those of the same section first, then any of a similar name."""
        name = str(path[-1])
        siblings = difflib.get_close_matches(name, self._fields_at(path[:-1]), n=2, cutoff=0.6)
        if siblings:
            return [dotted((*path[:-1], sibling)) for sibling in siblings]
        known = {dotted(key): str(key[-1]) for key in self.key_paths()}
        close = difflib.get_close_matches(name, set(known.values()), n=2, cutoff=0.6)
        by_name = [key for key, last in known.items() if last in close]
        return by_name[:3] or difflib.get_close_matches(dotted(path), known, n=2, cutoff=0.7)

    def section_at(self, path: KeyPath) -> type[BaseModel] | None:
        """The section that ``path`` leads to; ``None`` if it leads to a value or nowhere."""
        section: type[BaseModel] = self.root
        parts = iter(path)
        for part in parts:
            if isinstance(part, int):
                continue
            field = section.model_fields.get(part)
            inner = _section_in(field.annotation) if field else None
            if field is None or inner is None:
                return None
            if get_origin(field.annotation) is dict:
                next(parts, None)  # a name that the user chose
            section = inner
        return section

    def is_list_of_sections(self, path: KeyPath) -> bool:
        """Whether ``path`` leads to a list whose items are sections."""
        parent = self.section_at(path[:-1])
        return parent is not None and get_origin(parent.model_fields[str(path[-1])].annotation) is tuple

    def key_paths(self) -> list[tuple[str, ...]]:
        """Every key of the schema, sections included, without the items of lists."""
        return list(_key_paths(self.root))

    def _fields_at(self, path: KeyPath) -> list[str]:
        section = self.section_at(path)
        return list(section.model_fields) if section else []


def dotted(path: KeyPath) -> str:
    """A path of keys as ``data.files[0]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _expectation(error: ErrorDetails) -> tuple[str, str | None]:
    message = error["msg"].removeprefix("Value error, ")
    for prefix in ("Input should be ", "expected "):
        message = message.removeprefix(prefix)
    value = error["input"]
    found = (
        None if isinstance(value, Mapping | BaseModel) else json.dumps(value, default=str, ensure_ascii=False)
    )
    if found is not None and len(found) > 200:
        found = found[:200] + " …"
    return message, found


def _section_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (tuple, dict, Union, UnionType) or hasattr(annotation, "__metadata__"):
        return next((found for inner in get_args(annotation) if (found := _section_in(inner))), None)
    return None


def _key_paths(section: type[BaseModel], prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every key of the schema, sections included, without the items of lists."""
    for name, field in section.model_fields.items():
        yield (*prefix, name)
        optional = get_origin(field.annotation) in (Union, UnionType)
        inner = _section_in(field.annotation) if optional else field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _key_paths(inner, (*prefix, name))
