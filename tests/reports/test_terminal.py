"""Tables as text and as Markdown."""

from trigml.reports.terminal import Grid

GRID = Grid("A | table", (("name", "count"), ("a|b_c", "7"), ("<d>", "1,000")), "<>", ("[1] see *there*",))


def test_text() -> None:
    """Protects the terminal: aligned columns, a rule below the head, what stands below as it is."""
    assert GRID.text().splitlines() == [
        "A | table",
        "name   count",
        "─────  ─────",
        "a|b_c      7",
        "<d>    1,000",
        "[1] see *there*",
    ]


def test_markdown() -> None:
    """Protects pages: names cannot end a cell, begin a tag or turn into emphasis."""
    assert GRID.markdown().splitlines() == [
        r"#### A \| table",
        "",
        "| name    | count |",
        "| ------- | ----: |",
        r"| a\|b\_c |     7 |",
        r"| \<d\>   | 1,000 |",
        "",
        r"\[1\] see \*there\*  ",
    ]


def test_long_notes_are_wrapped_with_all_their_words() -> None:
    """Protects readability: no line of a note is longer than the terminal, and none loses a word."""
    note = "[1] " + ", ".join(f"{count:,} LUT{count % 6}" for count in range(900, 940))
    lines = Grid("A", GRID.rows, "<>", (note,)).text().splitlines()[5:]
    assert len(lines) > 1
    assert max(map(len, lines)) <= 120
    assert all(line.startswith("    ") for line in lines[1:])
    assert " ".join(line.strip() for line in lines) == note
