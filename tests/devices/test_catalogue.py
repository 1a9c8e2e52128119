"""Parts and boards by name, from the shipped files and from a user's own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trigml.backends.hls.options import HlsBackend
from trigml.devices import DEVICES_VARIABLE, RESOURCES, Board, Part, find_part, load_devices
from trigml.errors import BadInput

OWN = """\
parts:
  xcvu37p:
    vendor: AMD
    family: Virtex UltraScale+ HBM
    aliases: [my-chip]
    resources: {LUT: 1000, DSP: 30}
    regions: 3
    region: {LUT: 300}
    source: my notes
boards:
  my-board:
    title: A board of mine
    parts: {xcvu37p: 2, xcvu13p: 1}
    clocks: [{mhz: 320, use: algorithms, source: its manual}]
    source: its manual
"""
SHIPPED = load_devices()


@pytest.fixture(autouse=True)
def no_own_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the person who runs the tests has in the environment does not matter."""
    monkeypatch.delenv(DEVICES_VARIABLE, raising=False)


def own_file(folder: Path, text: str = OWN) -> Path:
    path = folder / "mine.yml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("part", SHIPPED.parts, ids=lambda part: part.name)
def test_every_shipped_part_is_whole(part: Part) -> None:
    """Each part has a source and resources that figures can be held against, and its regions add up to it."""
    assert len(part.source) > 20
    assert part.resources
    assert set(part.resources) <= set(RESOURCES)
    assert {"LUT", "ALM"} & set(part.resources)
    assert (part.regions > 1) == bool(part.region)
    if part.region:
        assert {name: part.regions * count for name, count in part.region.items()} == part.resources
    assert (part.yosys_family is None) == ("ALM" in part.resources)


@pytest.mark.parametrize("board", SHIPPED.boards, ids=lambda board: board.name)
def test_every_shipped_board_is_whole(board: Board) -> None:
    """Each board has a title and a source, and so has each of its clocks."""
    assert board.title
    assert len(board.source) > 20
    for clock in board.clocks:
        assert len(clock.source) > 20
        assert clock.period_ns * clock.mhz == pytest.approx(1000)


def test_the_numbers_that_were_looked_up_stand_there() -> None:
    """The parts that most budgets are about, as in the facts of the project."""
    vu13p, vu9p = find_part("xcvu13p"), find_part("xcvu9p")
    assert (vu13p.verified, vu9p.verified) == (True, True)
    assert vu13p.resources == {"LUT": 1728000, "FF": 3456000, "DSP": 12288, "BRAM18": 5376, "URAM": 1280}
    assert vu9p.resources == {"LUT": 1182240, "FF": 2364480, "DSP": 6840, "BRAM18": 4320, "URAM": 960}
    assert not find_part("xcku115").verified


@pytest.mark.parametrize(
    ("name", "part", "speed"),
    [
        ("xcvu13p-flga2577-2-e", "xcvu13p", "2"),
        ("VU13P", "xcvu13p", ""),
        (" XCVU13P ", "xcvu13p", ""),
        ("xcvu9p-flga2104-2L-e", "xcvu9p", "2L"),
        ("xcu250figd2104-2L", "xcu250", "2L"),
        ("xc7vx690tffg1927-2", "xc7vx690t", "2"),
        ("7z020clg400-1", "xc7z020", "1"),
        ("10AX115N2F45E1SG", "10ax115", "1"),
        ("1SX280LN2F43E2LG", "1sg280", "2"),
        ("AGFB014R24A2E2VR0", "agf014", "2"),
        ("serenity-s1", "xcvu13p", ""),
        ("MP7", "xc7vx690t", ""),
    ],
)
def test_a_part_is_found_under_the_names_that_tools_use(name: str, part: str, speed: str) -> None:
    """Full names, reports' spellings, short names and boards lead to the part; the speed grade is kept."""
    found = find_part(name)
    assert (found.name, found.speed) == (part, speed)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("xcvu31p", r"no part 'xcvu31p'[\s\S]*did you mean xcvu13p"),
        ("vu13", r"did you mean xcvu13p"),
        ("xcvu13p2", "no part"),
        ("xcvu13pq-flga2577", "no part"),
        ("", "no part"),
        ("serenity-s2", "did you mean serenity-s1"),
        *[
            (backend.default_part, r"is a family, not a part[\s\S]*one of its parts")
            for backend in (HlsBackend.QUARTUS, HlsBackend.ONEAPI)
        ],
    ],
)
def test_an_unknown_part_gets_the_nearest_names(name: str, message: str) -> None:
    """A typing error is answered, and a family, which has no resources of its own, is not guessed at."""
    with pytest.raises(BadInput, match=message):
        find_part(name)


@given(st.text(max_size=30))
def test_no_text_is_more_than_unknown(name: str) -> None:
    """Whatever is asked for: a part of the catalogue, or a message."""
    try:
        found = SHIPPED.find(name)
    except BadInput:
        return
    assert found.name in {device.name for device in (*SHIPPED.parts, *SHIPPED.boards)}


def test_a_file_of_ones_own_adds_to_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By argument or by environment; the same file named twice is read once, and the shipped ones stay."""
    path = own_file(tmp_path)
    devices = load_devices([path])
    part = devices.part("my-chip")
    assert (part.name, part.resources, part.region) == ("xcvu37p", {"LUT": 1000, "DSP": 30}, {"LUT": 300})
    assert part.origin == str(path)
    board = devices.find("My-Board")
    assert isinstance(board, Board)
    assert board.parts_text == "2 × xcvu37p + 1 × xcvu13p"
    with pytest.raises(BadInput, match=r"more than one kind of part[\s\S]*xcvu37p, xcvu13p"):
        devices.part("my-board")
    assert devices.part("vu13p").name == "xcvu13p"
    monkeypatch.setenv(DEVICES_VARIABLE, f"{path}{os.pathsep}")
    assert load_devices([path]).part("vu37p") == part
    monkeypatch.delenv(DEVICES_VARIABLE)
    with pytest.raises(BadInput, match="no part 'vu37p'"):
        find_part("vu37p")


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        (
            "LUT: 1000",
            "LUTS: 1000",
            ["unknown key", "did you mean parts.xcvu37p.resources.LUT?"],
        ),
        ("vendor", "vender", ["line 3", "did you mean parts.xcvu37p.vendor?"]),
        ("LUT: 1000", "LUT: -1", ["parts.xcvu37p.resources.LUT", "greater than or equal to 0", "-1"]),
        ("LUT: 1000", "LUT: 1e3", ["resources.LUT", "valid integer"]),
        ("LUT: 300", "LUT: 400", ["parts.xcvu37p", "3 regions of 400 LUT", "part's 1000"]),
        ("LUT: 300", "FF: 3", ["3 regions of 3 FF", "unknown number"]),
        ("    regions: 3\n", "", ["no region for a part of one region"]),
        ("regions: 3", "regions: 0", ["parts.xcvu37p.regions", "equal to 1"]),
        ("{LUT: 1000, DSP: 30}", "{}", ["at least one of the part's resources"]),
        ("    source: my notes\n", "", ["'parts.xcvu37p.source' is missing"]),
        ("source: my notes", "source: ''", ["parts.xcvu37p.source", "at least 1 character"]),
        ("    source: its manual\n", "", ["'boards.my-board.source' is missing"]),
        (", source: its manual", "", ["boards.my-board.clocks[0].source"]),
        ("mhz: 320", "mhz: 0", ["clocks[0].mhz", "greater than 0"]),
        (
            "xcvu37p: 2",
            "xcvu38p: 2",
            ["a part that is not known", "did you mean xcvu37p?"],
        ),
        ("xcvu37p: 2", "xcvu37p: 0", ["boards.my-board.parts.xcvu37p", "equal to 1"]),
        ("  xcvu37p:\n", "  XCVU37P:\n", ["small letters"]),
        ("  xcvu37p:\n", "  xcvu13p:\n", ["the part 'xcvu13p' is there twice", "amd.yml"]),
        ("my-chip", "vu13p", ["the part 'vu13p' is there twice", "amd.yml"]),
        ("  my-board:", "  mp7:", ["the board 'mp7' is there twice", "boards.yml"]),
        ("  my-board:", "  xcvu9p:", ["the board 'xcvu9p' is there twice"]),
        ("  xcvu37p:\n", "  mp7:\n", ["the part 'mp7' is there twice", "boards.yml"]),
        ("boards:", "parts:", ["the key 'parts' is there twice"]),
        ("my notes", "!!python/name:os.system x", ["not valid YAML"]),
        (OWN, "parts: {}", ["neither parts nor boards"]),
        (
            "    family: Virtex UltraScale+ HBM",
            "    family: Virtex\n    yosys_family: xcvu",
            ["yosys_family", "'xcup'"],
        ),
    ],
)
def test_a_wrong_file_is_explained(tmp_path: Path, old: str, new: str, parts: list[str]) -> None:
    """Each mistake in a user's file names the file, the place and what was expected."""
    assert old in OWN
    with pytest.raises(BadInput) as caught:
        load_devices([own_file(tmp_path, OWN.replace(old, new, 1))])
    for part in [*parts, "mine.yml"]:
        assert part in str(caught.value)


def test_a_file_that_cannot_be_read_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing file, also one of the environment, and a binary file have one message each."""
    (tmp_path / "binary.yml").write_bytes(b"\x89HDF\xff\xfe")
    with pytest.raises(BadInput, match=r"not a text file in UTF-8[\s\S]*binary\.yml"):
        load_devices([tmp_path / "binary.yml"])
    monkeypatch.setenv(DEVICES_VARIABLE, str(tmp_path / "none.yml"))
    with pytest.raises(BadInput, match=r"No such file or directory[\s\S]*none\.yml"):
        find_part("xcvu13p")
