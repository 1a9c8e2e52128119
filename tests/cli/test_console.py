"""What the command line prints where: progress on stderr, results on stdout."""

from __future__ import annotations

import json
import time

import pytest

from trigml.cli.console import Console
from trigml.errors import BadInput


class Clock:
    """The monotonic clock, which the test puts forward."""

    def __init__(self) -> None:
        self._true = time.monotonic
        self.ahead = 0.0

    def monotonic(self) -> float:
        return self._true() + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(time, "monotonic", made.monotonic)
    return made


def test_progress_without_a_terminal(capsys: pytest.CaptureFixture[str], clock: Clock) -> None:
    """Without a terminal, the title, a line every 10 s and the duration go to stderr, nothing to stdout."""
    with Console().task("Reading", 4000) as task:
        task.advance(500)
        clock.ahead += 11
        task.advance(1500, "half")
        clock.ahead += 1
        task.advance(2000, "all")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "Reading …",
        "Reading: 2,000 of 4,000, 11 s half",
        "Reading: done in 12 s all",
    ]


def test_short_progress_is_one_line(capsys: pytest.CaptureFixture[str], clock: Clock) -> None:
    """What took less than 2 s is announced, but its duration is not worth a line."""
    with Console().task("Reading") as task:
        clock.ahead += 1
        task.advance()
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "Reading …\n")


def test_messages_and_results(capsys: pytest.CaptureFixture[str]) -> None:
    """Messages go to stderr as they are (no markup), details only with -v, the result to stdout."""
    for verbose in (False, True):
        console = Console(verbose=verbose)
        console.say("[bold]x[0]")
        console.detail("a detail")
        console.result("the result\n", {"not": "shown"})
        console.next_step("trigml x")
        captured = capsys.readouterr()
        assert captured.out == "the result\n"
        details = ["a detail"] if verbose else []
        assert captured.err.splitlines() == ["[bold]x[0]", *details, "", "Next:", "  trigml x"]


def test_json_result(capsys: pytest.CaptureFixture[str]) -> None:
    """With --json, stdout is one JSON document and no next step is shown."""
    content = {"name": "η", "values": [1, 2.5, None], "pair": (True, "a")}
    console = Console(as_json=True)
    console.result("text", content)
    console.next_step("trigml x")
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"name": "η", "values": [1, 2.5, None], "pair": [True, "a"]}
    assert captured.err == ""


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"a": [{"mean": float("nan")}, {"mean": 1.0}], "b": (float("-inf"),)}, "a.0.mean = nan, b.0 = -inf"),
        (float("inf"), "the result = inf"),
        ([float("nan")] * 9, "0 = nan, 1 = nan, 2 = nan, 3 = nan, 4 = nan, …"),
    ],
)
def test_json_has_no_nan(capsys: pytest.CaptureFixture[str], content: object, found: str) -> None:
    """NaN is no JSON: the places are named, and stdout stays empty instead of holding half a document."""
    with pytest.raises(BadInput, match="JSON cannot express") as caught:
        Console(as_json=True).result("text", content)
    assert caught.value.found == found
    assert capsys.readouterr().out == ""
    Console().result("nan", content)
    assert capsys.readouterr().out == "nan\n"
