"""Tests of trigml.data.samples."""

from __future__ import annotations

from pathlib import Path

import pytest

import trigml.data.samples
from trigml.data.samples import packaged_samples, resolve_files, sample_path
from trigml.errors import BadInput


@pytest.fixture
def samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two packaged samples."""
    folder = tmp_path / "packaged"
    folder.mkdir()
    for name in ("jets", "showers"):
        (folder / f"{name}.h5").touch()
    monkeypatch.setattr(trigml.data.samples, "_PACKAGED", folder)
    return folder


def test_samples_by_name(samples: Path) -> None:
    """A packaged sample is found by its name."""
    assert packaged_samples() == ("jets", "showers")
    assert sample_path("jets") == samples / "jets.h5"


@pytest.mark.parametrize("reference", ["sample:jest", "sample:Jets"])
def test_unknown_sample(samples: Path, reference: str) -> None:
    """A misspelt sample is answered with the nearest names."""
    with pytest.raises(BadInput, match="no packaged sample") as caught:
        resolve_files([reference])
    assert caught.value.remedy == "did you mean 'jets'?"
    assert caught.value.expected == "one of jets, showers"


def test_references(samples: Path, tmp_path: Path) -> None:
    """Samples, paths and patterns become files, in the order they were named."""
    for name in ("b1.h5", "a1.h5", "a2.h5", "odd[1].h5"):
        (tmp_path / name).touch()
    named = [str(tmp_path / name) for name in ("b1.h5", "a*.h5", "odd[1].h5")]
    files = resolve_files([named[0], "sample:jets", *named[1:]])
    assert [path.name for path in files] == ["b1.h5", "jets.h5", "a1.h5", "a2.h5", "odd[1].h5"]


def test_pattern_without_files(tmp_path: Path) -> None:
    """A pattern that matches nothing is an error rather than no events."""
    with pytest.raises(BadInput, match="no file matches"):
        resolve_files([str(tmp_path / "*.h5")])
