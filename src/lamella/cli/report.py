"""Write the results of studies, or of a single training, as one HTML page."""

import argparse
from pathlib import Path

from lamella.cli.messages import counted_runs


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``lamella report``."""
    parser.add_argument(
        "source",
        metavar="DIR",
        help="the folder of a study, of several, or of lamella train, or an archive of studies",
    )
    parser.add_argument(
        "--out", metavar="FILE", default="report.html", help="the page (default: %(default)s)"
    )
    parser.add_argument(
        "--claims",
        action="store_true",
        help="judge the claims of the university report, too, if the folder also has studies of "
        "your own; otherwise its bundled studies are judged anyway",
    )


def run(args: argparse.Namespace) -> int:
    """Write the page and print its path."""
    from lamella.cli.run_folder import RunFolder
    from lamella.cli.run_page import write_run_page
    from lamella.studies.report.report import write_report
    from lamella.studies.results import read_all

    training = RunFolder(args.source)
    if training.history.exists() or training.begun.exists():
        write_run_page(training, Path(args.out))
        print(f"{args.out}: the training in {training.path}")
        return 0
    results = read_all(args.source)
    path = write_report(results, Path(args.out), claims=args.claims or None)
    print(f"{path}: {counted_runs(results)}, {path.stat().st_size / 1e6:.1f} MB")
    return 0
