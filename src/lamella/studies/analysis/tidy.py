"""Runs as tidy rows, for CSV files and for pandas."""

import csv
import io
from collections.abc import Sequence
from typing import Any, Literal

from lamella.core.errors import MissingExtraError
from lamella.core.validation import one_of
from lamella.studies.running.run import Run


def tidy_rows(runs: Sequence[Run], per: Literal["epoch", "run"]) -> list[dict[str, Any]]:
    """Return one row per run and epoch, or one per run with its final scores."""
    one_of("per", per, ("epoch", "run"))
    rows: list[dict[str, Any]] = []
    for run in runs:
        head = {"study": run.study, "arm": run.arm, "seed": run.seed, "status": run.status}
        if per == "epoch":
            rows += [{**head, **row} for row in run.epochs]
        else:
            length = {"epochs": len(run.epochs), "seconds": run.seconds}
            rows.append({**head, **run.scores, **length, "reason": run.reason, "key": run.key})
    return rows


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
