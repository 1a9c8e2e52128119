"""``trigml devices``."""

from __future__ import annotations

from typing import Annotated

import typer

from trigml.cli import options
from trigml.cli.console import Console

HELP = """
List the FPGA parts and the trigger boards that trigml knows, or show one of them.

NAME is a part, with or without package and speed grade, or a board. Resources, super logic regions and clocks
stand with their sources. Shares of a budget, such as 5 % of a region, are shares of these. A file of your own
adds to them; docs/devices.md describes it.

Examples:

    trigml devices

    trigml devices xcvu13p-flga2577-2-e

    trigml devices serenity-s1 --json
"""


def devices(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="A part or a board.")] = None,
    device_files: options.DeviceFiles = None,
    as_json: options.Json = False,
) -> None:
    """List the known devices, or show one."""
    from trigml.devices import load_devices
    from trigml.reports.devices import device_json, device_text, devices_json, devices_text

    console = Console(as_json)
    known = load_devices(device_files or ())
    if name is None:
        console.result(devices_text(known), devices_json(known))
        console.next_step("trigml devices xcvu13p")
        return
    found = known.find(name)
    console.result(device_text(found, known), device_json(found, known))
