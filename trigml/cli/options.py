"""Options that several commands share."""

from __future__ import annotations

import shlex
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from trigml.emulation.stage import EmulationStage
from trigml.reports.figures import Tier

if TYPE_CHECKING:
    from trigml.opening import OpenOptions


class SoftmaxForm(StrEnum):
    """What becomes of a softmax."""

    LOGITS = "logits"
    TABLE = "table"


Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
Verbose: TypeAlias = Annotated[bool, typer.Option("--verbose", "-v", help="Say more on stderr.")]
Force: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--force",
        help="Replace the run or project that trigml made there, with all that tools have added to it.",
    ),
]
RequireTier: TypeAlias = Annotated[
    Tier | None,
    typer.Option("--require-tier", help="Lowest tier of figures that can keep a limit of the budget."),
]
Data: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--data", metavar="FILE", help="Events to use: a file, a pattern or sample:NAME; may be repeated."
    ),
]
RunFolder: TypeAlias = Annotated[Path, typer.Argument(metavar="RUN", help="A run made by trigml train.")]
Model: TypeAlias = Annotated[
    Path,
    typer.Argument(metavar="MODEL", help="A run, or a model: .keras, .h5, .json (with --weights), .onnx."),
]
Weights: TypeAlias = Annotated[
    Path | None, typer.Option("--weights", metavar="FILE", help="Weights of a model given as JSON.")
]
InputType: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--input-type",
        metavar="TYPE",
        help="Format of the inputs if the model does not quantise them, as 'fixed<16,6>'.",
    ),
]
BatchnormType: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--batchnorm-type",
        metavar="TYPE",
        help="Format to which batch normalisation is rounded before it is folded, as 'fixed<16,6>'.",
    ),
]
Quantizers: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--quantizers", metavar="FILE", help="YAML with quantisers for a plain Keras model (docs/models.md)."
    ),
]
Softmax: TypeAlias = Annotated[
    SoftmaxForm,
    typer.Option("--softmax", help="Leave a softmax away, or compute it with exact tables."),
]
DeviceFiles: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        "--devices", metavar="FILE", help="A device file of your own (docs/devices.md); may be repeated."
    ),
]
EventFiles: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--events", metavar="FILE", help="Events: a file, a pattern or sample:NAME; may be repeated."
    ),
]
FeatureColumns: TypeAlias = Annotated[
    str | None,
    typer.Option("--features", metavar="A,B,…", help="Columns to read, in the order of the inputs."),
]
ConstituentColumns: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--constituents",
        metavar="A,B,…",
        help="Columns of the constituents to read, in the order of the inputs.",
    ),
]
RandomVectors: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--random",
        min=0,
        max=10_000_000,
        help="Random vectors [default: 100,000, fewer for large networks].",
    ),
]
Emulator: TypeAlias = Annotated[
    EmulationStage, typer.Option("--stage", help="What computes the scores; the words are the same.")
]
Threads: TypeAlias = Annotated[
    int | None,
    typer.Option("--threads", min=1, help="Threads of the native emulator [default: one per processor]."),
]
BudgetFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--budget",
        metavar="FILE",
        help="YAML with the limits to be kept [default: those of the last --budget, else of the spec].",
    ),
]


def names_in(text: str | None) -> list[str] | None:
    """The names in a list with commas; ``None`` if there is no list."""
    return None if text is None else [name.strip() for name in text.split(",")]


def model_words(model: Path, options: OpenOptions) -> str:
    """A model with the options that it needs, as one types them: for the next command."""
    words = {
        "--weights": options.weights,
        "--input-type": options.input_type,
        "--batchnorm-type": options.batchnorm_type,
        "--quantizers": options.quantizers,
        "--softmax": None if options.softmax == SoftmaxForm.LOGITS else options.softmax,
    }
    given = [word for option, value in words.items() if value is not None for word in (option, str(value))]
    return shlex.join([str(model), *given])
