"""The packaged samples, and turning what a user names into a list of files."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

from trigml.data.names import did_you_mean
from trigml.errors import BadInput

SAMPLE_PREFIX = "sample:"
_PACKAGED = Path(__file__).parent / "packaged"


def packaged_samples() -> tuple[str, ...]:
    """The names of the packaged samples, sorted."""
    return tuple(sorted(path.stem for path in _PACKAGED.glob("*.h5")))


def sample_path(name: str) -> Path:
    """The file of a packaged sample.

    Raises:
        BadInput: there is no such sample; with the nearest names.
    """
    names = packaged_samples()
    if name not in names:
        raise BadInput(
            f"there is no packaged sample {name!r}",
            expected="one of " + ", ".join(names) if names else "a file (this installation has no samples)",
            remedy=did_you_mean(name, names),
        )
    return _PACKAGED / f"{name}.h5"


def resolve_files(references: Sequence[str]) -> list[Path]:
    """The files that ``references`` name, in their order; those of a pattern sorted by name.

    A reference is a path, a pattern with ``*``, ``?``, ``[...]`` or ``**``, or ``sample:NAME`` for a packaged
    sample. That a plain path exists is left to whoever opens it.

    Raises:
        BadInput: an unknown sample, or a pattern that no file matches.
    """
    files: list[Path] = []
    for reference in references:
        if reference.startswith(SAMPLE_PREFIX):
            files.append(sample_path(reference.removeprefix(SAMPLE_PREFIX)))
        elif glob.has_magic(reference) and not Path(reference).exists():
            matches = sorted(glob.glob(reference, recursive=True))
            if not matches:
                raise BadInput("no file matches this pattern", where=reference)
            files += [Path(match) for match in matches]
        else:
            files.append(Path(reference))
    return files
