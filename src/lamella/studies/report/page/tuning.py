"""Template variables of the tuning of a study: its trials, and arms at each other's choice."""

from typing import Any

from lamella.studies.analysis.tuning import Tuning


def tuning_tables(tuning: Tuning | None) -> list[dict[str, Any]]:
    """Return the tables of a tuning, each with the indices of left-aligned columns; or none."""
    if tuning is None:
        return []
    tables = [tuning.table(), *([tuning.crossed_table()] if len(tuning.arms) > 1 else [])]
    return [
        {
            "title": table.title,
            "head": table.head,
            "rows": table.rows,
            "notes": " ".join(table.notes),
            "left": (0, *table.left),
        }
        for table in tables
    ]
