"""Scores as points with intervals, one row for each arm."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from lamella.studies.analysis.measures import Measure, get_measure
from lamella.studies.analysis.runs import Runs
from lamella.studies.pictures.rows import annotate_rows, draw_point, row_panels
from lamella.studies.pictures.style import NothingToDraw, arm_styles, get_theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def score_points(
    results: Runs,
    measure: str | Measure = "test_accuracy",
    *,
    theme: str = "light",
    title: str | None = None,
) -> "Figure":
    """Draw the mean of each arm over seeds with its 95% interval, and a tick for every seed.

    Parameters
    ----------
    results : Runs
    measure : str or Measure
    theme : {"light", "dark"}
    title : str, optional
        The title of the study by default.
    """
    measure = get_measure(measure) if isinstance(measure, str) else measure
    values = {arm: list(by.values()) for arm, by in results.values(measure).items()}
    summary = results.summary(measure)
    seen = [x for arm in values for x in values[arm] if math.isfinite(x)]
    if not seen:
        raise NothingToDraw(f"there is nothing to draw: no finished run has {measure.name}")
    look = get_theme(theme)
    spans = [_span(values[arm], summary[arm].low, summary[arm].high) for arm in results.arms]
    figure, panels = row_panels(
        results,
        results.arms,
        measure,
        look,
        spans=[span for span in spans if not math.isnan(span[0])],
        target=max(seen) if measure.higher_is_better else min(seen),
        title=title,
        subtitle=_subtitle(results, measure),
    )
    styles = arm_styles(results.arms, look)
    for panel in panels:
        for row, arm in enumerate(results.arms):
            e = summary[arm]
            seeds = values[arm]
            panel.plot(seeds, np.full(len(seeds), row), **_seed_ticks(styles[arm].color))
            draw_point(panel, row, e.mean, e.low, e.high, styles[arm], look)
    unit = f" {measure.unit}" if measure.unit else ""
    means = [measure.show(e.mean) + unit * (e.n > 0) for e in summary.values()]
    annotate_rows(panels[-1], means, [look.text] * len(means))
    return figure


def _span(values: list[float], low: float, high: float) -> tuple[float, float]:
    known = [x for x in (*values, low, high) if math.isfinite(x)]
    return (min(known), max(known)) if known else (math.nan, math.nan)


def _seed_ticks(color: str) -> dict[str, Any]:
    return {
        "linestyle": "none",
        "marker": "|",
        "markersize": 11,
        "markeredgewidth": 1.3,
        "color": color,
        "alpha": 0.55,
    }


def _subtitle(results: Runs, measure: Measure) -> str:
    label = measure.label[:1].upper() + measure.label[1:]
    if len(results.seeds) == 1:
        return f"{label}; one seed ({results.seeds[0]}): no interval"
    return f"{label}: mean over seeds with its 95% interval; thin ticks: each seed"
