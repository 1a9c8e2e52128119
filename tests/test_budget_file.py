"""Budgets in files of their own: read as strictly as the section of a spec, and never empty."""

from __future__ import annotations

from pathlib import Path

import pytest

from trigml.errors import BadInput
from trigml.spec import BudgetSpec
from trigml.spec.budget_file import load_budget


def test_a_budget_file_is_the_section_of_a_spec(tmp_path: Path) -> None:
    """Protects the promise that one text can be moved between the two: the same keys, the same values."""
    path = tmp_path / "limits.yml"
    path.write_text("latency: 100 ns\ninitiation_interval: 1\nresources: {LUT: 5 %, DSP: 0}\npart: vu9p\n")
    budget = load_budget(path)
    assert budget == BudgetSpec.model_validate_json(
        '{"latency": "100 ns", "initiation_interval": 1, "resources": {"LUT": "5 %", "DSP": 0}, '
        '"part": "vu9p"}'
    )
    assert set(budget.times) == {"latency", "initiation interval"}
    assert set(budget.resources.limits) == {"LUT", "DSP"}


@pytest.mark.parametrize(
    ("text", "problem", "where"),
    [
        ("LUT: 5\n", "unknown key 'LUT'", "line 1"),
        ("latency: 4 BX\nresources:\n  LUTS: 5\n", "unknown key 'resources.LUTS'", "line 3"),
        ("latency: 4 parsecs\n", "the value of 'latency' cannot be used", "line 1"),
        ("latency: 4 BX\nlatency: 5 BX\n", "there twice", "line 2"),
        ("resources: {}\n", "asks for nothing", "limits.yml"),
        ("part: vu9p\n", "asks for nothing", "limits.yml"),
        ("", "the budget is empty", "limits.yml"),
        (" \n", "the budget is empty", "limits.yml"),
        ("# latency: 4 BX\n", "has to be a list of keys and values", "limits.yml"),
    ],
)
def test_mistakes_are_explained(text: str, problem: str, where: str, tmp_path: Path) -> None:
    """Protects against a limit that nobody holds because its key was misspelt, or the file is empty."""
    path = tmp_path / "limits.yml"
    path.write_text(text)
    with pytest.raises(BadInput) as caught:
        load_budget(path)
    assert problem in caught.value.problem
    assert where in (caught.value.where or "")
    assert "tagger" not in str(caught.value)  # the example is one of a budget


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """Protects against a traceback where the name of a file is wrong, or the file is not text."""
    (tmp_path / "model.onnx").write_bytes(b"\xff\xfe\x00")
    for name in ("nowhere.yml", "model.onnx", "."):
        with pytest.raises(BadInput, match="cannot read the budget"):
            load_budget(tmp_path / name)
