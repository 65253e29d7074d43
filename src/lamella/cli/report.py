"""Write the results of studies, or of a single training, as one HTML page."""

import argparse
import base64
import io
import math
from importlib import resources
from pathlib import Path
from typing import Any

from lamella.cli.messages import counted_runs
from lamella.cli.run_folder import RunFolder
from lamella.cli.run_record import read_history, read_record
from lamella.core.disk import write_atomically
from lamella.core.errors import FileFormatError, UsageError
from lamella.training.diagnostics.curves import training_curves


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
    from lamella.studies.report.report import write_report
    from lamella.studies.results import read_all

    training = RunFolder(args.source)
    if training.history.exists() or training.begun.exists():
        _write_run_page(training, Path(args.out))
        print(f"{args.out}: the training in {training.path}")
        return 0
    results = read_all(args.source)
    path = write_report(results, Path(args.out), claims=args.claims or None)
    print(f"{path}: {counted_runs(results)}, {path.stat().st_size / 1e6:.1f} MB")
    return 0


def _write_run_page(folder: RunFolder, path: Path) -> None:
    """Write the page on one training: scores, curves, epochs, options and environment.

    Raise a UsageError if the training is not finished.
    """
    from lamella.studies.report.report import page_template

    template = page_template("lamella.cli", ".", "run_page.html.jinja")
    from jinja2 import TemplateError

    if not folder.record.exists():
        raise UsageError(
            f"the training in {folder.path} is not finished: lamella train --resume {folder.path}"
        )
    record, rows = read_record(folder.record), read_history(folder.history)
    css = resources.files("lamella.studies.report.page") / "page.css"
    try:
        page = template.render(
            title=f"{record['model']['class']} on {record['data']['name']}",
            record=record,
            rows=rows,
            curves=_curves(rows, record["kept_epoch"]),
            facts={**_flat(record["configuration"]), **_flat(record["versions"])},
            css=css.read_text("utf-8"),
            number=_number,
        )
    except (KeyError, TypeError, AttributeError, TemplateError) as error:
        raise FileFormatError(f"{folder.path} holds a damaged record: {error}") from error
    write_atomically(path, page.encode())


def _curves(rows: list[dict[str, Any]], kept_epoch: int | None) -> str:
    """Return the curves as the address of an image."""
    finite = [{k: math.nan if v is None else v for k, v in row.items()} for row in rows]
    image = io.BytesIO()
    training_curves(finite, kept_epoch=kept_epoch).savefig(image, format="svg")
    return f"data:image/svg+xml;base64,{base64.b64encode(image.getvalue()).decode()}"


def _flat(table: dict[str, Any]) -> dict[str, str]:
    """Return the options that are set, as text."""
    shown = {name: value for name, value in table.items() if value not in (None, False, [])}
    return {name.replace("_", " "): _number(value) for name, value in shown.items()}


def _number(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_number, value))
    if value is True or value is None:
        return "on" if value else "not finite"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
