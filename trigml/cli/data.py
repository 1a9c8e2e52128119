"""``trigml data``: packaged samples, what a file holds, conversion of tables and of showers."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from trigml.cli.console import Console
from trigml.cli.options import Json, Verbose

if TYPE_CHECKING:
    from trigml.data.primitives import PrimitivesFile

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
Show what a file holds.

Of events: columns, classes, splits, provenance. Of calorimeter showers: the layout that the file is in,
cells, energies, PDG numbers; --layout names a layout that is not recognised.

Examples:

    trigml data describe sample:jets

    trigml data describe events.h5 --json

    trigml data describe gamma.h5
"""
_SHOWERS_HELP = """
Turn files of calorimeter showers into events as a Level-1 trigger sees them.

INPUT is CLASS=FILE, or CLASS='PATTERN' for several files of one class. Cells are weighted, summed to trigger
cells, calibrated, given noise and made words, as the trigger primitives say (trigml data primitives prints
the default); shower shapes are computed from the words. Files are streamed and may be of any size; see
docs/showers.md.

Examples:

    trigml data showers gamma=gamma.h5 pi0=pi0.h5 -o showers.h5

\b
    trigml data showers gamma=gamma.h5 pi0=pi0.h5 -o fine.h5 \\
        --set ecal.towers=1 --set ecal.noise=0.01

\b
    trigml data showers gamma='lcd/Gamma*.h5' pi0='lcd/Pi0*.h5' -o lcd.h5 --layout lcd \\
        --primitives mine.yml
"""
_SCALES_HELP = """
Measure the scales of trigger primitives: ECAL from the class electron, HCAL from the class pion.

Examples:

    trigml data scales electron=electron.h5 pion=piminus.h5
"""
_PRIMITIVES_HELP = """
Print the trigger primitives that trigml data showers takes by default, as YAML to begin with.

Example:

    trigml data primitives
"""
_SAMPLES_HELP = """
List the samples that come with trigml.

Example:

    trigml data samples
"""

_Inputs: TypeAlias = Annotated[list[str], typer.Argument(metavar="INPUT...", help="CLASS=FILE.")]
_Layout: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE", help="geant4, lcd, lcd-groups, lcd-target, or a YAML file [default: recognised]."
    ),
]
_Primitives: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", help="YAML with the steps from cells to words.")
]
_Changes: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a key of the trigger primitives; repeat."),
]

app = typer.Typer(
    help="Events: packaged samples, what a file holds, conversion of tables and of showers.",
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
    file: Annotated[str, typer.Argument(metavar="FILE", help="A file of events or showers, or sample:NAME.")],
    layout: _Layout = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Show what a file of events or of showers holds."""
    from trigml.data.describe_showers import is_events_file
    from trigml.data.samples import resolve_files
    from trigml.errors import BadInput

    console = Console(as_json, verbose)
    files = resolve_files([file])
    if len(files) != 1:
        raise BadInput("describe takes one file", found=f"{len(files)} files match {file}")
    if layout is not None or not is_events_file(files[0]):
        _describe_showers(files[0], layout, console)
        return
    from trigml.data.describe import describe as described
    from trigml.reports.events import description_text

    found = described(files[0], console)
    console.result(description_text(found), asdict(found))
    console.next_step(f"trigml train SPEC --data {shlex.quote(file)}   (docs/spec.md: how to write a spec)")


def _describe_showers(path: Path, layout: str | None, console: Console) -> None:
    from trigml.data.describe_showers import describe_showers
    from trigml.reports.showers import shower_text

    found = describe_showers(path, layout, console)
    console.result(shower_text(found), asdict(found))
    options = "" if layout is None else f" --layout {shlex.quote(layout)}"
    console.next_step(f"trigml data showers CLASS={shlex.quote(str(path))} -o EVENTS.h5{options}")


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


@app.command("showers", help=_SHOWERS_HELP)
def showers(
    inputs: _Inputs,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The file to write.")],
    layout: _Layout = None,
    primitives: _Primitives = None,
    changes: _Changes = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the order and of the noise.")] = 1,
    title: Annotated[str | None, typer.Option(help="One line about the events.")] = None,
    notes: Annotated[
        list[str] | None,
        typer.Option("--note", metavar="KEY=TEXT", help="For the provenance, as origin or licence; repeat."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file, if there is one.")] = False,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Turn files of showers into a file of events."""
    from trigml.data.describe_showers import common_layout
    from trigml.data.shower_events import ShowerOptions, showers_to_events
    from trigml.reports.showers import conversion_text

    console = Console(as_json, verbose)
    steps = _primitives(primitives, changes)
    sources = _sources(inputs)
    options = ShowerOptions(
        layout=common_layout([path for _, path in sources], layout),
        primitives=steps,
        seed=seed,
        title=title,
        notes={
            "command": _command(inputs, layout, primitives, changes, seed),
            **_pairs(notes or [], "KEY=TEXT, for example licence=CC-BY-4.0"),
        },
    )
    made = showers_to_events(sources, output, options, force=force, progress=console)
    console.result(conversion_text(made), asdict(made))
    console.next_step(f"trigml data describe {shlex.quote(str(output))}")


@app.command("scales", help=_SCALES_HELP)
def scales(
    inputs: _Inputs,
    layout: _Layout = None,
    primitives: _Primitives = None,
    changes: _Changes = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Measure the scales of trigger primitives."""
    from trigml.data.describe_showers import common_layout
    from trigml.data.shower_scales import measured_scales

    console = Console(as_json, verbose)
    steps, sources = _primitives(primitives, changes), _sources(inputs)
    named = common_layout([path for _, path in sources], layout)
    found = measured_scales(sources, named, steps, console)
    hcal = [] if found.hcal is None else [f"HCAL {found.hcal:.4g} GeV/MeV"]
    console.result("\n".join([f"ECAL {found.ecal:.4g} GeV/MeV", *hcal]), asdict(found))
    also = "" if found.hcal is None else f" --set hcal.scale={found.hcal:.4g}"
    console.next_step(f"trigml data showers CLASS=FILE -o EVENTS.h5 --set ecal.scale={found.ecal:.4g}{also}")


@app.command("primitives", help=_PRIMITIVES_HELP)
def primitives(as_json: Json = False) -> None:
    """Print the default trigger primitives."""
    from trigml.data.primitives import DEFAULT_PRIMITIVES, load_primitives

    text = DEFAULT_PRIMITIVES.read_text(encoding="utf-8")
    console = Console(as_json)
    console.result(text, load_primitives().model_dump(mode="json"))
    console.next_step("trigml data primitives > mine.yml, then trigml data showers … --primitives mine.yml")


def _primitives(file: Path | None, changes: list[str] | None) -> PrimitivesFile:
    from trigml.data.primitives import DEFAULT_PRIMITIVES, load_primitives

    return load_primitives(file or DEFAULT_PRIMITIVES, changes or ())


def _sources(inputs: list[str]) -> list[tuple[str, Path]]:
    """Pairs of a class and a file, patterns resolved."""
    from trigml.data.convert import parse_input
    from trigml.data.samples import resolve_files
    from trigml.errors import BadInput

    found = []
    for text in inputs:
        parsed = parse_input(text)
        if parsed.class_name is None:
            raise BadInput("the class of a file is not named", expected=f"CLASS={text}", found=text)
        found += [(parsed.class_name, path) for path in resolve_files([str(parsed.path)])]
    return found


def _command(
    inputs: list[str], layout: str | None, primitives: Path | None, changes: list[str] | None, seed: int
) -> str:
    """The command that makes the same events, with the names of files but not their folders."""
    words = ["trigml", "data", "showers"]
    for text in inputs:
        name, _, path = text.partition("=")
        words.append(f"{name}={Path(path).name}")
    words += [] if layout is None else ["--layout", Path(layout).name]
    words += [] if primitives is None else ["--primitives", primitives.name]
    for change in changes or ():
        words += ["--set", change]
    return shlex.join([*words, "--seed", str(seed)])


def _units(pairs: list[str]) -> dict[str, str]:
    return _pairs(pairs, "NAME=UNIT, for example mass=GeV")


def _pairs(texts: list[str], expected: str) -> dict[str, str]:
    from trigml.errors import BadInput

    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise BadInput("a name and its value are not understood", expected=expected, found=text)
        pairs[name] = value
    return pairs
