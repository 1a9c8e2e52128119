"""Converting tables (CSV, NPZ, ROOT trees) into files of events in the layout ``trigml-events``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trigml.data.layout import Column, EventsWriter, Provenance
from trigml.data.names import did_you_mean
from trigml.data.tables import Kind, Table, TableColumn, Wanted, column_of, open_table
from trigml.errors import BadInput
from trigml.progress import Progress, Silent, Task

_BATCH_ROWS = 16384
_MOST_CLASSES = 256


@dataclass(frozen=True, slots=True)
class ConvertInput:
    """A file to convert; with a ``class_name``, all its events are of that class."""

    path: Path
    class_name: str | None = None


@dataclass(frozen=True, slots=True)
class ConvertOptions:
    """Which columns of the tables become what.

    Attributes:
        features: columns that become features; ``None``: all with one number per row that have no other use.
        constituents: columns with several numbers per row that become constituents.
        n_constituents: K; shorter rows are padded with zeros, longer ones cut.
        label: the column with the class, as text or number.
        class_names: the classes in the order of their labels; numbers in ``label`` count from 0. ``None``:
            the classes of the inputs in their order, or the different values of ``label``, sorted.
        event_id: the column with the number of the collision; ``None``: rows are numbered from 0.
        units: column → unit.
        title: one line for people; ``None``: made from the names of the files.
        tree: the tree to read in ROOT files; ``None``: the only one.
        provenance: where the events come from.
    """

    features: tuple[str, ...] | None = None
    constituents: tuple[str, ...] = ()
    n_constituents: int = 0
    label: str | None = None
    class_names: tuple[str, ...] | None = None
    event_id: str | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    title: str | None = None
    tree: str | None = None
    provenance: Provenance = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Conversion:
    """What ``convert`` made; ``event_id`` says where the ids come from, ``left_out`` names unused columns."""

    output: str
    n_events: int
    features: tuple[str, ...]
    constituents: tuple[str, ...]
    n_constituents: int
    class_names: tuple[str, ...] | None
    event_id: str
    left_out: tuple[str, ...]


def parse_input(text: str) -> ConvertInput:
    """``FILE`` or ``CLASS=FILE``."""
    match = re.fullmatch(r"([^=/\\]+)=(.+)", text)
    if match is None or Path(text).exists():
        return ConvertInput(Path(text))
    return ConvertInput(Path(match.group(2)), match.group(1))


def convert(
    inputs: Sequence[ConvertInput],
    output: Path,
    options: ConvertOptions | None = None,
    *,
    force: bool = False,
    progress: Progress | None = None,
) -> Conversion:
    """Convert tables into one file of events, some rows at a time.

    Floating-point columns are stored as float32, integers in their own type (those of CSV files as float32).

    Raises:
        BadInput: no inputs, an output that exists (without ``force``), options that contradict each other,
            columns that are missing (with the nearest names), values that are not numbers, NaN or infinite
            (with file and line), unknown classes, a file that cannot be read or written.
    """
    chosen = options or ConvertOptions()
    listener = progress or Silent()
    _check_options(inputs, output, chosen, force)
    tables = [open_table(item.path, chosen.tree) for item in inputs]
    features = _features(tables[0], chosen)
    for table in tables:
        for name in (*features, *chosen.constituents):
            _check_numeric(column_of(table, name), table)
        for other in filter(None, (chosen.label, chosen.event_id)):
            column_of(table, other)
    class_names = _class_names(inputs, tables, chosen, listener)
    writer = EventsWriter(
        output,
        title=chosen.title or "Events from " + _names_of(inputs),
        features=[_column(tables, name, chosen) for name in features],
        constituents=[_column(tables, name, chosen) for name in chosen.constituents],
        n_constituents=chosen.n_constituents,
        class_names=class_names,
        provenance={"converted_from": _names_of(inputs), **chosen.provenance},
    )
    rows = [table.n_rows for table in tables]
    total = None if None in rows else float(sum(row or 0 for row in rows))
    with writer, listener.task("Converting", total) as task:
        for item, table in zip(inputs, tables, strict=True):
            _append_table(writer, table, item, chosen, task)
    used = {*features, *chosen.constituents, chosen.label, chosen.event_id}
    return Conversion(
        output=str(output),
        n_events=writer.n_events,
        features=features,
        constituents=chosen.constituents,
        n_constituents=chosen.n_constituents,
        class_names=class_names,
        event_id=f"column {chosen.event_id}" if chosen.event_id else "running number of the row, from 0",
        left_out=tuple(column.name for column in tables[0].columns if column.name not in used),
    )


def _check_options(
    inputs: Sequence[ConvertInput], output: Path, options: ConvertOptions, force: bool
) -> None:
    if not inputs:
        raise BadInput("no files to convert were named")
    if output.exists() and not force:
        raise BadInput(
            "the output exists already", where=str(output), remedy="choose another name, or --force"
        )
    named = [item for item in inputs if item.class_name is not None]
    if named and (len(named) < len(inputs) or options.label is not None):
        raise BadInput(
            "it is not clear which class the events have",
            expected="CLASS=FILE for every input, or a label column, or neither",
            found=", ".join(f"{item.class_name or '(no class)'}={item.path}" for item in inputs)
            + (f"; label column {options.label!r}" if options.label else ""),
        )
    if bool(options.constituents) != (options.n_constituents > 0):
        raise BadInput(
            "constituent columns and their number go together",
            found=f"columns: {', '.join(options.constituents) or 'none'}; number: {options.n_constituents}",
        )
    uses = [*(options.features or ()), *options.constituents, options.label, options.event_id]
    for name in filter(None, uses):
        if uses.count(name) > 1:
            raise BadInput(f"the column {name!r} is given two uses")


def _features(table: Table, options: ConvertOptions) -> tuple[str, ...]:
    if options.features is not None:
        features = options.features
    else:
        taken = {options.label, options.event_id, *options.constituents}
        features = tuple(
            column.name
            for column in table.columns
            if column.numeric and not column.nested and column.name not in taken
        )
    for name in options.units:
        if name not in (*features, *options.constituents):
            raise BadInput(
                f"a unit is given for {name!r}, which is not converted",
                expected="one of " + ", ".join((*features, *options.constituents)),
                remedy=did_you_mean(name, (*features, *options.constituents)),
            )
    return features


def _check_numeric(column: TableColumn, table: Table) -> None:
    if not column.numeric:
        raise BadInput(f"the column {column.name!r} does not hold numbers", where=str(table.path))


def _column(tables: Sequence[Table], name: str, options: ConvertOptions) -> Column:
    types = {column_of(table, name).dtype for table in tables}
    return Column(name, options.units.get(name, ""), dtype=types.pop() if len(types) == 1 else "float32")


def _names_of(inputs: Sequence[ConvertInput]) -> str:
    """File names without folders: a file says nothing about the machine that it was made on."""
    names = list(dict.fromkeys(item.path.name for item in inputs))
    return ", ".join(names) if len(names) <= 20 else f"{len(names)} files, {names[0]} to {names[-1]}"


def _class_names(
    inputs: Sequence[ConvertInput], tables: Sequence[Table], options: ConvertOptions, progress: Progress
) -> tuple[str, ...] | None:
    of_files = tuple(dict.fromkeys(item.class_name for item in inputs if item.class_name is not None))
    if options.class_names is not None:
        for name in of_files:
            if name not in options.class_names:
                raise BadInput(
                    f"the class {name!r} of an input is not among the class names",
                    expected="one of " + ", ".join(options.class_names),
                    remedy=did_you_mean(name, options.class_names),
                )
        if not of_files and options.label is None:
            raise BadInput("class names are given, but not which class an event has")
        return options.class_names
    if options.label is None:
        return of_files or None
    values: set[str] = set()
    with progress.task("Finding the classes") as task:
        for table in tables:
            for batch in table.batches([Wanted(options.label, Kind.TEXT)], _BATCH_ROWS, 0):
                values |= set(np.unique(batch[options.label]).tolist())
                task.advance(len(batch[options.label]))
                if len(values) > _MOST_CLASSES:
                    raise BadInput(
                        f"the column {options.label!r} has more than {_MOST_CLASSES} different values",
                        where=str(table.path),
                        remedy="name a column that holds classes",
                    )
    return tuple(sorted(values, key=_number_or_text))


def _number_or_text(value: str) -> tuple[float, str]:
    try:
        return float(value), value
    except ValueError:
        return float("inf"), value


def _append_table(
    writer: EventsWriter, table: Table, item: ConvertInput, options: ConvertOptions, task: Task
) -> None:
    features = [column.name for column in writer.features]
    wanted = [Wanted(name, Kind.NUMBER) for name in features]
    wanted += [Wanted(name, Kind.NESTED) for name in options.constituents]
    if options.label is not None:
        wanted.append(Wanted(options.label, Kind.TEXT))
    if options.event_id is not None:
        wanted.append(Wanted(options.event_id, Kind.INTEGER))
    for batch in table.batches(wanted, _BATCH_ROWS, options.n_constituents):
        n_rows = len(next(iter(batch.values())))
        labels: npt.NDArray[np.int64] | None = None
        if item.class_name is not None:
            labels = np.full(n_rows, (writer.class_names or ()).index(item.class_name))
        elif options.label is not None:
            labels = _labels(batch[options.label], writer.class_names or (), f"{table.path}: {options.label}")
        running = np.arange(writer.n_events, writer.n_events + n_rows)
        writer.append(
            event_id=running if options.event_id is None else batch[options.event_id],
            features={name: batch[name] for name in features},
            labels=labels,
            constituents={name: batch[name] for name in options.constituents},
        )
        task.advance(n_rows)


def _labels(values: npt.NDArray[np.str_], class_names: Sequence[str], where: str) -> npt.NDArray[np.int64]:
    """The labels of classes that are given by name or, where no class is called so, by number."""
    known = {str(number): number for number in range(len(class_names))}
    known |= {name: number for number, name in enumerate(class_names)}
    different, which = np.unique(values, return_inverse=True)
    for value in different.tolist():
        if value not in known:
            raise BadInput(
                "a class is not among the class names",
                where=where,
                expected=", ".join(class_names) + f", or their numbers 0 to {len(class_names) - 1}",
                found=repr(value),
            )
    labels: npt.NDArray[np.int64] = np.array([known[value] for value in different.tolist()])[which]
    return labels
