"""Write the results of studies, or of a single training, as one HTML page."""

import argparse
from pathlib import Path


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``lamella report``."""
    parser.add_argument(
        "folder", metavar="DIR", help="the folder of a study, of several, or of lamella train"
    )
    parser.add_argument(
        "--out", metavar="FILE", default="report.html", help="the page (default: %(default)s)"
    )


def run(args: argparse.Namespace) -> int:
    """Write the page and print its path."""
    from lamella.cli.run_folder import RunFolder
    from lamella.cli.run_page import write_run_page
    from lamella.studies.report.report import write_report
    from lamella.studies.results import read_all

    training = RunFolder(args.folder)
    if training.history.exists() or training.begun.exists():
        write_run_page(training, Path(args.out))
        print(f"{args.out}: the training in {training.path}")
        return 0
    results = read_all(args.folder)
    path = write_report(results, Path(args.out))
    runs = sum(len(each.runs) for each in results)
    studies = f"{len(results)} {'study' if len(results) == 1 else 'studies'}"
    print(f"{path}: {studies}, {runs} runs, {path.stat().st_size / 1e6:.1f} MB")
    return 0
