"""Tables that set models beside each other: rows are quantities, columns are models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from trigml.errors import BadInput
from trigml.physics.classification import ClassifierPerformance, PerformanceLoss
from trigml.physics.uncertainties import NotMeasured
from trigml.reports.terminal import Grid

T = TypeVar("T")


class Figure(Protocol):
    """What stands in a cell: a measured value, a limit, or why there is none."""

    def to_json(self) -> dict[str, Any]:
        """As plain values."""


@dataclass(frozen=True, slots=True)
class Row:
    """One quantity: its name and one value per column."""

    quantity: str
    values: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Values of several models on the same events; one row per quantity, one column per model."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    below: tuple[str, ...] = ()

    def grid(self) -> Grid:
        """The same as cells of text; why a figure is not there stands below, once for each reason."""
        every = [value for row in self.rows for value in row.values]
        reasons = list(dict.fromkeys(value.reason for value in every if isinstance(value, NotMeasured)))

        def cell(value: Figure) -> str:
            return f"– [{reasons.index(value.reason) + 1}]" if isinstance(value, NotMeasured) else str(value)

        head = ("", *self.columns)
        cells = [head, *((row.quantity, *map(cell, row.values)) for row in self.rows)]
        notes = [f"[{number}] not measured: {reason}" for number, reason in enumerate(reasons, start=1)]
        return Grid(self.title, tuple(cells), "<" + ">" * len(self.columns), (*self.below, *notes))

    def to_text(self) -> str:
        """As aligned plain text, the title first, without a newline at the end."""
        return self.grid().text()

    def to_json(self) -> dict[str, Any]:
        """As plain values: a list of {quantity, values}, the values in the order of ``columns``."""
        rows = [
            {"quantity": row.quantity, "values": [value.to_json() for value in row.values]}
            for row in self.rows
        ]
        return {"title": self.title, "columns": list(self.columns), "rows": rows}


def performance_table(models: Mapping[str, ClassifierPerformance]) -> Table:
    """Set models beside each other that were measured on the same test events.

    Args:
        models: performance by the model's name, in the order of the columns.

    Raises:
        BadInput: nothing to show, or the models differ in events, classes or signal efficiencies: unlike
            figures do not go into one table.
    """
    (first, *others) = _some(models)
    if any(_sample(other) != _sample(first) for other in others):
        raise BadInput(
            "these models were not measured on the same sample",
            where=", ".join(models),
            expected="the same events, classes and signal efficiencies",
            remedy="measure all of them on one test split",
        )
    performances = tuple(models.values())
    rows = [
        Row("accuracy", tuple(performance.accuracy for performance in performances)),
        Row("AUC, mean of classes", tuple(performance.macro_auc for performance in performances)),
    ]
    for index, one in enumerate(first.classes):
        areas = tuple(performance.classes[index].auc for performance in performances)
        rows.append(Row(f"AUC {one.name}", areas))
    for at, point in enumerate(first.classes[0].rejections):
        for index, one in enumerate(first.classes):
            values = tuple(
                performance.classes[index].rejections[at].rejection for performance in performances
            )
            rows.append(Row(f"1/ε_B {one.name} at ε_S = {100 * point.signal_efficiency:g} %", values))
    title = f"{first.n_events:,} test events, each class against all others; statistical uncertainties"
    return Table(title, tuple(models), tuple(rows))


def loss_table(losses: Mapping[str, PerformanceLoss]) -> Table:
    """Set losses beside each other that were measured on the same events.

    Args:
        losses: loss by what is compared, such as ``float − quantised``, in the order of the columns.

    Raises:
        BadInput: nothing to show, or the losses differ in events or classes.
    """
    (first, *others) = _some(losses)
    names = [loss.name for loss in first.classes]
    if any((o.n_events, [c.name for c in o.classes]) != (first.n_events, names) for o in others):
        raise BadInput(
            "these losses were not measured on the same sample",
            where=", ".join(losses),
            expected="the same events and classes",
        )
    rows = [
        Row("accuracy", tuple(loss.accuracy for loss in losses.values())),
        Row("AUC, mean of classes", tuple(loss.macro_auc for loss in losses.values())),
    ]
    for index, name in enumerate(names):
        rows.append(Row(f"AUC {name}", tuple(loss.classes[index].auc for loss in losses.values())))
    title = f"loss on the same {first.n_events:,} test events; uncertainties of the paired differences"
    return Table(title, tuple(losses), tuple(rows))


def _some(columns: Mapping[str, T]) -> list[T]:
    if not columns:
        raise BadInput("no model to put into the table")
    return list(columns.values())


def _sample(performance: ClassifierPerformance) -> tuple[Any, ...]:
    classes = tuple((one.name, one.n_events) for one in performance.classes)
    points = {tuple(r.signal_efficiency for r in one.rejections) for one in performance.classes}
    return performance.n_events, classes, points
