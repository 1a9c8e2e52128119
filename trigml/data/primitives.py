"""Trigger primitives as a YAML file: how the cells of a calorimeter become the words of its trigger."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import Field, ValidationError, ValidationInfo, field_validator

from trigml.data.layout import Provenance
from trigml.data.shower_files import Shape
from trigml.errors import BadInput
from trigml.physics.trigger_cells import TriggerGrid, WordFormat, centred_groups
from trigml.physics.trigger_primitives import TriggerCalorimeter, TriggerPrimitives
from trigml.spec.fields import Section
from trigml.spec.mistakes import Schema
from trigml.spec.yaml_text import Document, read_yaml_file, read_yaml_value

DEFAULT_PRIMITIVES = Path(__file__).parent / "packaged" / "trigger_primitives.yml"

_LONGEST = 4096
_Length: TypeAlias = Annotated[int, Field(ge=1, le=_LONGEST)]
Lengths: TypeAlias = _Length | Annotated[tuple[_Length, ...], Field(min_length=1, max_length=_LONGEST)]


def _checked_lengths(value: Any) -> Any:
    """Say what is wrong with lengths in plain words, before the types of which they may be are tried."""
    value = (
        tuple(value) if isinstance(value, list) else value
    )  # a strict validator takes no list from here on
    lengths = value if isinstance(value, tuple) else (value,)
    if not lengths or not all(type(one) is int and 1 <= one <= _LONGEST for one in lengths):
        raise ValueError(f"a whole number from 1 to {_LONGEST}, or a list of such numbers")
    return value


class LayerWeight(Section):
    """So many consecutive layers have this weight."""

    layers: _Length
    weight: Annotated[float, Field(ge=0)]


class Towers(Section):
    """Towers that differ between y and x."""

    y: Lengths
    x: Lengths

    _plainly = field_validator("y", "x", mode="before")(_checked_lengths)


class CalorimeterKeys(Section):
    """The keys of ``ecal`` and ``hcal``.

    Attributes:
        segments: how many layers each depth segment has, from the front; one number: all have so many, the
            last one what is left.
        towers: how many cells each tower has, along y and along x; one number: all have so many, about the
            middle of the window, smaller ones at its ends.
        layer_weights: one entry for consecutive layers of one weight; none: all layers count once.
        scale: GeV per MeV of weighted deposits.
        noise: standard deviation in GeV of a trigger cell's noise.
        zero_below: words below this are 0.
    """

    segments: Lengths
    towers: Lengths | Towers
    layer_weights: tuple[LayerWeight, ...] = ()
    scale: Annotated[float, Field(gt=0)]
    noise: Annotated[float, Field(ge=0)] = 0.0
    zero_below: Annotated[int, Field(ge=0)] = 0

    @field_validator("segments", "towers", mode="before")
    @classmethod
    def _plainly(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, Towers):
            return value
        if info.field_name == "segments" or not isinstance(value, dict):
            return _checked_lengths(value)
        if set(value) != {"y", "x"}:
            raise ValueError("one number or list for both y and x, or {y: …, x: …}")
        return Towers(y=_checked_lengths(value["y"]), x=_checked_lengths(value["x"]))

    def fitted(self, name: str, cells: Shape, lsb: float, bits: int) -> TriggerCalorimeter:
        """The steps for a calorimeter of (layers, y, x) cells; ``name`` is what messages call it.

        Raises:
            BadInput: segments, towers or weights are not those of so many cells.
        """
        towers = self.towers if isinstance(self.towers, Towers) else Towers(y=self.towers, x=self.towers)
        grid = TriggerGrid(
            layers=_segments(self.segments, cells[0], name),
            y=_towers(towers.y, cells[1], f"{name} (y)"),
            x=_towers(towers.x, cells[2], f"{name} (x)"),
        )
        weights: tuple[float, ...] = tuple(w.weight for w in self.layer_weights for _ in range(w.layers))
        if self.layer_weights:
            _check_sum(len(weights), cells[0], f"{name}.layer_weights", "layers")
        word = WordFormat(lsb, bits, self.zero_below)
        return TriggerCalorimeter(grid, weights or None, self.scale, self.noise, word)


class PrimitivesFile(Section):
    """The whole file.

    Attributes:
        lsb: of all words, in GeV.
        bits: of a word, without sign.
        feature_bits: significant binary digits of the features in the file; ``None``: all.
        ecal, hcal: ``hcal`` may be left out.
    """

    lsb: Annotated[float, Field(gt=0)]
    bits: Annotated[int, Field(ge=1, le=16)]
    feature_bits: Annotated[int, Field(ge=2, le=24)] | None = None
    ecal: CalorimeterKeys
    hcal: CalorimeterKeys | None = None

    def fitted(self, ecal: Shape, hcal: Shape | None) -> TriggerPrimitives:
        """The primitives of a calorimeter with (layers, y, x) cells.

        Raises:
            BadInput: they are for another calorimeter.
        """
        if self.hcal is not None and hcal is None:
            raise BadInput(
                "the showers have no HCAL",
                expected="an HCAL, since the trigger primitives have one",
                remedy="--set hcal=null, or a file of trigger primitives without hcal",
            )
        return TriggerPrimitives(
            ecal=self.ecal.fitted("ecal", ecal, self.lsb, self.bits),
            hcal=None
            if self.hcal is None or hcal is None
            else self.hcal.fitted("hcal", hcal, self.lsb, self.bits),
        )


_SCHEMA = Schema(PrimitivesFile, "trigger primitives")


def load_primitives(path: Path = DEFAULT_PRIMITIVES, changes: Sequence[str] = ()) -> PrimitivesFile:
    """Read trigger primitives from a YAML file, and change single keys (``ecal.noise=0``, ``hcal=null``).

    Raises:
        BadInput: no such file, broken YAML, an unknown key (with the nearest ones), a value of a wrong type
            or out of range.
    """
    document = read_yaml_file(path, _SCHEMA.noun)
    primitives = _validated(document, str(path))
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals or not key.strip():
            raise BadInput(
                "--set wants a key and a value", expected="for example --set ecal.noise=0", found=repr(change)
            )
        content: Any = copy.deepcopy(primitives.model_dump(mode="json"))
        section, where = content, f"--set {change}"
        *parents, last = key.strip().split(".")
        for part in parents:
            section = section.setdefault(part, {}) if isinstance(section, dict) else None
        if not isinstance(section, dict):
            raise BadInput(f"{'.'.join(parents)} has no keys", where=where)
        section[last] = read_yaml_value(value.strip(), where)
        primitives = _validated(Document(content, {}), where)
    return primitives


def described(primitives: TriggerPrimitives, feature_bits: int | None) -> Provenance:
    """Every step in words, for the provenance of the events."""
    parts = primitives.parts
    word = parts[0][1].word
    lsb = f"{Fraction(word.lsb)}" if math.frexp(word.lsb)[0] == 0.5 else f"{word.lsb:g}"
    suppressed = " and ".join(f"{part.word.zero_below} ({name})" for name, part in parts)
    features = "as computed" if feature_bits is None else str(feature_bits)
    return {
        "trigger_cells": "layers: "
        + ", ".join(f"{name} {part.grid.layers}" for name, part in parts)
        + "; towers: "
        + ", ".join(f"{name} {_towers_text(part.grid)}" for name, part in parts),
        "scale": "GeV per MeV: "
        + ", ".join(f"{name} {part.scale}{_weights_text(part.weights)}" for name, part in parts),
        "noise": "Gaussian, per trigger cell: "
        + ", ".join(f"{name} {part.noise} GeV" for name, part in parts),
        "words": f"LSB {lsb} GeV, {word.bits} bits without sign; words below {suppressed} are 0",
        "significant_bits": f"features {features}, words exact",
    }


def _validated(document: Document, source: str) -> PrimitivesFile:
    try:
        return PrimitivesFile.model_validate_json(json.dumps(document.content, default=str))
    except ValidationError as error:
        raise _SCHEMA.explained(error.errors(include_url=False), document, source) from error


def _segments(wanted: Lengths, n_layers: int, name: str) -> tuple[int, ...]:
    if isinstance(wanted, int):
        whole, rest = divmod(n_layers, wanted)
        return (*(wanted,) * whole, *(rest,) * (rest > 0))
    _check_sum(sum(wanted), n_layers, f"{name}.segments", "layers")
    return wanted


def _towers(wanted: Lengths, n_cells: int, name: str) -> tuple[int, ...]:
    if isinstance(wanted, int):
        if wanted > n_cells:
            raise BadInput(
                "the towers are larger than the window of the showers",
                where=name.replace(" ", ".towers "),
                expected=f"at most {n_cells} cells, as there are in the showers",
                found=f"{wanted} cells",
            )
        return centred_groups(n_cells, wanted)
    _check_sum(sum(wanted), n_cells, f"{name.replace(' ', '.towers ')}", "cells")
    return wanted


def _check_sum(found: int, expected: int, where: str, what: str) -> None:
    if found != expected:
        raise BadInput(
            "the trigger primitives are for another calorimeter",
            where=where,
            expected=f"{expected} {what}, as in the showers",
            found=f"{found} {what}",
            remedy="--set, or a file of trigger primitives for these showers (trigml data primitives)",
        )


def _towers_text(grid: TriggerGrid) -> str:
    if set(grid.y) == set(grid.x) == {1}:
        return f"{len(grid.y)} x {len(grid.x)}"
    return f"{grid.y} squared" if grid.y == grid.x else f"{grid.y} x {grid.x}"


def _weights_text(weights: tuple[float, ...] | None) -> str:
    if weights is None or set(weights) == {1.0}:
        return ""
    last = sum(weight == weights[-1] for weight in weights)
    if weights == (1.0,) * (len(weights) - last) + (weights[-1],) * last:
        times = "twice" if weights[-1] == 2 else f"times {weights[-1]:g}"
        return f" (last {last} layers {times})"
    return f" (layers times {', '.join(f'{weight:g}' for weight in weights)})"
