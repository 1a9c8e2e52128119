"""``trigml inspect``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trigml.cli import options
from trigml.cli.console import Console

if TYPE_CHECKING:
    from trigml.fixedpoint import FixedPoint

HELP = """
Show what a network needs, layer by layer: ranges, bits, saturation, sparsity, multiplications.

Proven ranges come from the actual weights and hold for every input. Seen ranges are those of the events: the
test split of a run, the files of --events, or random vectors. Types that could overflow are named, with an
input that makes them overflow where one is found. --declare holds a type of your own against a layer's
result, for example one from an existing hls4ml configuration (docs/verify.md).

Examples:

    trigml inspect runs/jet_tagger_hlf

    trigml inspect runs/jet_tagger_hlf --plot plots

    trigml inspect model.h5 --events jets.h5 --declare 'dense_1=fixed<16,6>'
"""


def inspect(
    model: options.Model,
    events: options.EventFiles = None,
    features: options.FeatureColumns = None,
    constituents: options.ConstituentColumns = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE|DIR", help="Draw the ranges: NAME.png and NAME.pdf, or into a folder."),
    ] = None,
    declare: Annotated[
        list[str] | None,
        typer.Option(metavar="LAYER=TYPE", help="A type to hold against a layer's result; may be repeated."),
    ] = None,
    weights: options.Weights = None,
    input_type: options.InputType = None,
    batchnorm_type: options.BatchnormType = None,
    quantizers: options.Quantizers = None,
    softmax: options.Softmax = options.SoftmaxForm.LOGITS,
    as_json: options.Json = False,
    verbose: options.Verbose = False,
) -> None:
    """Look into a network."""
    from trigml.atomic import refuse_unwritable
    from trigml.data.samples import resolve_files
    from trigml.inspection.inspecting import inspect as inspected
    from trigml.network_events import columns_of
    from trigml.opening import OpenOptions, open_model
    from trigml.reports.inspection import inspection_text
    from trigml.reports.range_plot import plot_stem, write_range_plot
    from trigml.verify.events import stream_of_model

    console = Console(as_json, verbose)
    stem = None if plot is None else plot_stem(plot)
    if stem is not None:
        refuse_unwritable(stem)
    types = _types(declare or [])
    opening = OpenOptions(weights, input_type, batchnorm_type, quantizers, softmax.value)
    opened = open_model(model, opening, console)
    columns = columns_of(opened.graph, options.names_in(features), options.names_in(constituents))
    stream = stream_of_model(opened, resolve_files(events or ()), columns)
    found = inspected(opened, events=stream, declared=types, progress=console)
    drawn = () if stem is None else write_range_plot(found, stem)
    console.result(inspection_text(found), found.to_json() | {"plots": [str(path) for path in drawn]})
    for path in drawn:
        console.say(f"drawn: {path}")
    command = options.model_words(model, opening)
    console.next_step(f"trigml verify {command}", f"trigml inspect {command} --json")


def _types(declared: list[str]) -> dict[str, FixedPoint]:
    from trigml.errors import BadInput
    from trigml.fixedpoint import FixedPoint

    types: dict[str, FixedPoint] = {}
    for text in declared:
        layer, equals, spelled = text.partition("=")
        if not equals or not layer or layer in types:
            raise BadInput(
                "not a declared type",
                expected="--declare 'LAYER=fixed<16,6>', each layer once",
                found=repr(text),
            )
        types[layer] = FixedPoint.parse(spelled)
    return types
