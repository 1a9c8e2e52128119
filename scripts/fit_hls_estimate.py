"""Fit the HLS estimate to vendor reports, measure its errors and write both into the package.

    python scripts/fit_hls_estimate.py             # writes the package's hls_estimate.json, prints the tables
    python scripts/fit_hls_estimate.py --check     # only compares with what is there

The reports stand in tests/estimation/vendor_reports, with their source and licence.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from trigml.atomic import write_json
from trigml.estimation.design import Generation
from trigml.estimation.errors import Check, Errors, Spread
from trigml.estimation.features import Quantity
from trigml.estimation.reports import read_samples
from trigml.estimation.stored import MODEL_FILE, FittedModel, fitted, shipped_model

REPORTS = Path(__file__).resolve().parent.parent / "tests" / "estimation" / "vendor_reports"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reports", type=Path, default=REPORTS, help="folder TOOL/VERSION/*.json")
    parser.add_argument("--out", type=Path, default=MODEL_FILE, help="where the fitted model goes")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit code 1 if it is another one"
    )
    arguments = parser.parse_args()
    found = fitted(read_samples(arguments.reports))
    print_errors(found)
    print_coefficients(found)
    if arguments.check:
        same = found.to_json() == shipped_model().to_json()
        print("the same as in the package" if same else "NOT the same as in the package")
        return 0 if same else 1
    write_json(arguments.out, found.to_json())
    return 0


def print_errors(found: FittedModel) -> None:
    for title, errors in (
        ("Each report left out by itself", found.by_report),
        ("Each network left out in all tools", found.by_network),
    ):
        print(f"\n{title}: {errors.reports} reports, {errors.without_basis} of them without a basis\n")
        print(
            "| figure | reports | median off | 90 % within | in shares of the estimate | aim "
            "| share within the aim | exact |"
        )
        print("|---|---|---|---|---|---|---|---|")
        for name, spread, aim, percent in rows(errors):
            print(line(name, spread, aim, percent))
    print("\nPublished figures\n")
    print("| design | stage | LUT: published / estimate | FF | LUT and FF | DSP | cycles |")
    print("|---|---|---|---|---|---|---|")
    for check in found.checks:
        print(published_line(check))


def rows(errors: Errors) -> list[tuple[str, Spread, str, bool]]:
    return [
        ("LUT", errors.lut, "25 %", True),
        ("FF", errors.ff, "25 %", True),
        ("DSP", errors.dsp, "3", False),
        ("DSP that do not hang on the weights", errors.dsp_certain, "3", False),
        ("BRAM18", errors.bram18, "3", False),
        ("latency", errors.latency, "2 cycles", False),
        ("initiation interval", errors.interval, "2 cycles", False),
    ]


def line(name: str, spread: Spread, aim: str, percent: bool) -> str:
    median, p90 = (f"{100 * x:.1f} %" if percent else f"{x:g}" for x in (spread.median, spread.p90))
    bar = f"{100 * spread.bar:.1f} %" if percent else "–"
    near, exact = (f"{100 * share:.0f} %" for share in (spread.near, spread.exact))
    return f"| {name} | {spread.count} | {median} | {p90} | {bar} | {aim} | {near} | {exact} |"


def published_line(check: Check) -> str:
    stage = "as cited" if check.is_network else "HLS report"
    pairs = [check.lut, check.ff, check.lut_and_ff, check.dsp, check.latency]
    cells = ["–" if pair is None else f"{pair[0]:,} / {pair[1]:,}" for pair in pairs]
    return f"| {check.name} | {stage} | {' | '.join(cells)} |"


def print_coefficients(found: FittedModel) -> None:
    for quantity in Quantity:
        coefficients = found.model.coefficients[quantity]
        print(f"\n{quantity.value}\n\n| coefficient | any tool | {' | '.join(Generation)} |")
        print("|---|---|" + "---|" * len(Generation))
        for term, pooled in coefficients.pooled.items():
            own = [coefficients.own.get(g, {}).get(term) for g in Generation]
            cells = [f"{pooled:.3g}", *("–" if value is None else f"{value:.3g}" for value in own)]
            print(f"| {term.value} | {' | '.join(cells)} |")


if __name__ == "__main__":
    sys.exit(main())
