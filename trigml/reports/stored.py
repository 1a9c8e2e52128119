"""``report.json``: what ``trigml synth`` found out about a project, kept in the project's folder.

The report names the project's files and their digest: figures of another project, or of one that was changed
since, are not shown.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError

from trigml import __version__
from trigml.backends.hls.options import HlsOptions
from trigml.backends.rtl import RtlOptions
from trigml.errors import BadInput
from trigml.project import PROJECT_FILE, Project, added_sources
from trigml.reports.figures import Figure, figures_json, in_order, with_clock
from trigml.reports.mapped import ModuleRow
from trigml.reports.vendor import vendor_clock, vendor_figures
from trigml.spec import BudgetSpec
from trigml.spec.budget_file import Limits
from trigml.verify.comparison import Comparison, StageResult

REPORT = "report.json"
RTL = "rtl"

NETLIST = "netlist"
"""Folder of the mapped netlist in an RTL project."""

Options: TypeAlias = HlsOptions | RtlOptions


@dataclass(frozen=True)
class Contents:
    """The files that a report is about.

    Attributes:
        digest: of their names and contents.
        files: their names.
        netlist: digest of the mapped netlist that lies beside them; empty if the report is not about one.
    """

    digest: str
    files: tuple[str, ...]
    netlist: str = ""

    @classmethod
    def of(cls, project: Project) -> Contents:
        """Those of a project."""
        return cls(project.digest, tuple(sorted(project.files)))

    def with_netlist(self, folder: Path) -> Contents:
        """The same with the netlist that lies in a project's folder."""
        return replace(self, netlist=_netlist_digest(folder))

    def require_in(self, folder: Path) -> None:
        """Refuse a folder that holds other files than those.

        Raises:
            BadInput: one is missing, or was changed, or one was added to the sources, or the netlist is
                another one.
        """
        files = {}
        for name in self.files:
            parts = PurePosixPath(name)
            if parts.is_absolute() or ".." in parts.parts:
                raise ValueError(f"a file outside the project: {name}")
            try:
                files[name] = (folder / name).read_bytes()
            except OSError as error:
                raise _outdated(folder, f"no file {name}") from error
        found = Project("", files).digest
        if found != self.digest:
            raise _outdated(folder, f"digest {found[:16]} instead of {self.digest[:16]}")
        if added := added_sources(folder, self.files):
            raise _outdated(folder, f"another source: {', '.join(added)}")
        if self.netlist and (netlist := _netlist_digest(folder)) != self.netlist:
            found = f"{NETLIST}/ with digest {netlist[:16]} instead of {self.netlist[:16]}"
            raise _outdated(folder, found if netlist else f"no {NETLIST}/")


def _netlist_digest(folder: Path) -> str:
    files = sorted(path for path in (folder / NETLIST).glob("*") if path.is_file())
    return Project("", {path.name: path.read_bytes() for path in files}).digest if files else ""


def _outdated(folder: Path, found: str) -> BadInput:
    return BadInput(
        "the project was changed since its report was made",
        where=str(folder),
        expected="the files that the report is about",
        found=found,
        remedy="make both again with: trigml synth MODEL --force",
    )


def _older(folder: Path, version: str) -> BadInput:
    return BadInput(
        "the project's report does not say which files it is about",
        where=str(folder / REPORT),
        expected="a report with the digest of the project's files",
        found=f"one of an earlier trigml ({version})",
        remedy="make it again with: trigml synth MODEL (an unchanged project stays as it is)",
    )


@dataclass(frozen=True)
class ProjectReport:
    """What is known of one HLS or RTL project.

    Attributes:
        folder: the project.
        top: its top function or module.
        options: what it was made for.
        contents: the files that the report is about.
        comparison: stages, events, differences.
        limits: what is allowed, for which device, and who says so.
        own: latency and resources by trigml's own means.
        modules: cells of each module of a mapped RTL design.
        vendor: the same from vendors' reports, if some lie in the folder; never stored, always read anew.
        notes: what the reader should know.
        failure: why the project is not exact, if that is not a difference of the comparison.
    """

    folder: Path
    top: str
    options: Options
    contents: Contents
    comparison: Comparison
    limits: Limits
    own: tuple[Figure, ...] = ()
    modules: tuple[ModuleRow, ...] = ()
    vendor: tuple[Figure, ...] = ()
    notes: tuple[str, ...] = ()
    failure: str = ""

    @property
    def backend(self) -> str:
        """Which kind of project it is: an HLS tool's, or ``rtl``."""
        return self.options.backend.value if isinstance(self.options, HlsOptions) else RTL

    @property
    def bit_exact(self) -> bool:
        """Whether every stage gave the graph's words."""
        return self.comparison.first_difference is None and not self.failure

    @property
    def figures(self) -> tuple[Figure, ...]:
        """All rows: those of one quantity side by side, the most trustworthy first."""
        return in_order((*self.vendor, *with_clock(self.own, vendor_clock(self.vendor))))

    def held_against(self, limits: Limits | None) -> ProjectReport:
        """The same with another budget; ``None``: with its own."""
        return self if limits is None else replace(self, limits=limits)

    def with_vendor(self) -> ProjectReport:
        """The same with the figures of vendors' reports that lie in the folder now.

        Raises:
            BadInput: one of them is truncated, or of another project.
        """
        return replace(self, vendor=tuple(vendor_figures(self.folder, self.top)))


def stored_content(report: ProjectReport) -> dict[str, Any]:
    """Content of ``report.json``: the same project and tools give the same bytes."""
    return {
        "trigml": __version__,
        "backend": report.backend,
        "options": report.options.to_json(),
        "digest": report.contents.digest,
        "files": list(report.contents.files),
        "netlist": report.contents.netlist,
        "bit_exact": report.bit_exact,
        "failure": report.failure,
        "verification": report.comparison.to_json(),
        "budget": report.limits.budget.model_dump(mode="json", exclude_none=True),
        "budget_file": report.limits.file,
        "figures": figures_json(report.own),
        "modules": [row.to_json() for row in report.modules],
        "notes": list(report.notes),
    }


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class _Held(BaseModel):
    """The part of ``report.json`` that says what the project was held against."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    budget: BudgetSpec
    budget_file: str = ""


def stored_limits(folder: Path) -> Limits | None:
    """The budget that the project in a folder was last held against; ``None`` if it has no report.

    Whether the project was changed since does not matter here.

    Raises:
        BadInput: there is a report that cannot be read.
    """
    path = folder / REPORT
    if not path.is_file():
        return None
    try:
        held = _Held.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        found = _first(error) if isinstance(error, ValidationError) else f"{type(error).__name__}: {error}"
        raise BadInput("the report of a project is damaged", where=str(path), found=found) from error
    return Limits(held.budget, held.budget_file)


class _Vectors(_Section):
    name: str
    events: NonNegativeInt


class _Verification(_Section):
    vectors: tuple[_Vectors, ...]
    stages: tuple[StageResult, ...]


class _Content(_Section):
    """``report.json``, as ``stored_content`` has it."""

    trigml: str
    backend: str
    digest: str
    files: tuple[str, ...]
    netlist: str = ""
    bit_exact: bool
    failure: str
    verification: _Verification
    budget: BudgetSpec
    budget_file: str = ""
    figures: tuple[Figure, ...]
    modules: tuple[ModuleRow, ...]
    notes: tuple[str, ...]

    def report(self, folder: Path, top: str, options: Options) -> ProjectReport:
        return ProjectReport(
            folder,
            top,
            options,
            Contents(self.digest, self.files, self.netlist),
            Comparison(
                self.verification.stages, tuple((v.name, v.events) for v in self.verification.vectors)
            ),
            Limits(self.budget, self.budget_file),
            own=self.figures,
            modules=self.modules,
            notes=self.notes,
            failure=self.failure,
        )


class _HlsContent(_Content):
    options: HlsOptions


class _RtlContent(_Content):
    options: RtlOptions


def read_report(folder: Path) -> ProjectReport:
    """Read the report of a project folder, and the vendor's if there is one by now.

    Raises:
        BadInput: not a project of trigml, a damaged report or one of another project, or a vendor report
            that cannot be used.
    """
    try:
        top = str(json.loads((folder / PROJECT_FILE).read_text(encoding="utf-8"))["top"])
        text = (folder / REPORT).read_text(encoding="utf-8")
        content = json.loads(text)
        if "digest" not in content:
            raise _older(folder, str(content["trigml"]))
        kind = _RtlContent if content["backend"] == RTL else _HlsContent
        stored = kind.model_validate_json(text)
        report = stored.report(folder, top, stored.options)
        report.contents.require_in(folder)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(
            "there is no readable report of a project here",
            where=str(folder),
            found=_first(error) if isinstance(error, ValidationError) else f"{type(error).__name__}: {error}",
            remedy="make it with: trigml synth MODEL",
        ) from error
    return report.with_vendor()


def _first(error: ValidationError) -> str:
    """The first entry of a report that cannot be used, and why."""
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{REPORT}: {'.'.join(map(str, first['loc']))}: {first['msg']}"
