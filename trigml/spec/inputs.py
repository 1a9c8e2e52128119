"""The ``inputs`` section of a spec: columns and cells, and how their values become words."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from trigml.contract import LARGEST_SHIFT
from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint, Overflow, Rounding
from trigml.spec.fields import Name, Section, unique

MOST_CELLS = 4096


def _shape(value: Any) -> Any:
    """Three lengths."""
    if not isinstance(value, list | tuple) or [type(n) for n in value] != [int] * 3 or min(value) < 1:
        raise ValueError("expected three lengths from 1: segments, rows (y) and columns (x)")
    return tuple(value)


Image: TypeAlias = Annotated[tuple[int, int, int], BeforeValidator(_shape)]
"""Lengths of a calorimeter's image: depth segments, rows (y) and columns (x)."""


def _named_feature(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def _offsets(value: Any) -> Any:
    """One number, or a list of them."""
    numbers = value if isinstance(value, list | tuple) else [value]
    if value is not None and not all(type(n) in (int, float) and math.isfinite(n) for n in numbers):
        raise ValueError("expected a number, or a list with one per cell")
    return tuple(map(float, value)) if isinstance(value, list) else value


def _shifts(value: Any) -> Any:
    """One shift, or a list of them."""
    numbers = value if isinstance(value, list | tuple) else [value]
    if value is not None and not all(type(n) is int and abs(n) <= LARGEST_SHIFT for n in numbers):
        raise ValueError(
            f"expected an integer from -{LARGEST_SHIFT} to {LARGEST_SHIFT}, or a list with one per cell"
        )
    return tuple(value) if isinstance(value, list) else value


def _fixed_point(value: str) -> str:
    try:
        format_ = FixedPoint.parse(value)
    except BadInput as error:
        raise ValueError(f"expected {error.expected}") from error
    if format_.rounding is not Rounding.RND_CONV or format_.overflow not in (Overflow.SAT, Overflow.SAT_SYM):
        raise ValueError("expected an input format that rounds with RND_CONV and saturates with SAT")
    if not 2 <= format_.width <= 24 or not format_.signed:
        raise ValueError("expected a signed input format of 2 to 24 bits")
    if not 1 <= format_.integer <= 24:
        raise ValueError("expected an input format with 1 to 24 integer bits, the sign included")
    return str(format_)


class FeatureSpec(Section):
    """One input: the column, and how its values become words (fitted on training events if left out)."""

    name: Name
    offset: float | None = None
    shift: Annotated[int, Field(ge=-LARGEST_SHIFT, le=LARGEST_SHIFT)] | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> FeatureSpec:
        if (self.offset is None) != (self.shift is None):
            raise ValueError("expected offset and shift together, or neither of them")
        return self


class CellsSpec(Section):
    """Inputs from a column with several numbers per event: one word for each of its cells.

    ``offset`` and ``shift`` are one number for all cells, or a list with one per cell. ``images`` are the
    shapes (segment, y, x) of the images that the cells hold one after the other, in C order.
    """

    column: Name
    first: Annotated[int, Field(ge=0)] = 0
    count: Annotated[int, Field(ge=1, le=MOST_CELLS)] | None = None
    scale: Literal["shared", "each"] = "shared"
    offset: Annotated[float | tuple[float, ...] | None, BeforeValidator(_offsets)] = None
    shift: Annotated[int | tuple[int, ...] | None, BeforeValidator(_shifts)] = None
    images: tuple[Image, ...] = ()

    @model_validator(mode="after")
    def _fit_together(self) -> CellsSpec:
        if (self.offset is None) != (self.shift is None):
            raise ValueError("expected offset and shift together, or neither of them")
        for name, values in (("offset", self.offset), ("shift", self.shift)):
            if isinstance(values, tuple) and len(values) != self.count:
                raise ValueError(f"expected as many numbers in {name} as count says, not {len(values)}")
        if self.images and self.count is not None and self.image_cells != self.count:
            raise ValueError(
                f"expected images with {self.count} cells together, as count says, not {self.image_cells}"
            )
        return self

    @property
    def image_cells(self) -> int:
        """Cells of all images together; 0 if there are none."""
        return sum(math.prod(image) for image in self.images)

    def names(self, count: int) -> tuple[str, ...]:
        """What the cells are called as inputs, if there are so many."""
        return tuple(f"{self.column}[{index}]" for index in range(self.first, self.first + count))


class InputsSpec(Section):
    """The words that arrive at the network: first the features, then the cells."""

    format: Annotated[str, AfterValidator(_fixed_point)]
    features: Annotated[
        tuple[Annotated[FeatureSpec, BeforeValidator(_named_feature)], ...], AfterValidator(unique)
    ] = ()
    cells: CellsSpec | None = None

    @model_validator(mode="after")
    def _not_empty(self) -> InputsSpec:
        if not self.features and self.cells is None:
            raise ValueError("expected features, cells or both in inputs")
        return self

    @property
    def fixed_point(self) -> FixedPoint:
        """The format of every input word."""
        return FixedPoint.parse(self.format)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns and cells, in the order of the network's ports.

        Raises:
            BadInput: how many cells there are is still left to the files.
        """
        names = tuple(feature.name for feature in self.features)
        if self.cells is None:
            return names
        if self.cells.count is None:
            raise BadInput("the spec is not resolved: the number of its cells is still left to the files")
        return names + self.cells.names(self.cells.count)
