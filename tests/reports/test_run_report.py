"""The report of a whole run: which folders in it are projects."""

from pathlib import Path

from trigml.project import PROJECT_FILE
from trigml.reports.run_report import project_folders


def test_a_project_that_is_being_written_is_none_yet(tmp_path: Path) -> None:
    """Protects ``trigml report`` beside a running synthesis, or after one that was killed."""
    for name in ("rtl/verilog", "rtl/.verilog.x7a", "hls/vitis-parallel-latency", "rtl/other"):
        (tmp_path / name).mkdir(parents=True)
        if name != "rtl/other":
            (tmp_path / name / PROJECT_FILE).write_text("{}", encoding="utf-8")
    assert project_folders(tmp_path) == [
        tmp_path / "hls/vitis-parallel-latency",
        tmp_path / "rtl/verilog",
    ]
