"""Score after every epoch."""

from typing import TYPE_CHECKING

import numpy as np

from lamella.studies.analysis.measures import MEASURES
from lamella.studies.analysis.runs import Runs
from lamella.studies.pictures.lines import Curves, draw_curves
from lamella.studies.pictures.style import Look, NothingToDraw
from lamella.studies.pictures.zoom import ZOOMED, zoom_limits

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def score_curves(
    results: Runs,
    column: str | None = None,
    *,
    theme: str = "light",
    title: str | None = None,
) -> "Figure":
    """Draw a score after every epoch: mean over seeds, with a band from lowest to highest.

    If accuracies end close together, a second panel zooms in on the better half of the arms.

    Parameters
    ----------
    results : Runs
    column : str, optional
        Column of the epochs: "val_accuracy", "val_loss", "accuracy" or "loss". The validation
        accuracy, or for numbers the validation R2, by default.
    theme, title : str, optional
        As in `lamella.studies.pictures.draw`.
    """
    column = f"val_{results.metric}" if column is None else column
    curves: Curves = {}
    for arm in results.arms:
        runs = [run for run in results.of(arm) if run.epochs and column in run.epochs[0]]
        if runs:
            rows = np.array([[row.get(column, np.nan) for row in run.epochs] for run in runs])
            curves[arm] = (np.arange(1, rows.shape[1] + 1), rows)
    if not curves:
        known = dict.fromkeys(name for run in results.runs for row in run.epochs for name in row)
        shown = ", ".join(known) or "none"
        raise NothingToDraw(f"no finished run has {column!r}; epochs have {shown}")
    look = Look.of(results, theme, title)
    is_accuracy = column.endswith("accuracy")
    limits = _zoom(curves) if is_accuracy else None
    measure = MEASURES.get(column) or MEASURES.get(f"train_{column}")
    label = measure.label if measure else column
    figure, axes = draw_curves(
        results,
        curves,
        look,
        subtitle=f"{label[:1].upper()}{label[1:]} after every epoch",
        first=1,
        log=column.endswith("loss"),
        columns=1 if limits is None else 2,
    )
    for panel in axes.ravel() if is_accuracy else ():
        panel.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.4g}%")
    if limits is not None:
        for panel in axes[:, 1]:
            panel.set_ylim(limits)
            panel.set_ylabel(ZOOMED)
    return figure


def _zoom(curves: Curves) -> tuple[float, float] | None:
    """Return limits around the better half of the arms in the second half of the epochs."""
    late = [rows[:, rows.shape[1] // 2 :] for _, rows in curves.values()]
    everything = np.concatenate([rows.ravel() for _, rows in curves.values()])
    spans = [(float(rows.min()), float(rows.max())) for rows in late]
    whole = (float(everything.min()), float(everything.max()))
    return zoom_limits(spans, whole, max(high for _, high in spans))
