"""Files that come with the code."""

from __future__ import annotations

from pathlib import Path

import pytest

import trigml
from trigml.errors import BadInput
from trigml.resources import shipped_folder


def test_a_checkout_has_its_files_beside_the_package() -> None:
    """In a working tree, models/ is where people edit it."""
    assert (shipped_folder("models") / "jet_tagger_hlf.yml").is_file()


def test_an_installed_wheel_has_its_files_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a wheel, the packaged copy counts, even if something called models lies beside the package."""
    (tmp_path / "trigml" / "shipped" / "models").mkdir(parents=True)
    (tmp_path / "models").mkdir()
    monkeypatch.setattr(trigml, "__file__", str(tmp_path / "trigml" / "__init__.py"))
    assert shipped_folder("models") == tmp_path / "trigml" / "shipped" / "models"


def test_a_broken_installation_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing files are an error with a remedy, not a traceback later."""
    monkeypatch.setattr(trigml, "__file__", str(tmp_path / "trigml" / "__init__.py"))
    with pytest.raises(BadInput, match=r"no shipped firmware[\s\S]*install trigml again"):
        shipped_folder("firmware")
