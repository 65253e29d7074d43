"""Write the results of studies, and their verdicts on the report's claims, as one HTML page."""

import argparse
from pathlib import Path


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``lamella report``."""
    parser.add_argument("folder", metavar="DIR", help="a study's folder, or one that holds several")
    parser.add_argument(
        "--out", metavar="FILE", default="report.html", help="the page (default: %(default)s)"
    )


def run(args: argparse.Namespace) -> int:
    """Write the page and print its path."""
    from lamella.studies.report.report import write_report
    from lamella.studies.results import read_all

    results = read_all(args.folder)
    path = write_report(results, Path(args.out))
    runs = sum(len(each.runs) for each in results)
    studies = f"{len(results)} {'study' if len(results) == 1 else 'studies'}"
    print(f"{path}: {studies}, {runs} runs, {path.stat().st_size / 1e6:.1f} MB")
    return 0
