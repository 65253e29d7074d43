"""Paired differences to one arm, with intervals and a line at zero."""

import math
from typing import TYPE_CHECKING

from lamella.core.errors import DataError
from lamella.studies.analysis.comparison import Comparison, compare, show_p
from lamella.studies.analysis.incomplete import behind_name
from lamella.studies.analysis.measures import Measure
from lamella.studies.analysis.runs import Runs
from lamella.studies.analysis.statistics import Difference
from lamella.studies.pictures.closer import closer_limits
from lamella.studies.pictures.rows import draw_point, end_rows, name_rows, row_height, value_axis
from lamella.studies.pictures.style import arm_styles, caption, frame, get_theme, title_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def difference_points(
    results: Runs,
    measure: str | Measure = "test_accuracy",
    *,
    to: str | None = None,
    theme: str = "light",
    title: str | None = None,
) -> "Figure":
    """Draw what every arm has more than one of them, seed by seed, with the verdicts.

    Parameters
    ----------
    results : Results
    measure : str or Measure
    to : str, optional
        The arm at zero; the study's baseline if left out.
    theme : {"light", "dark"}
    title : str, optional
        The study's, if left out.
    """
    comparison = compare(results, to, measure)
    known = [d for d in comparison if not math.isnan(d.mean)]
    if not known:
        raise DataError(
            f"there is nothing to draw: no arm shares a finished seed with {comparison.to!r}"
        )
    look = get_theme(theme)
    spans = [
        (d.mean, d.mean) if math.isnan(d.low) else (min(d.low, d.mean), max(d.high, d.mean))
        for d in known
    ]
    whole = (min(0.0, *(low for low, _ in spans)), max(0.0, *(high for _, high in spans)))
    limits = closer_limits([*spans, (0.0, 0.0)], whole, 0.0)
    figure, axes = frame(
        look,
        7.2 if limits is None else 9.6,
        row_height(len(comparison)),
        title=title_of(results, title),
        subtitle=_what(comparison),
        columns=1 if limits is None else 2,
        share="y",
    )
    styles = arm_styles(results.arms, look)
    for panel, bounds in zip(axes[0], (whole, limits), strict=False):
        value_axis(panel, comparison.measure, bounds or whole, look)
        panel.axvline(0, color=look.ink, linewidth=1.2, zorder=1)
        for row, d in enumerate(comparison):
            filled = d.verdict in ("better", "worse")
            draw_point(panel, row, d.mean, d.low, d.high, styles[d.arm], look, filled=filled)
    name_rows(axes[0, 0], [d.arm + behind_name(results, d.arm) for d in comparison], look)
    colors = [look.ink if d.verdict in ("better", "worse") else look.quiet for d in comparison]
    end_rows(axes[0, -1], [_verdict(d) for d in comparison], colors)
    if limits is not None:
        caption(axes[0, 1], "closer", look)
    axes[0, 0].set_xlabel(_how(comparison), color=look.quiet, fontsize=8.5, loc="left")
    return figure


def _verdict(d: Difference) -> str:
    if math.isnan(d.p_adjusted):
        return d.verdict
    p = show_p(d.p_adjusted)
    return f"{d.verdict}, p {p if p.startswith('<') else f'= {p}'}"


def _what(comparison: Comparison) -> str:
    measure = comparison.measure
    unit = {"%": " in percentage points", "s": " in seconds"}.get(measure.unit, "")
    side = "right" if measure.higher_is_better else "left"
    return f"{measure.label.capitalize()}, difference to {comparison.to}{unit} ({side} is better)"


def _how(comparison: Comparison) -> str:
    if all(math.isnan(d.p) for d in comparison):
        return "one seed: no interval, no verdict"
    return "95% intervals of each pair alone; filled: p < 0.05, corrected (Holm)"
