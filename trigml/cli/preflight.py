"""``trigml preflight``."""

from __future__ import annotations

from typing import Annotated

import typer

from trigml.backends.hls.options import HlsBackend, HlsOptions, IoType, Strategy, options_from
from trigml.cli import options
from trigml.cli.console import Console

HELP = """
List every rule that a model breaks, each with the reason and the line to change.

A model that breaks none has an exact integer form; what it is like is printed then. With --backend, also
what that HLS tool cannot do exactly. Nothing is written, and no code of the model file is run. A broken rule
ends in exit code 2. docs/models.md explains files, layers and rules.

Examples:

    trigml preflight runs/jet_tagger_hlf

    trigml preflight model.json --weights model.h5 --input-type 'fixed<16,6>'

    trigml preflight float.keras --quantizers formats.yml --backend quartus --io stream
"""

_BROKEN = 2


def preflight(
    model: options.Model,
    weights: options.Weights = None,
    input_type: options.InputType = None,
    batchnorm_type: options.BatchnormType = None,
    quantizers: options.Quantizers = None,
    softmax: options.Softmax = options.SoftmaxForm.LOGITS,
    backend: Annotated[HlsBackend | None, typer.Option(help="Also what this HLS tool refuses.")] = None,
    io: Annotated[IoType | None, typer.Option(help="hls4ml's io type [default: parallel].")] = None,
    strategy: Annotated[Strategy | None, typer.Option(help="hls4ml's strategy [default: latency].")] = None,
    reuse_factor: Annotated[
        int | None, typer.Option(min=1, help="Products per multiplier [default: 1].")
    ] = None,
    as_json: options.Json = False,
    verbose: options.Verbose = False,
) -> None:
    """List all broken rules of a model."""
    from trigml.opening import OpenOptions
    from trigml.preflight import preflight as looked_at
    from trigml.reports.preflight import preflight_text

    console = Console(as_json, verbose)
    opening = OpenOptions(weights, input_type, batchnorm_type, quantizers, softmax.value)
    hls = _hls_options(backend, io, strategy, reuse_factor)
    found = looked_at(model, opening, hls, console)
    console.result(preflight_text(found), found.to_json())
    command = options.model_words(model, opening)
    if found.passed:
        console.next_step(f"trigml verify {command}")
        return
    console.next_step(f"change the lines above, then: trigml preflight {command}")
    raise typer.Exit(_BROKEN)


def _hls_options(
    backend: HlsBackend | None, io: IoType | None, strategy: Strategy | None, reuse_factor: int | None
) -> HlsOptions | None:
    from trigml.errors import BadInput
    from trigml.verify.building import DEFAULT_CLOCK_NS

    if backend is None:
        if io or strategy or reuse_factor:
            raise BadInput(
                "--io, --strategy and --reuse-factor are choices for an HLS tool",
                remedy="name it, too: --backend vitis",
            )
        return None
    return options_from(
        backend,
        part=None,
        clock_ns=DEFAULT_CLOCK_NS,
        io=io or IoType.PARALLEL,
        strategy=strategy or Strategy.LATENCY,
        reuse_factor=reuse_factor or 1,
    )
