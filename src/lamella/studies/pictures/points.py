"""Scores as points with intervals, an arm a row: no line through names."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from lamella.studies.analysis.incomplete import behind_name
from lamella.studies.analysis.measures import Measure, get_measure
from lamella.studies.analysis.runs import Runs
from lamella.studies.pictures.closer import closer_limits
from lamella.studies.pictures.rows import draw_point, end_rows, name_rows, row_height, value_axis
from lamella.studies.pictures.style import (
    NothingToDraw,
    arm_styles,
    caption,
    frame,
    get_theme,
    title_of,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def score_points(
    results: Runs,
    measure: str | Measure = "test_accuracy",
    *,
    theme: str = "light",
    title: str | None = None,
) -> "Figure":
    """Draw each arm's mean over seeds with its 95% interval, and every seed beside it.

    Parameters
    ----------
    results : Results
    measure : str or Measure
    theme : {"light", "dark"}
    title : str, optional
        The study's, if left out.
    """
    measure = get_measure(measure) if isinstance(measure, str) else measure
    values = {arm: list(by.values()) for arm, by in results.values(measure).items()}
    summary = results.summary(measure)
    seen = [x for arm in values for x in values[arm] if math.isfinite(x)]
    if not seen:
        raise NothingToDraw(f"there is nothing to draw: no finished run has {measure.name}")
    look = get_theme(theme)
    spans = [_span(values[arm], summary[arm].low, summary[arm].high) for arm in results.arms]
    spans = [span for span in spans if not math.isnan(span[0])]
    whole = (min(low for low, _ in spans), max(high for _, high in spans))
    limits = closer_limits(spans, whole, max(seen) if measure.higher_is_better else min(seen))
    figure, axes = frame(
        look,
        7.2 if limits is None else 9.6,
        row_height(len(results.arms)),
        title=title_of(results, title),
        subtitle=_how(results, measure),
        columns=1 if limits is None else 2,
        share="y",
    )
    styles = arm_styles(results.arms, look)
    for panel, bounds in zip(axes[0], (whole, limits), strict=False):
        value_axis(panel, measure, bounds or whole, look)
        for row, arm in enumerate(results.arms):
            e = summary[arm]
            seeds = values[arm]
            panel.plot(seeds, np.full(len(seeds), row), **_seed_marks(styles[arm].color))
            draw_point(panel, row, e.mean, e.low, e.high, styles[arm], look)
    name_rows(axes[0, 0], [arm + behind_name(results, arm) for arm in results.arms], look)
    unit = f" {measure.unit}" if measure.unit else ""
    means = [measure.show(e.mean) + unit * (e.n > 0) for e in summary.values()]
    end_rows(axes[0, -1], means, [look.ink] * len(means))
    if limits is not None:
        caption(axes[0, 1], "closer", look)
    return figure


def _span(values: list[float], low: float, high: float) -> tuple[float, float]:
    known = [x for x in (*values, low, high) if math.isfinite(x)]
    return (min(known), max(known)) if known else (math.nan, math.nan)


def _seed_marks(color: str) -> dict[str, Any]:
    return {
        "linestyle": "none",
        "marker": "|",
        "markersize": 11,
        "markeredgewidth": 1.3,
        "color": color,
        "alpha": 0.55,
    }


def _how(results: Runs, measure: Measure) -> str:
    what = measure.label[:1].upper() + measure.label[1:]
    if len(results.seeds) == 1:
        return f"{what}; one seed ({results.seeds[0]}): no interval"
    return f"{what}: mean over seeds with its 95% interval; thin ticks: each seed"
