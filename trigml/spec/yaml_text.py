"""Reading YAML strictly: plain data only, no key twice, no anchors, and the line of every key is kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from trigml.errors import BadInput

KeyPath: TypeAlias = tuple[str | int, ...]
LARGEST_TEXT = 1_000_000
DEEPEST_NESTING = 20


class _Loader(yaml.SafeLoader):
    """YAML's safe loader, which also takes ``1e-3`` for a number (YAML 1.2 does; PyYAML wants ``1.0e-3``)."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(?:\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML mapping and where in the text each of its keys and list items stands (lines from 1)."""

    content: Mapping[str, Any]
    lines: Mapping[KeyPath, int]

    def line(self, path: KeyPath) -> int | None:
        """The line of ``path``, or of the nearest key around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)


_EXAMPLE = "name: my_tagger"


def read_yaml_file(path: Path, noun: str, example: str = _EXAMPLE) -> Document:
    """Read a YAML mapping from a file, which messages call a ``noun``; ``example``: a line of such a file.

    Raises:
        BadInput: it is not there, is not a text, is empty, or as ``read_yaml``.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "not a text file in UTF-8"
        raise BadInput(f"cannot read the {noun}: {why}", where=str(path)) from error
    if not text.strip():
        raise BadInput(f"the {noun} is empty", where=str(path), expected=f"keys and values, as '{example}'")
    return read_yaml(text, str(path), example)


def read_yaml(text: str, source: str, example: str = _EXAMPLE) -> Document:
    """Read a YAML mapping.

    Args:
        text: the YAML.
        source: how error messages name the text, for example its file.
        example: a line of such a text, for messages.

    Raises:
        BadInput: broken YAML (with line and column), a key twice, anchors, Python objects, more than one
            document, a text that is too large or nested too deeply, or something else than a mapping.
    """
    if len(text) > LARGEST_TEXT:
        raise BadInput(
            "this YAML file is too large",
            where=source,
            expected=f"at most {LARGEST_TEXT} characters",
            found=str(len(text)),
        )
    lines: dict[KeyPath, int] = {}
    try:
        _refuse_anchors(text, source)
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            _walk(node, (), lines, source)
            content = loader.construct_document(node) if node is not None else None
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise _explained(error, source) from error
    except (ValueError, OverflowError) as error:  # for example a date that does not exist
        raise BadInput("a value of the YAML cannot be read", where=source, found=str(error)) from error
    if not isinstance(content, dict):
        raise BadInput(
            "the file has to be a list of keys and values",
            where=source,
            expected=f"for example '{example}' on a line",
            found="nothing" if content is None else type(content).__name__,
        )
    return Document(content, lines)


def read_yaml_value(text: str, source: str) -> Any:
    """Read one YAML value, as strictly as ``read_yaml`` reads a mapping.

    Raises:
        BadInput: as in ``read_yaml``.
    """
    indented = text.replace("\n", "\n  ")
    return read_yaml(f"value: {indented}", source).content["value"]


def _refuse_anchors(text: str, source: str) -> None:
    """Anchors let a short text stand for a huge document, and these files have nothing to repeat."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST_NESTING:
            raise BadInput("the YAML is nested too deeply", where=_place(source, event.start_mark))
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise BadInput(
                "anchors and aliases (& and *) are not supported",
                where=_place(source, event.start_mark),
                remedy="write the value out, or put text that begins with & or * in quotes",
            )


def _walk(node: yaml.Node | None, path: KeyPath, lines: dict[KeyPath, int], source: str) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise BadInput("a key has to be a word", where=_place(source, key.start_mark))
            if key.value in seen:
                raise BadInput(
                    f"the key {key.value!r} is there twice",
                    where=_place(source, key.start_mark),
                    found=f"the first one on line {seen[key.value]}",
                    remedy="remove one of the two",
                )
            seen[key.value] = line
            lines[(*path, key.value)] = line
            _walk(value, (*path, key.value), lines, source)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            lines[(*path, index)] = value.start_mark.line + 1
            _walk(value, (*path, index), lines, source)


def _place(source: str, mark: Any) -> str:
    return f"{source}, line {mark.line + 1}, column {mark.column + 1}"


def _explained(error: yaml.YAMLError, source: str) -> BadInput:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    what = getattr(error, "problem", None) or str(error).splitlines()[0]
    context = getattr(error, "context", None)
    remedy = None
    if "\\t" in what:
        remedy = "indent with spaces"
    elif "could not determine a constructor" in what:
        remedy = "the file holds plain text, numbers and lists only; remove the tag that begins with '!'"
    return BadInput(
        "this is not valid YAML",
        where=_place(source, mark) if mark is not None else source,
        found=f"{what} ({context})" if context else what,
        remedy=remedy,
    )
