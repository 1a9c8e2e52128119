"""Names of FPGA parts, as they go into the scripts of the vendors' tools."""

from __future__ import annotations

import re

from trigml.errors import BadInput

_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]*")
"""Part names end up in the tools' Tcl scripts: nothing that Tcl would evaluate may pass."""


def require_part_name(part: str) -> None:
    """Refuse a text that cannot be the name of a part; whether there is such a part is not asked.

    Raises:
        BadInput: it has other signs than names have.
    """
    if not _PART.fullmatch(part):
        raise BadInput(
            "not the name of an FPGA part",
            expected="letters, digits and . _ : / -, for example xcvu13p-flga2577-2-e",
            found=repr(part),
        )
