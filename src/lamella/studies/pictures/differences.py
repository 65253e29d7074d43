"""Paired differences to one arm, with intervals and a line at zero."""

import math
from typing import TYPE_CHECKING

from lamella.core.errors import DataError
from lamella.core.wording import capitalized
from lamella.studies.analysis.comparison import Comparison, compare, show_p
from lamella.studies.analysis.difference import Difference
from lamella.studies.analysis.measures import Measure, TimeTo
from lamella.studies.analysis.runs import Runs
from lamella.studies.pictures.rows import Row, draw_rows
from lamella.studies.pictures.style import Look, shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def difference_points(
    results: Runs,
    measure: str | Measure | None = None,
    *,
    to: str | None = None,
    theme: str = "light",
    title: str | None = None,
) -> "Figure":
    """Draw the difference of every arm to one arm, paired by seed, with the verdicts.

    The thin interval is over seeds and test samples, the thick one over seeds.

    Parameters
    ----------
    results : Runs
    measure : str or Measure, optional
        The test accuracy, or for numbers the test R2, by default.
    to : str, optional
        The arm at zero. The baseline of the study by default.
    theme, title : str, optional
        As in `lamella.studies.pictures.draw`.
    """
    comparison = compare(results, to, measure)
    if isinstance(comparison.measure, TimeTo):
        raise DataError(
            "times are compared by their ratio, not by a difference: see "
            f'results.plot("speed", threshold={comparison.measure.threshold:g})'
        )
    if all(d.n == 0 for d in comparison):
        raise DataError(
            f"there is nothing to draw: no arm shares a finished seed with {comparison.to!r}"
        )
    rows = [
        Row(
            d.arm,
            d.mean,
            d.low,
            d.high,
            _verdict(d),
            strong=d.verdict in ("better", "worse"),
            wide=(d.low_samples, d.high_samples),
        )
        for d in comparison
    ]
    look, subtitle = Look.of(results, theme, title), _subtitle(comparison)
    figure = draw_rows(
        results, rows, comparison.measure, look, subtitle=subtitle, target=0.0, zero=True
    )
    footnote = _footnote(comparison)
    figure.axes[0].set_xlabel(footnote, color=look.muted, fontsize=8.5, loc="left")
    return figure


def _verdict(d: Difference) -> str:
    if math.isnan(d.p_adjusted):
        return d.verdict
    p = show_p(d.p_adjusted)
    diverged = " (diverged)" if "diverged" in d.note and not d.errors else ""
    return f"{d.verdict}, p {p if p.startswith('<') else f'= {p}'}{diverged}"


def _subtitle(comparison: Comparison) -> str:
    measure = comparison.measure
    unit = {"%": " in percentage points", "s": " in seconds"}.get(measure.unit, "")
    side = "right" if measure.higher_is_better else "left"
    label = capitalized(measure.label)
    return f"{label}, difference to {shortened(comparison.to)}{unit} ({side} is better)"


def _footnote(comparison: Comparison) -> str:
    if all(math.isnan(d.p) for d in comparison):
        return "one seed: no interval, no verdict"
    over_samples = any(len(d.errors) > 1 for d in comparison)
    thin = "; thin: new seeds and test samples" if over_samples else ""
    method = f"filled: p < 0.05, corrected ({comparison.method})"
    return f"95% interval over seeds, uncorrected{thin}\n{method}"
