"""Compiled emulators: kept once, checked when loaded, made again when damaged."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from trigml.emulation.native import Emulator, emulator_project
from trigml.emulation.numpy_emulator import emulate
from trigml.errors import MissingTool, ToolFailed
from trigml.graph import Graph
from trigml.project import Project
from trigml.toolchains import native_emulation
from trigml.toolchains.native_emulation import load, native_library

MakeGraph = Callable[..., Graph]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own."""
    monkeypatch.setenv("TRIGML_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "native"


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The networks that were compiled, as they are."""
    compiled: list[str] = []
    really = native_emulation._compiled

    def counted(project: Project, *arguments: object) -> Path:
        compiled.append(project.top)
        return really(project, *arguments)

    monkeypatch.setattr(native_emulation, "_compiled", counted)
    return compiled


def assert_works(graph: Graph) -> None:
    words = np.random.default_rng(0).integers(-9, 9, (40, graph.n_in))
    emulator = Emulator(graph, threads=1, optimise=False)
    np.testing.assert_array_equal(emulator.predict_words(words), emulate(graph, words))


def test_compiled_once(make_graph: MakeGraph, cache: Path, compilations: list[str]) -> None:
    """Protects the cache: one compilation per network, and another one for another network."""
    assert_works(make_graph(1))
    assert_works(make_graph(1))
    assert len(compilations) == 1
    assert_works(make_graph(2))
    assert len(compilations) == 2
    assert len(list(cache.iterdir())) == 2


def test_what_a_library_depends_on(
    make_graph: MakeGraph, compilations: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects against a library of another compiler, processor or set of flags."""
    project, digest = emulator_project(make_graph(1)), make_graph(1).digest
    native_library(project, digest, optimise=False)
    native_library(project, digest, optimise=True)
    assert len(compilations) == 2
    monkeypatch.setattr(native_emulation, "_processor", lambda: "another one")
    native_library(project, digest, optimise=False)
    assert len(compilations) == 3
    monkeypatch.setattr(native_emulation, "version_line", lambda compiler: "g++ 99")
    native_library(project, digest, optimise=False)
    assert len(compilations) == 4


@pytest.mark.parametrize("damage", ["cut", "bit", "empty", "text"])
def test_a_damaged_library_is_made_again(
    make_graph: MakeGraph, cache: Path, compilations: list[str], damage: str
) -> None:
    """Protects against loading half a file, which ends the process."""
    assert_works(make_graph(1))
    (kept,) = cache.iterdir()
    content = kept.read_bytes()
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 1
    kept.unlink()  # the old file is mapped into this process
    kept.write_bytes({"cut": content[:-100], "bit": flipped, "empty": b"", "text": b"no library"}[damage])
    assert_works(make_graph(1))
    assert len(compilations) == 2
    assert_works(make_graph(1))
    assert len(compilations) == 2


def test_a_library_of_another_network_is_refused(
    make_graph: MakeGraph, cache: Path, compilations: list[str]
) -> None:
    """Protects against scores of another network: whole, loadable, but not this one's."""
    assert_works(make_graph(1))
    (of_first,) = cache.iterdir()
    assert_works(make_graph(2))
    (of_second,) = set(cache.iterdir()) - {of_first}
    with pytest.raises(ToolFailed, match="belongs to another network") as error:
        load(of_second, "network", make_graph(1).digest)
    assert error.value.found == make_graph(2).digest
    content = of_second.read_bytes()
    of_first.unlink()
    of_first.write_bytes(content)
    assert_works(make_graph(1))
    assert len(compilations) == 3


def test_an_unwritable_cache(
    make_graph: MakeGraph, tmp_path: Path, compilations: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects work where nothing can be kept: it compiles each time."""
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("TRIGML_CACHE", str(tmp_path / "file"))
    assert_works(make_graph(1))
    assert_works(make_graph(1))
    assert len(compilations) == 2


def test_several_at_once(make_graph: MakeGraph, cache: Path) -> None:
    """Protects against half-written libraries when several compile the same network at the same time."""
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: assert_works(make_graph(1)), range(3)))
    assert len(list(cache.iterdir())) == 1


def test_no_compiler(make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Protects the message on a machine without g++."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(MissingTool) as error:
        Emulator(make_graph(1))
    assert "apt-get install g++" in (error.value.remedy or "")


def test_a_source_that_does_not_compile(make_graph: MakeGraph, cache: Path) -> None:
    """Protects the message, and the cache against a library that is none."""
    project = emulator_project(make_graph(1))
    broken = Project(project.top, dict(project.files) | {"network.cpp": b"#error planted\n"})
    with pytest.raises(ToolFailed, match="compiling the native emulator failed") as error:
        native_library(broken, "digest", optimise=False)
    assert "#error planted" in (error.value.remedy or "")
    assert not cache.exists()


def test_a_library_without_the_emulator(make_graph: MakeGraph) -> None:
    """Protects the message when a compiled source does not define the network."""
    project = emulator_project(make_graph(1))
    hollow = Project(project.top, dict(project.files) | {"network.cpp": b"int nothing;\n"})
    with pytest.raises(ToolFailed, match="cannot be loaded"):
        native_library(hollow, "digest", optimise=False)
