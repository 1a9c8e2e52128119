"""``trigml devices``: what it lists and shows, and that its documentation is true."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from trigml.cli.main import exit_code_of
from trigml.devices import DEVICES_VARIABLE, load_devices

DOCUMENT = Path(__file__).parents[2] / "docs" / "devices.md"


@pytest.fixture(autouse=True)
def no_own_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DEVICES_VARIABLE, raising=False)


def example(folder: Path) -> Path:
    """The device file that the documentation shows."""
    (text,) = re.findall(r"```yaml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    path = folder / "mine.yml"
    path.write_text(text)
    return path


def test_the_list_has_every_part_and_board(capsys: pytest.CaptureFixture[str]) -> None:
    """As text and as JSON, each device with its numbers."""
    assert exit_code_of(["devices"]) == 0
    text = capsys.readouterr().out
    assert exit_code_of(["devices", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    devices = load_devices()
    assert [part["name"] for part in content["parts"]] == [part.name for part in devices.parts]
    assert [board["name"] for board in content["boards"]] == [board.name for board in devices.boards]
    for device in (*devices.parts, *devices.boards):
        assert re.search(rf"^{re.escape(device.name)} ", text, re.MULTILINE)
    assert re.search(r"^xcvu13p .* 1,728,000 .* yes$", text, re.MULTILINE)
    assert all(entry["source"] for entry in content["parts"] + content["boards"])


def test_one_part_is_shown_with_its_regions_and_source(capsys: pytest.CaptureFixture[str]) -> None:
    """A full name as the tools write it: speed grade, regions, resources of one region, source."""
    assert exit_code_of(["devices", "xcvu13p-flga2577-2-e"]) == 0
    shown = capsys.readouterr().out
    for part in ("AMD Virtex UltraScale+", "4 super logic regions", "432,000", "speed grade", "hls4ml"):
        assert part in shown
    assert exit_code_of(["devices", "xcku115"]) == 0
    assert "not verified" in capsys.readouterr().out


def test_one_board_is_shown_with_its_parts(capsys: pytest.CaptureFixture[str]) -> None:
    """Clock in cycles per bunch crossing, and the resources of its FPGA."""
    assert exit_code_of(["devices", "mp7"]) == 0
    shown = capsys.readouterr().out
    for part in ("1 × xc7vx690t", "240 MHz", "6 cycles per bunch crossing", "433,200"):
        assert part in shown
    assert exit_code_of(["devices", "mp7", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["board"]["clocks"][0]["mhz"] == 240
    assert content["parts"][0]["resources"]["DSP"] == 3600


def test_an_unknown_name_is_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, the nearest names, nothing on stdout."""
    assert exit_code_of(["devices", "xcvu13"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "did you mean xcvu13p" in captured.err


def test_the_documented_file_works(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The example of docs/devices.md is read as it stands, by option and by environment."""
    path = example(tmp_path)
    assert exit_code_of(["devices", "my-board", "--devices", str(path)]) == 0
    assert "2 × xcvu37p" in capsys.readouterr().out
    monkeypatch.setenv(DEVICES_VARIABLE, str(path))
    assert exit_code_of(["devices", "my-chip"]) == 0
    assert "1,000,000" in capsys.readouterr().out


def test_a_wrong_file_is_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistake in a device file names file, line and the nearest key."""
    path = example(tmp_path)
    path.write_text(path.read_text().replace("regions:", "regionz:"))
    assert exit_code_of(["devices", "--devices", str(path)]) == 2
    message = capsys.readouterr().err
    for part in ("mine.yml, line 8", "or parts.xcvu37p.regions?"):
        assert part in message
