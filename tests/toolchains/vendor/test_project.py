"""What a project is for, and which of its files count."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from trigml.errors import BadInput
from trigml.toolchains.vendor.project import ProjectKind, describe, input_files, inputs_digest, newest_input


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Path]:
    """Writes a description."""

    def write(**content: object) -> Path:
        (tmp_path / "trigml_project.json").write_text(json.dumps(content))
        return tmp_path

    return write


@pytest.mark.parametrize(
    ("backend", "part", "kind"),
    [
        *(
            (None, part, ProjectKind.RTL_VIVADO)
            for part in ("xcvu13p-flga2577-2-e", "VU13P", "xc7z020clg484-1")
        ),
        *(
            (None, part, ProjectKind.RTL_QUARTUS)
            for part in ("10AX115N2F45I1SG", "AGFB014R24A3E3V", "5SGXEA7")
        ),
        ("vitis", "xcvu13p-flga2577-2-e", ProjectKind.VITIS_HLS),
        ("quartus", "Arria10", ProjectKind.QUARTUS_HLS),
        ("oneapi", "Agilex7", None),
    ],
)
def test_the_kind(
    project: Callable[..., Path], backend: str | None, part: str, kind: ProjectKind | None
) -> None:
    """Protects the choice of tools: by backend, and for RTL by the maker of the part."""
    options = {"part": part, "clock_ns": 4} | ({"backend": backend} if backend else {})
    found = describe(project(top="net", options=options, **({} if backend else {"backend": "rtl"})))
    assert found is not None
    assert (found.kind, found.expected.top, found.expected.part, found.expected.clock_ns) == (
        kind,
        "net",
        part,
        4,
    )


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"top": "net"}',
        '{"top": "net", "options": []}',
        '{"top": "n", "options": {"part": "x"}}',
    ],
)
def test_a_damaged_description(tmp_path: Path, content: str) -> None:
    """Protects against a traceback, and against reports that are then compared with nothing."""
    assert describe(tmp_path) is None
    (tmp_path / "trigml_project.json").write_text(content)
    with pytest.raises(BadInput, match="description of the project is damaged"):
        describe(tmp_path)


def test_the_files_that_count(project: Callable[..., Path]) -> None:
    """Protects the digest: name and content of every input count, what tools and trigml add does not."""
    folder = project(top="net", options={})
    for name in (
        "firmware/net.cpp",
        "firmware/weights/w2.txt",
        "build_prj.tcl",
        "tb_data/tb_input_features.dat",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    digest = inputs_digest(folder)
    for name in (
        "report.json",
        "README.md",
        "vendor/work/a.tcl",
        "tb_data/csim_results.log",
        "firmware/net.so",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    assert inputs_digest(folder) == digest
    assert [path.name for path in input_files(folder)][:2] == ["build_prj.tcl", "net.cpp"]
    (folder / "firmware" / "weights" / "w2.txt").write_text("other")
    changed = inputs_digest(folder)
    (folder / "firmware" / "weights" / "w2.txt").rename(folder / "firmware" / "weights" / "w3.txt")
    assert len({digest, changed, inputs_digest(folder)}) == 3


def test_the_newest_input(project: Callable[..., Path]) -> None:
    """Protects the time that reports made by hand are compared with: that of the input changed last."""
    folder = project(top="net", options={})
    os.utime(folder / "trigml_project.json", (1000, 1000))
    (folder / "firmware").mkdir()
    for name, time in (("a.cpp", 3000), ("b.cpp", 2000)):
        (folder / "firmware" / name).touch()
        os.utime(folder / "firmware" / name, (time, time))
    assert newest_input(folder) == (folder / "firmware" / "a.cpp", 3000)
    assert newest_input(folder / "nowhere") is None
