"""Loading a spec: from a file or by a shipped one's name, changed by ``--set``, mistakes explained."""

from __future__ import annotations

import copy
import difflib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from trigml.errors import BadInput
from trigml.resources import shipped_folder
from trigml.spec.mistakes import Schema, dotted
from trigml.spec.schema import SPEC_VERSION, Spec
from trigml.spec.yaml_text import Document, read_yaml, read_yaml_value

_SCHEMA = Schema(Spec, "spec")
_SUFFIXES = (".yml", ".yaml")


class _Dumper(yaml.SafeDumper):
    """YAML's safe dumper, with lists of plain values and the features on one line each."""


def _represent_list(dumper: yaml.SafeDumper, values: list[Any]) -> yaml.Node:
    flow = not any(isinstance(value, list | dict) for value in values)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=flow)


def _represent_dict(dumper: yaml.SafeDumper, values: dict[str, Any]) -> yaml.Node:
    flow = "name" in values and not any(isinstance(value, list | dict) for value in values.values())
    return dumper.represent_mapping("tag:yaml.org,2002:map", values, flow_style=flow)


_Dumper.add_representer(list, _represent_list)
_Dumper.add_representer(dict, _represent_dict)


def shipped_specs() -> dict[str, Path]:
    """The specs that come with trigml, by their bare names."""
    return {path.stem: path for path in sorted(shipped_folder("models").glob("*.yml"))}


def load_spec(path_or_name: str | Path) -> Spec:
    """Load a spec from a YAML file, or a shipped one by its bare name.

    A bare name has neither a folder nor ``.yml`` in it. A file of that name in the working directory does not
    hide a shipped spec; name it ``./NAME`` to use it.

    Raises:
        BadInput: no such file or shipped spec (with the nearest names), broken YAML, an unknown key (with the
            nearest keys), a value of a wrong type or out of range.
    """
    text = str(path_or_name)
    if "/" not in text and not text.endswith(_SUFFIXES):
        return _load_file(_shipped(text))
    return _load_file(Path(path_or_name))


def spec_from_text(text: str, source: str) -> Spec:
    """Validate the YAML of a spec; ``source`` is how messages call it.

    Raises:
        BadInput: as ``load_spec``.
    """
    document = read_yaml(text, source)
    _check_version(document, source)
    return _validated(document, source)


def spec_text(spec: Spec) -> str:
    """The spec as YAML with every key written out; ``spec_from_text`` reads it back to an equal spec."""
    content = spec.model_dump(mode="json", exclude_none=True)
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def with_overrides(spec: Spec, overrides: Sequence[str]) -> Spec:
    """A spec with single keys changed, as ``--set`` asks.

    Args:
        spec: the spec to start from; it is not changed.
        overrides: ``key.path=value`` each; values are YAML, and a later one wins.

    Raises:
        BadInput: not of this form, an unknown key (with the nearest keys), a whole section, a bad value.
    """
    if not overrides:
        return spec
    content = copy.deepcopy(spec.model_dump(mode="json"))
    for override in overrides:
        key, equals, value = override.partition("=")
        key = key.strip()
        if not equals or not key:
            raise BadInput(
                "--set wants a key and a value",
                expected="for example --set training.epochs=50",
                found=repr(override),
            )
        path = tuple(key.split("."))
        _refuse_unknown(path, where=f"--set {override}")
        section = content
        for part in path[:-1]:
            if section[part] is None:  # a section that the spec left out
                section[part] = {}
            section = section[part]
        section[path[-1]] = read_yaml_value(value.strip(), f"--set {override}")
    return _validated(Document(content, {}), "--set " + " ".join(overrides))


def with_data_files(spec: Spec, files: Sequence[str]) -> Spec:
    """A spec with other files of events, as ``--data`` asks; without any, the spec as it is."""
    if not files:
        return spec
    content = spec.model_dump(mode="json")
    content["data"]["files"] = list(files)
    return _validated(Document(content, {}), "--data " + " ".join(files))


def _shipped(name: str) -> Path:
    specs = shipped_specs()
    if name in specs:
        return specs[name]
    near = difflib.get_close_matches(name, specs, n=3, cutoff=0.5)
    beside = next((n for n in (name, *(name + s for s in _SUFFIXES)) if Path(n).is_file()), None)
    raise BadInput(
        f"there is no shipped spec {name!r}",
        expected=f"one of: {', '.join(specs)}" if specs else "a file",
        remedy=f"for the file in this folder write ./{beside}"
        if beside
        else f"did you mean {' or '.join(near)}?"
        if near
        else "give the path of a spec file, for example ./my_spec.yml",
    )


def _load_file(path: Path) -> Spec:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        near = difflib.get_close_matches(path.stem, shipped_specs(), n=1, cutoff=0.5)
        raise BadInput(
            "there is no such spec file",
            where=str(path),
            remedy=f"the shipped spec is called {near[0]}" if near else None,
        ) from error
    except UnicodeDecodeError as error:
        raise BadInput("this is not a text file in UTF-8, so not a spec", where=str(path)) from error
    except OSError as error:
        raise BadInput(f"cannot read the spec: {error.strerror or error}", where=str(path)) from error
    return spec_from_text(text, str(path))


def _check_version(document: Document, source: str) -> None:
    version = document.content.get("trigml")
    if type(version) is int and version > SPEC_VERSION:
        raise BadInput(
            "this spec was written for a newer trigml",
            where=source,
            expected=f"trigml: {SPEC_VERSION}",
            found=f"trigml: {version}",
            remedy="install a newer trigml",
        )


def _validated(document: Document, source: str) -> Spec:
    text = json.dumps(document.content, default=str)
    try:
        return Spec.model_validate_json(text)
    except ValidationError as error:
        raise _SCHEMA.explained(error.errors(include_url=False), document, source) from error


def _refuse_unknown(path: tuple[str, ...], where: str) -> None:
    known = path in _SCHEMA.key_paths()
    section = _SCHEMA.section_at(path) if known else None
    if known and (section is None or _SCHEMA.is_list_of_sections(path)):
        return
    if section is not None:
        raise BadInput(
            f"{dotted(path)!r} is a section; --set changes one key at a time",
            where=where,
            expected=f"one of: {', '.join(f'{dotted(path)}.{name}' for name in section.model_fields)}",
        )
    near = _SCHEMA.nearest(path)
    raise BadInput(
        f"unknown key {dotted(path)!r}",
        where=where,
        expected=None if near else f"one of: {', '.join(Spec.model_fields)}",
        remedy=f"did you mean {' or '.join(near)}?" if near else None,
    )
