"""A budget in a YAML file of its own, with the keys of a spec's ``budget`` section."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from trigml.errors import BadInput
from trigml.spec.firmware import BudgetSpec
from trigml.spec.mistakes import Schema
from trigml.spec.yaml_text import read_yaml_file

_SCHEMA = Schema(BudgetSpec, "budget")
_EXAMPLE = "latency: 4 BX"


@dataclass(frozen=True, slots=True)
class Limits:
    """A budget, and where it is from.

    Attributes:
        budget: the limits; without a part, on whatever part a project is for.
        file: name of the file that it is from; empty: it is that of a spec, or asks for nothing.
    """

    budget: BudgetSpec = field(default_factory=BudgetSpec)
    file: str = ""

    @classmethod
    def of_file(cls, path: Path) -> Limits:
        """Those of a file.

        Raises:
            BadInput: as ``load_budget``.
        """
        return cls(load_budget(path), path.name)


def load_budget(path: Path) -> BudgetSpec:
    """Load the limits that firmware has to keep.

    Raises:
        BadInput: no such file, broken YAML, an unknown key (with the nearest ones), a value of a wrong type
            or out of range, or no limit at all.
    """
    document = read_yaml_file(path, _SCHEMA.noun, _EXAMPLE)
    try:
        budget = BudgetSpec.model_validate_json(json.dumps(document.content, default=str))
    except ValidationError as error:
        raise _SCHEMA.explained(error.errors(include_url=False), document, str(path)) from error
    if not budget.asks:
        raise BadInput(
            "the budget asks for nothing",
            where=str(path),
            expected=f"a limit of latency, initiation_interval or resources, for example '{_EXAMPLE}'",
        )
    return budget
