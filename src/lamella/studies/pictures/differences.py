"""Paired differences to one arm, with intervals and a line at zero."""

import math
from typing import TYPE_CHECKING

from lamella.core.errors import DataError
from lamella.studies.analysis.comparison import Comparison, compare, show_p
from lamella.studies.analysis.measures import Measure
from lamella.studies.analysis.runs import Runs
from lamella.studies.analysis.statistics import Difference
from lamella.studies.pictures.rows import annotate_rows, draw_point, row_panels
from lamella.studies.pictures.style import arm_styles, get_theme

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
    """Draw the difference of every arm to one arm, paired by seed, with the verdicts.

    Parameters
    ----------
    results : Runs
    measure : str or Measure
    to : str, optional
        The arm at zero. The baseline of the study by default.
    theme : {"light", "dark"}
    title : str, optional
        The title of the study by default.
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
    figure, panels = row_panels(
        results,
        [d.arm for d in comparison],
        comparison.measure,
        look,
        spans=[*spans, (0.0, 0.0)],
        target=0.0,
        title=title,
        subtitle=_subtitle(comparison),
    )
    styles = arm_styles(results.arms, look)
    for panel in panels:
        panel.axvline(0, color=look.text, linewidth=1.2, zorder=1)
        for row, d in enumerate(comparison):
            filled = d.verdict in ("better", "worse")
            draw_point(panel, row, d.mean, d.low, d.high, styles[d.arm], look, filled=filled)
    colors = [look.text if d.verdict in ("better", "worse") else look.muted for d in comparison]
    annotate_rows(panels[-1], [_verdict(d) for d in comparison], colors)
    panels[0].set_xlabel(_footnote(comparison), color=look.muted, fontsize=8.5, loc="left")
    return figure


def _verdict(d: Difference) -> str:
    if math.isnan(d.p_adjusted):
        return d.verdict
    p = show_p(d.p_adjusted)
    return f"{d.verdict}, p {p if p.startswith('<') else f'= {p}'}"


def _subtitle(comparison: Comparison) -> str:
    measure = comparison.measure
    unit = {"%": " in percentage points", "s": " in seconds"}.get(measure.unit, "")
    side = "right" if measure.higher_is_better else "left"
    return f"{measure.label.capitalize()}, difference to {comparison.to}{unit} ({side} is better)"


def _footnote(comparison: Comparison) -> str:
    if all(math.isnan(d.p) for d in comparison):
        return "one seed: no interval, no verdict"
    return "95% interval of each pair, uncorrected; filled: p < 0.05, corrected (Holm)"
