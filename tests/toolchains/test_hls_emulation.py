"""Compiling and running the emulation: what goes wrong is one clear error."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from trigml.backends.hls.options import HlsBackend, HlsOptions
from trigml.backends.hls.writer import HlsProject, hls_project
from trigml.emulation.numpy_emulator import emulate
from trigml.errors import BadInput, MissingTool, ToolFailed
from trigml.graph import Graph
from trigml.toolchains import hls_emulation
from trigml.toolchains.hls_emulation import HlsEmulation, compile_emulation

OPTIONS = HlsOptions(HlsBackend.VITIS, "xcvu13p-flga2577-2-e", 5.0)


@pytest.fixture(scope="module")
def graph(make_graph: Callable[..., Graph]) -> Graph:
    return make_graph(9, sizes=(3, 4, 2))


@pytest.fixture(scope="module")
def project(graph: Graph) -> HlsProject:
    return hls_project(graph, OPTIONS)


def fake(graph: Graph, tmp_path: Path, script: str) -> HlsEmulation:
    """An emulation whose executable is a shell script ($1: input, $2: output)."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "emulation").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "emulation").chmod(0o755)
    return HlsEmulation(graph, "sh", folder)


def test_oneapi_is_refused(graph: Graph, tmp_path: Path) -> None:
    """Protects against compiling what needs Intel's compiler; the project itself is written."""
    project = hls_project(graph, HlsOptions(HlsBackend.ONEAPI, "Agilex7", 5.0))
    assert project.files
    with pytest.raises(BadInput, match="oneapi projects does not compile with plain g\\+\\+"):
        compile_emulation(graph, project, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_no_compiler(
    graph: Graph, project: HlsProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the message on a machine without g++, before anything is written."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(MissingTool) as error:
        compile_emulation(graph, project, tmp_path)
    assert "apt-get install g++" in (error.value.remedy or "")
    assert list(tmp_path.iterdir()) == []


def test_a_compiler_error_is_shown(graph: Graph, project: HlsProject, tmp_path: Path) -> None:
    """Protects the message when the C++ does not compile: the compiler's last lines."""
    broken = HlsProject(
        project.top,
        dict(project.files) | {"firmware/network.cpp": b"#error planted\n"},
        project.options,
        project.layers,
        project.notes,
    )
    with pytest.raises(ToolFailed, match="compiling the emulation of the HLS project failed") as error:
        compile_emulation(graph, broken, tmp_path)
    assert "#error planted" in (error.value.remedy or "")


def test_a_crash_of_the_emulation(graph: Graph, tmp_path: Path) -> None:
    """Protects trigml from a crash in the emulated C++."""
    emulation = fake(graph, tmp_path, "echo deep inside; kill -SEGV $$")
    with pytest.raises(ToolFailed, match="the emulation of the HLS project failed") as error:
        emulation.outputs(np.zeros((5, 3), dtype=np.int64))
    assert error.value.found == "ended by SIGSEGV"
    assert "deep inside" in (error.value.remedy or "")


def test_a_hanging_emulation(graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects against waiting for ever."""
    monkeypatch.setattr(hls_emulation, "RUN_TIMEOUT_S", 0.5)
    with pytest.raises(ToolFailed, match="did not end in time"):
        fake(graph, tmp_path, "sleep 600").outputs(np.zeros((5, 3), dtype=np.int64))


def test_a_failed_part_does_not_wait_for_the_others(
    graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects Ctrl-C and errors with several processes: the others are ended, not waited for."""
    monkeypatch.setattr(hls_emulation, "EVENTS_WORTH_A_PROCESS", 5)
    monkeypatch.setattr(hls_emulation, "_cores", lambda: 2)
    emulation = fake(graph, tmp_path, 'case "$1" in */0.in) exit 7;; *) sleep 600;; esac')
    with pytest.raises(ToolFailed) as error:
        emulation.outputs(np.zeros((10, 3), dtype=np.int64))
    assert error.value.found == "exit code 7"


@pytest.mark.parametrize("count", [0, 9, 11])
def test_a_wrong_number_of_words(graph: Graph, tmp_path: Path, count: int) -> None:
    """Protects against reading outputs that are not there, or belong to other events."""
    emulation = fake(graph, tmp_path, f'head -c {8 * count} /dev/zero > "$2"')
    with pytest.raises(ToolFailed, match="another number of words") as error:
        emulation.outputs(np.zeros((5, 3), dtype=np.int64))
    assert (error.value.expected, error.value.found) == ("10", str(count))


@pytest.mark.slow
def test_events_keep_their_order_over_processes(
    graph: Graph, project: HlsProject, tmp_path: Path, make_words: Callable[..., np.ndarray]
) -> None:
    """Protects the order of events when several processes share them, and input of any size."""
    emulation = compile_emulation(graph, project, tmp_path)
    assert "g++" in emulation.compiler
    for count in (0, 1, 5003):
        words = make_words(graph, count) if count > 1 else np.full((count, 3), 5, dtype=np.int64)
        outputs = emulation.outputs(words)
        assert outputs.shape == (count, 2)
        np.testing.assert_array_equal(outputs, emulate(graph, words))
