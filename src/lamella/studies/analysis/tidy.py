"""Runs as tidy rows, for CSV files and for pandas."""

import csv
import io
from collections.abc import Sequence
from typing import Any, Literal

from lamella.core.errors import MissingExtraError
from lamella.core.validation import one_of
from lamella.studies.definition.tables import part_text
from lamella.studies.running.run import Run

COLUMNS = ("loss", "epochs")
"""Fields of an experiment whose names are also those of numbers in a row."""


def tidy_rows(
    runs: Sequence[Run], per: Literal["epoch", "run"], varies: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Return one row per run and epoch, or one per run with its final scores.

    Each has the fields of the experiment named in ``varies``, such as "optimizer.lr"; "loss" and
    "epochs" are there "experiment.loss" and "experiment.epochs".
    """
    one_of("per", per, ("epoch", "run"))
    rows: list[dict[str, Any]] = []
    for run in runs:
        head: dict[str, Any] = {"study": run.study, "arm": run.arm}
        for name in varies if "experiment" in run.config else ():
            column = f"experiment.{name}" if name in COLUMNS else name
            head[column] = _field(run.config["experiment"], name)
        head |= {"seed": run.seed, "status": run.status}
        if per == "epoch":
            rows += [{**head, **row} for row in run.epochs]
        else:
            length = {"epochs": len(run.epochs), "seconds": run.seconds}
            rows.append({**head, **run.scores, **length, "reason": run.reason, "key": run.key})
    return rows


def _field(table: Any, name: str) -> Any:
    """Return a field by its dotted name: a number, a word, the text of a part, or None."""
    for part in name.split("."):
        if isinstance(table, list):
            table = {str(place): item for place, item in enumerate(table)}
        table = table.get(part) if isinstance(table, dict) else None
    return part_text(table) if isinstance(table, dict | list) else table


def to_csv(rows: Sequence[dict[str, Any]]) -> str:
    """Return rows as CSV with a column for every name; missing values are empty."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def to_dataframe(rows: Sequence[dict[str, Any]]) -> Any:
    """Return rows as a pandas DataFrame.

    Raises
    ------
    MissingExtraError
        If pandas is not installed.
    """
    try:
        import pandas
    except ImportError:
        raise MissingExtraError("pandas", "studies", "to_dataframe") from None
    return pandas.DataFrame(rows)
