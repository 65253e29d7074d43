"""Write the results of studies, and their verdicts on the report's claims, as one HTML page."""

import argparse
from pathlib import Path

from lamella.cli.messages import counted_runs


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``lamella report``."""
    parser.add_argument(
        "source", metavar="DIR", help="a study's folder, one that holds several, or an archive"
    )
    parser.add_argument(
        "--out", metavar="FILE", default="report.html", help="the page (default: %(default)s)"
    )


def run(args: argparse.Namespace) -> int:
    """Write the page and print its path."""
    from lamella.studies.report.report import write_report
    from lamella.studies.results import read_all

    results = read_all(args.source)
    path = write_report(results, Path(args.out))
    print(f"{path}: {counted_runs(results)}, {path.stat().st_size / 1e6:.1f} MB")
    return 0
