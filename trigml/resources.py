"""Finding the files that come with the code: the specs in ``models/``, the HDL and HLS in ``firmware/``.

An installed wheel carries them in ``trigml/shipped``; in a checkout they stand next to the package.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import trigml
from trigml.errors import BadInput

Shipped = Literal["models", "firmware"]


def shipped_folder(kind: Shipped) -> Path:
    """The folder of shipped models or firmware.

    Raises:
        BadInput: the installation is not complete.
    """
    package = Path(trigml.__file__).resolve().parent
    for folder in (package / "shipped" / kind, package.parent / kind):
        if folder.is_dir():
            return folder
    raise BadInput(
        f"this installation of trigml has no shipped {kind}",
        expected=str(package / "shipped" / kind),
        remedy="install trigml again",
    )
