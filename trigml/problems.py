"""What keeps a model from having an exact integer form: one record per broken rule, all told in one go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trigml.errors import BadInput


@dataclass(frozen=True, slots=True)
class Problem:
    """One rule that a model breaks.

    Attributes:
        layer: name of the layer, as the model has it.
        kind: class of the layer.
        what: what is wrong.
        why: why that cannot be exact.
        remedy: the line to change, as code where possible.
    """

    layer: str
    kind: str
    what: str
    why: str
    remedy: str

    def __str__(self) -> str:
        because = f" ({self.why})" if self.why else ""
        return f"{self.layer} ({self.kind}): {self.what}{because}; {self.remedy}"


class NoExactForm(BadInput):
    """A model that breaks rules; ``problems`` has all of them."""

    def __init__(self, model: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            "the model has no exact integer form:\n  - " + "\n  - ".join(map(str, problems)),
            where=f"model {model!r}",
            remedy="trigml preflight MODEL shows all of this as a table",
        )
