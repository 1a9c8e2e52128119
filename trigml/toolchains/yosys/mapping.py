"""Mapping a design: its units in parallel, each a Yosys in a process of its own, or from the cache."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from trigml.errors import BadInput, ToolFailed
from trigml.progress import Progress, Silent
from trigml.toolchains.programs import run
from trigml.toolchains.yosys.cache import Cache, Result, key_of
from trigml.toolchains.yosys.cells import Statistics, statistics_of
from trigml.toolchains.yosys.mapped import MappedDesign, MappedModule
from trigml.toolchains.yosys.tool import Family, Yosys, find_yosys
from trigml.toolchains.yosys.units import Unit, units_of

DEFAULT_LIMIT_S = 1800.0
PROCESSES = 2
_WORKER = Path(__file__).with_name("worker.py")


def map_design(
    top: str,
    sources: Sequence[Path],
    family: Family,
    *,
    dsp: bool = False,
    time_limit_s: float = DEFAULT_LIMIT_S,
    cache: Path | None = None,
    processes: int = PROCESSES,
    yosys: Yosys | None = None,
    progress: Progress | None = None,
) -> MappedDesign:
    """Map Verilog to the cells of a family, and count them.

    What lies between two rows of pipeline registers is mapped by itself. Units that are done are in the
    cache even if a later one fails or the time runs out.

    Args:
        top: the top module.
        sources: Verilog files; no two of the same name.
        family: the cells.
        dsp: whether products of two variables may become DSPs, instead of LUTs.
        time_limit_s: for the whole design.
        cache: folder of results of earlier runs, made if it is not there; ``None``: none.
        processes: how many Yosys run at a time.
        yosys: what runs (default: that of the package ``pyosys``).
        progress: listener.

    Raises:
        BadInput: a source cannot be read, is no Verilog, or the top module is not there.
        MissingTool: no Yosys.
        ToolFailed: it crashed, printed something unreadable, or did not end within the limit.
    """
    started = time.monotonic()
    listener = progress or Silent()
    contents = _contents(sources)
    units = units_of(top, {name: text.decode("utf-8", "replace") for name, text in contents.items()})
    tool = yosys or find_yosys()
    job = _Job(tool, tool.digest(), family, dsp, contents, Cache(cache), started, time_limit_s)
    done = _all_mapped(job, units, processes, listener)
    statistics = {unit.top: job.statistics(unit, done[unit.top].result) for unit in units}
    instances = {**statistics[top].boxes, top: 1}
    if unused := [name for name, number in instances.items() if number == 0]:
        raise ToolFailed(
            "modules of the design have been lost in the mapping", where=top, found=", ".join(unused)
        )
    modules = tuple(
        MappedModule(unit.top, instances[unit.top], statistics[unit.top].cells, done[unit.top].result.netlist)
        for unit in units
    )
    cached = sum(mapped.cached for mapped in done.values())
    return MappedDesign(top, family, dsp, modules, tool.version, time.monotonic() - started, cached)


def _contents(sources: Sequence[Path]) -> dict[str, bytes]:
    contents: dict[str, bytes] = {}
    for path in sources:
        if path.suffix != ".v":
            raise BadInput(
                "Yosys maps Verilog only",
                where=str(path),
                expected="files that end in .v",
                remedy="write the RTL project in Verilog: it is the same logic",
            )
        if path.name in contents:
            raise BadInput(f"two sources are called {path.name}", where=str(path))
        try:
            contents[path.name] = path.read_bytes()
        except OSError as error:
            raise BadInput("a source cannot be read", where=str(path), found=str(error)) from error
    return contents


@dataclass(frozen=True)
class _Mapped:
    """A unit that is done, and whether it came from the cache."""

    result: Result
    cached: bool


@dataclass(frozen=True)
class _Job:
    """What the units of a design have in common."""

    tool: Yosys
    tool_digest: str
    family: Family
    dsp: bool
    contents: Mapping[str, bytes]
    cache: Cache
    started: float
    limit_s: float

    def key(self, unit: Unit) -> str:
        settings = {
            "top": unit.top,
            "sources": unit.files,
            "boxes": unit.box_files,
            "family": self.family.value,
            "dsp": self.dsp,
            "yosys": [self.tool.version, self.tool_digest],
            "worker": _WORKER.read_text(encoding="utf-8"),
        }
        return key_of(settings, {name: self.contents[name] for name in (*unit.files, *unit.box_files)})

    def mapped(self, unit: Unit, stop: Event) -> tuple[_Mapped, str | None]:
        """The unit, and a remark if it could not be kept."""
        key = self.key(unit)
        found = self.cache.find(key)
        if found is not None:
            return _Mapped(found, cached=True), None
        with tempfile.TemporaryDirectory(prefix="trigml_yosys_") as scratch:
            result = self._made(unit, Path(scratch), stop)
        self.statistics(unit, result)  # what cannot be read is not kept
        return _Mapped(result, cached=False), self.cache.keep(key, result)

    def statistics(self, unit: Unit, result: Result) -> Statistics:
        return statistics_of(result.statistics, unit.top, unit.boxes)

    def _made(self, unit: Unit, folder: Path, stop: Event) -> Result:
        for name in (*unit.files, *unit.box_files):
            (folder / name).write_bytes(self.contents[name])
        counts, netlist, job = folder / "counts.json", folder / "netlist.v", folder / "job.json"
        description = {
            "top": unit.top,
            "sources": list(unit.files),
            "boxes": list(unit.box_files),
            "family": self.family.value,
            "dsp": self.dsp,
            "counts": counts.name,
            "netlist": netlist.name,
        }
        job.write_text(json.dumps(description), encoding="utf-8")
        left = self.started + self.limit_s - time.monotonic()
        if left <= 0:
            raise self._too_long(unit)
        try:
            run([*self.tool.command, str(job)], what="Yosys", timeout_s=left, folder=folder, stop=stop)
        except ToolFailed as error:
            if time.monotonic() >= self.started + self.limit_s:
                raise self._too_long(unit) from error
            raise ToolFailed(
                f"{error.problem}: no figures of mapped cells",
                where=f"module {unit.top}",
                found=_complaint(folder) or error.found,
                remedy=error.remedy,
            ) from error
        for path in (counts, netlist):
            if not path.is_file() or path.stat().st_size == 0:
                raise ToolFailed(
                    "Yosys ended without an error and without a result: no figures of mapped cells",
                    where=f"module {unit.top}",
                    expected="statistics and a netlist",
                    found=f"no {path.name}",
                    remedy="pip install --force-reinstall pyosys",
                )
        return Result(counts.read_text(encoding="utf-8"), netlist.read_text(encoding="utf-8"))

    def _too_long(self, unit: Unit) -> ToolFailed:
        return ToolFailed(
            "mapping to cells did not end within the time limit: no figures of mapped cells",
            where=f"module {unit.top}, {len(self.contents[unit.files[0]]):,} bytes of Verilog",
            expected=f"at most {self.limit_s:g} s",
            remedy="allow more time (modules that are done are kept and not mapped again), cut the network "
            "into more pipeline stages, or make it smaller",
        )


def _complaint(folder: Path) -> str:
    """What Yosys wrote into its log, instead of on the screen, before it gave up."""
    log = folder / "yosys.log"
    if not log.is_file():
        return ""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "; ".join(line for line in lines if "ERROR" in line)


def _all_mapped(job: _Job, units: Sequence[Unit], processes: int, listener: Progress) -> dict[str, _Mapped]:
    """All units by name; the largest are begun first, so that no core waits for the last one."""
    order = sorted(units, key=lambda unit: -sum(len(job.contents[name]) for name in unit.files))
    stop = Event()
    done: dict[str, _Mapped] = {}
    with (
        listener.task(f"Mapping to {job.family.label} cells with Yosys", len(order)) as task,
        ThreadPoolExecutor(processes) as pool,
    ):
        jobs: dict[Future[tuple[_Mapped, str | None]], Unit] = {
            pool.submit(job.mapped, unit, stop): unit for unit in order
        }
        remarks: set[str] = set()
        try:
            for future in as_completed(jobs):
                unit = jobs[future]
                done[unit.top], remark = future.result()
                task.advance(1, f"{unit.top}{' (from the cache)' if done[unit.top].cached else ''}")
                remarks |= {remark} if remark else set()
        finally:
            stop.set()  # after Ctrl-C, or if one has failed, the others are not waited for
            pool.shutdown(wait=True, cancel_futures=True)
    for remark in sorted(remarks):
        listener.say(f"mapped modules are not kept for the next time: {remark}")
    return done
