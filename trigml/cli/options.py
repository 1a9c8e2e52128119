"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
Verbose: TypeAlias = Annotated[bool, typer.Option("--verbose", "-v", help="Say more on stderr.")]
Force: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--force",
        help="Replace the run or project that trigml made there, with all that tools have added to it.",
    ),
]
Data: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--data", metavar="FILE", help="Events to use: a file, a pattern or sample:NAME; may be repeated."
    ),
]
RunFolder: TypeAlias = Annotated[Path, typer.Argument(metavar="RUN", help="A run made by trigml train.")]
