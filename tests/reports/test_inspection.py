"""An inspection as text and as a plot: nothing is left out, and the same inspection gives the same bytes."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint
from trigml.graph import Graph
from trigml.inspection.inspecting import Inspection, inspect
from trigml.inspection.overflow import Verdict
from trigml.opening import OpenedModel
from trigml.reports.inspection import inspection_text
from trigml.reports.range_plot import plot_stem, write_range_plot


@pytest.fixture(scope="module")
def found(make_graph: Callable[..., Graph]) -> Inspection:
    """A network whose first quantiser wraps, with a type declared for its first layer."""
    formats = ("ap_ufixed<4,2,RND_CONV,WRAP>", "ap_fixed<6,3,RND_CONV,SAT>")
    graph = make_graph(2, activation_formats=formats)
    model = OpenedModel("somebody's", graph, None, None, ("costs $5",))
    return inspect(model, declared={"dense_1": FixedPoint.parse("ap_fixed<8,4,TRN,WRAP>")})


def test_the_text(found: Inspection) -> None:
    """Protects what people read: every layer, the sums of the counts, verdicts with inputs, notes."""
    text = inspection_text(found)
    for layer in found.layers:
        assert f"{layer.name} " in text
    totals = [line.split() for line in text.splitlines() if line.startswith("all ")]
    assert [int(totals[0][place]) for place in (1, -2)] == [43, 43]
    assert "act_1: ap_ufixed<4,2,RND_CONV,WRAP> overflows" in text
    assert "act_2: ap_fixed<6,3,RND_CONV,SAT> may saturate" in text
    assert "declared for dense_1: ap_fixed<8,4> overflows" in text
    assert "note: costs $5" in text
    (wrapping, _) = found.overflows
    assert wrapping.witness is not None
    shown = f"element [{wrapping.witness.element[0]}] is {wrapping.witness.exact} LSB"
    assert f"{shown}, and becomes {wrapping.witness.stored}" in text


def test_a_verdict_that_is_not_shown(found: Inspection) -> None:
    """Protects honesty: no input found is said so, and is not called proven."""
    finding = replace(found.overflows[0], verdict=Verdict.POSSIBLE, witness=None)
    text = inspection_text(replace(found, overflows=(finding,)))
    assert "could overflow, not shown" in text
    assert "no input was found that shows it" in text


def test_the_plot(found: Inspection, tmp_path: Path) -> None:
    """Protects the files: PNG and PDF, with contents that depend on the ranges, the same bytes each time."""
    first = write_range_plot(found, tmp_path / "one")
    second = write_range_plot(found, tmp_path / "two")
    assert [path.name for path in first] == ["one.png", "one.pdf"]
    for one, two in zip(first, second, strict=True):
        assert one.stat().st_size > 5_000
        assert one.read_bytes() == two.read_bytes()
    layers = (replace(found.layers[0], idle_top_seen=3), *found.layers[1:])
    (png, _) = write_range_plot(replace(found, layers=layers), tmp_path / "three")
    assert png.read_bytes() != first[0].read_bytes()


def test_where_plots_go(tmp_path: Path) -> None:
    """Protects --plot: a named file of either kind, a folder, or a refusal."""
    assert plot_stem(tmp_path / "bits.pdf") == tmp_path / "bits"
    assert plot_stem(tmp_path / "new") == tmp_path / "new" / "ranges"
    folder = tmp_path / "v1.2"
    folder.mkdir()
    assert plot_stem(folder) == folder / "ranges"
    with pytest.raises(BadInput, match="plots are written as PNG and PDF"):
        plot_stem(tmp_path / "bits.svg")
