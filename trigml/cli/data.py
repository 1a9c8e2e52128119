"""``trigml data``: packaged samples, what a file holds, conversion."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from trigml.cli.console import Console
from trigml.cli.options import Json, Verbose

_CONVERT_HELP = """
Convert CSV, NPZ or ROOT files into the events layout of trigml.

INPUT is a file, or CLASS=FILE for a file that holds one class. Without --features, all columns with one
number per row become features. docs/events.md describes the layout.

Examples:

    trigml data convert signal=vbf.root background=qcd.root -o events.h5

    trigml data convert jets.csv -o jets.h5 --label kind --unit mass=GeV

\b
    trigml data convert parts.npz -o parts.h5 --constituents part_pt --n-constituents 16
"""
_DESCRIBE_HELP = """
Show what a file of events holds: columns, classes, splits, provenance.

Examples:

    trigml data describe sample:jets

    trigml data describe events.h5 --json
"""
_SAMPLES_HELP = """
List the samples that come with trigml.

Example:

    trigml data samples
"""

app = typer.Typer(
    help="Events: packaged samples, what a file holds, conversion.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("samples", help=_SAMPLES_HELP)
def samples(as_json: Json = False) -> None:
    """List the packaged samples."""
    from trigml.data.header import read_header
    from trigml.data.samples import packaged_samples, sample_path
    from trigml.reports.terminal import aligned

    console = Console(as_json)
    headers = {name: read_header(sample_path(name)) for name in packaged_samples()}
    rows = [("sample", "events", "features", "title")]
    rows += [
        (f"sample:{name}", f"{header.n_events:,}", str(len(header.features)), header.title)
        for name, header in headers.items()
    ]
    content = [
        {
            "name": name,
            "events": header.n_events,
            "title": header.title,
            "classes": header.class_names,
            "features": [column.name for column in header.features],
        }
        for name, header in headers.items()
    ]
    console.result("\n".join(aligned(rows, "<>><")), content)
    console.next_step("trigml data describe sample:jets", "trigml train jet_tagger_hlf --quantize")


@app.command("describe", help=_DESCRIBE_HELP)
def describe(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A file of events, or sample:NAME.")],
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Show what a file of events holds."""
    from trigml.data.describe import describe as described
    from trigml.data.samples import resolve_files
    from trigml.errors import BadInput
    from trigml.reports.events import description_text

    console = Console(as_json, verbose)
    files = resolve_files([file])
    if len(files) != 1:
        raise BadInput("describe takes one file", found=f"{len(files)} files match {file}")
    found = described(files[0], console)
    console.result(description_text(found), asdict(found))
    console.next_step(f"trigml train SPEC --data {shlex.quote(file)}   (docs/spec.md: how to write a spec)")


@app.command("convert", help=_CONVERT_HELP)
def convert(
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="FILE or CLASS=FILE.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The file to write.")],
    features: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A column that becomes a feature; repeat.")
    ] = None,
    constituents: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A column of several numbers per row; repeat."),
    ] = None,
    n_constituents: Annotated[
        int, typer.Option(min=0, help="Constituents per event: padded with zeros or cut.")
    ] = 0,
    label: Annotated[
        str | None, typer.Option(metavar="NAME", help="The column that holds the class.")
    ] = None,
    classes: Annotated[
        list[str] | None, typer.Option("--class", metavar="NAME", help="A class, in order; repeat.")
    ] = None,
    event_id: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The column with the number of the collision."),
    ] = None,
    units: Annotated[
        list[str] | None, typer.Option("--unit", metavar="NAME=UNIT", help="Unit of a column; repeat.")
    ] = None,
    title: Annotated[str | None, typer.Option(help="One line about the events.")] = None,
    tree: Annotated[str | None, typer.Option(help="The tree to read in ROOT files.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file, if there is one.")] = False,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Convert tables into a file of events."""
    from trigml.data.convert import ConvertOptions, parse_input
    from trigml.data.convert import convert as converted

    console = Console(as_json, verbose)
    options = ConvertOptions(
        features=tuple(features) if features else None,
        constituents=tuple(constituents or ()),
        n_constituents=n_constituents,
        label=label,
        class_names=tuple(classes) if classes else None,
        event_id=event_id,
        units=_units(units or []),
        title=title,
        tree=tree,
    )
    made = converted([parse_input(text) for text in inputs], output, options, force=force, progress=console)
    lines = [
        f"{made.n_events:,} events in {made.output}",
        f"features: {', '.join(made.features)}",
        f"event ids: {made.event_id}",
    ]
    if made.class_names:
        lines.append(f"classes: {', '.join(made.class_names)}")
    if made.constituents:
        lines.append(f"constituents: {made.n_constituents} × {', '.join(made.constituents)}")
    if made.left_out:
        lines.append(f"left out: {', '.join(made.left_out)}")
    console.result("\n".join(lines), asdict(made))
    console.next_step(f"trigml data describe {shlex.quote(str(output))}")


def _units(pairs: list[str]) -> dict[str, str]:
    from trigml.errors import BadInput

    units = {}
    for pair in pairs:
        name, equals, unit = pair.partition("=")
        if not equals or not name:
            raise BadInput("not a unit", expected="NAME=UNIT, for example mass=GeV", found=pair)
        units[name] = unit
    return units
