"""Values of a spec's keys: their types, ranges, and what is said of a wrong one."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from trigml.frontends.names import usable_as_top
from trigml.spec.limits import AmountLimit, TimeLimit

AUTO: Literal["auto"] = "auto"
"""A number of integer bits that training chooses from the data; a run's own spec has the numbers."""

MAX_BITS = 16
"""Widest weights and activations: single-precision training is exact far beyond, QKeras is slow there."""


def _integer_bits(least: int) -> BeforeValidator:
    """``auto``, one number for all layers, or one number per layer."""

    def check(value: Any) -> Any:
        numbers = value if isinstance(value, list | tuple) else [value]
        good = bool(numbers) and all(type(n) is int and least <= n <= MAX_BITS for n in numbers)
        if value != AUTO and not good:
            raise ValueError(
                f"expected 'auto', an integer from {least} to {MAX_BITS}, or a list with one per layer"
            )
        return tuple(value) if isinstance(value, list) else value

    return BeforeValidator(check)


def _free_in_cpp(name: str) -> str:
    if not usable_as_top(name):
        raise ValueError(
            "expected a name that is free in C++ and in generated code, where it becomes the top function; "
            f"for example {name}_net"
        )
    return name


def unique(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The values, if no name is among them twice; a ``ValueError`` names those that are."""
    names = [getattr(value, "name", value) for value in values]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"expected each name once, but {', '.join(map(repr, repeated))} is repeated")
    return values


def power_of_two(value: float) -> float:
    """The value, if it is a power of two from 2^-16 to 2^16."""
    if not 2**-16 <= value <= 2**16 or math.frexp(value)[0] != 0.5:
        raise ValueError("expected a power of two from 2^-16 to 2^16, such as 0.0625")
    return value


def _time(value: Any) -> Any:
    return None if value is None else str(TimeLimit.parse(value))


def _interval(value: Any) -> Any:
    """A time, or a whole number of cycles."""
    return _time(f"{value} cycles" if type(value) is int and value > 0 else value)


def _amount(value: Any) -> Any:
    return None if value is None else AmountLimit.parse(value).written


IntegerBits: TypeAlias = int | tuple[int, ...] | Literal["auto"]
SignedInteger: TypeAlias = Annotated[IntegerBits, _integer_bits(1)]  # QKeras cannot take fewer
UnsignedInteger: TypeAlias = Annotated[IntegerBits, _integer_bits(0)]
Bits: TypeAlias = Annotated[int, Field(ge=2, le=MAX_BITS)]
Fraction: TypeAlias = Annotated[float, Field(gt=0, lt=1)]
Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=128)]
TopName: TypeAlias = Annotated[
    str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$"), AfterValidator(_free_in_cpp)
]
Part: TypeAlias = Annotated[
    str, Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/-]*$")  # it becomes a word of Tcl
]

Time: TypeAlias = Annotated[str | None, BeforeValidator(_time)]
Interval: TypeAlias = Annotated[str | None, BeforeValidator(_interval)]
Amount: TypeAlias = Annotated[int | str | None, BeforeValidator(_amount)]


class Section(BaseModel):
    """A section of a spec: unknown keys, values of another type and changes later are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
