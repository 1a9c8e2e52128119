"""``trigml data``."""

from __future__ import annotations

import typer

app = typer.Typer(
    help="Events: packaged samples, what a file holds, conversion.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
