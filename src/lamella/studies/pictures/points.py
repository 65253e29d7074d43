"""Scores as points with intervals, one row for each arm."""

import math
from typing import TYPE_CHECKING

from lamella.core.wording import capitalized
from lamella.studies.analysis.measures import Measure
from lamella.studies.analysis.runs import Runs
from lamella.studies.pictures.rows import Row, draw_rows
from lamella.studies.pictures.style import Look, NothingToDraw

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def score_points(
    results: Runs,
    measure: str | Measure | None = None,
    *,
    theme: str = "light",
    title: str | None = None,
) -> "Figure":
    """Draw the mean of each arm over seeds with its 95% interval, and a tick for every seed.

    Parameters
    ----------
    results : Runs
    measure : str or Measure, optional
        The test accuracy, or for numbers the test R2, by default.
    theme, title : str, optional
        As in `lamella.studies.pictures.draw`.
    """
    measure = results.measure(measure)
    values = {arm: list(by.values()) for arm, by in results.values(measure).items()}
    seen = [x for seeds in values.values() for x in seeds if math.isfinite(x)]
    if not seen:
        raise NothingToDraw(f"there is nothing to draw: no finished run has {measure.name}")
    unit = f" {measure.unit}" if measure.unit else ""
    rows = [
        Row(arm, e.mean, e.low, e.high, e.text(measure.show) + unit * (e.n > 0), values[arm])
        for arm, e in results.summary(measure).items()
    ]
    return draw_rows(
        results,
        rows,
        measure,
        Look.of(results, theme, title),
        subtitle=_subtitle(results, measure),
        target=max(seen) if measure.higher_is_better else min(seen),
    )


def _subtitle(results: Runs, measure: Measure) -> str:
    label = capitalized(measure.label)
    if len(results.seeds) == 1:
        return f"{label}; one seed ({results.seeds[0]}): no interval"
    return f"{label}: mean over seeds with its 95% interval; thin ticks: each seed"
