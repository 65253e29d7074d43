"""Confusion matrix of an arm."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lamella.core.errors import DataError
from lamella.studies.analysis.runs import Runs
from lamella.studies.pictures.style import (
    NothingToDraw,
    escape_math,
    get_theme,
    make_figure,
    title_of,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


ERRORS = {"light": ("#ffffff", "#D55E00"), "dark": ("#1b1b1f", "#D55E00")}
"""Colours of no errors and of most errors, by theme."""


def confusion_matrix(labels: np.ndarray, predictions: np.ndarray, classes: int) -> np.ndarray:
    """Count how often class i was predicted as class j, shape (classes, classes)."""
    pairs = labels.astype(np.int64) * classes + predictions
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def confusion(
    results: Runs,
    test: Any,
    *,
    arm: str | None = None,
    names: Sequence[str] | None = None,
    theme: str = "light",
    title: str | None = None,
) -> "Figure":
    """Draw the confusion matrix of an arm, summed over its seeds.

    Only errors are coloured, since they are much rarer than the diagonal.

    Parameters
    ----------
    results : Runs
    test : (x, y)
        The test set of the study.
    arm : str, optional
        The baseline of the study by default.
    names : list of str, optional
        Class names. Class numbers by default.
    theme : {"light", "dark"}
    title : str, optional
        The title of the study by default.

    Raises
    ------
    DataError
        If the arm has no finished run, or if the size of the test set is not that of the study.
    """
    arm = results.study.baseline if arm is None else arm
    runs, labels = finished_runs(results, arm, test)
    classes = int(max(labels.max(), *(run.predictions.max() for run in runs))) + 1
    counts = np.sum([confusion_matrix(labels, run.predictions, classes) for run in runs], axis=0)
    totals = np.maximum(1, counts.sum(axis=1, keepdims=True))
    fractions = counts / totals
    errors = np.where(np.eye(classes, dtype=bool), 0, fractions)
    look = get_theme(theme)
    size = 2.0 + 0.42 * classes
    seeds = f"{len(runs)} seeds together" if len(runs) > 1 else f"seed {runs[0].seed}"
    figure, ((axes,),) = make_figure(
        look,
        size + 0.4,
        size,
        title=title_of(results, title),
        subtitle=f"{arm}: percent of each class, {seeds}",
    )
    from matplotlib.colors import LinearSegmentedColormap

    colors = LinearSegmentedColormap.from_list("errors", ERRORS[theme])
    axes.imshow(errors, cmap=colors, vmin=0, vmax=max(float(errors.max()), 1e-9))
    for i, j in np.ndindex(classes, classes):
        if counts[i, j]:
            strong = errors[i, j] > 0.6 * errors.max() and theme == "light"
            axes.text(
                j,
                i,
                _percent(fractions[i, j]),
                ha="center",
                va="center",
                fontsize=8.5,
                weight="bold" if i == j else "normal",
                color="#000000" if strong else look.text,
            )
    shown = [escape_math(str(name)) for name in (range(classes) if names is None else names)]
    axes.set_xticks(range(classes), shown)
    axes.set_yticks(range(classes), shown)
    axes.set_xlabel("predicted class", color=look.text, fontsize=9)
    axes.set_ylabel("true class", color=look.text, fontsize=9)
    axes.spines["bottom"].set_visible(False)
    return figure


def finished_runs(results: Runs, arm: str, test: Any) -> tuple[list[Any], np.ndarray]:
    """Return the finished runs of an arm, and the labels of the test set as class numbers."""
    runs = results.of(arm)
    if not runs:
        raise NothingToDraw(f"no run of {arm!r} is done: there are no predictions")
    labels = np.asarray(test[1])
    labels = labels.argmax(axis=1) if labels.ndim == 2 else labels
    for run in runs:
        if len(run.predictions) != len(labels):
            raise DataError(
                f"the runs of {arm!r} predicted {len(run.predictions)} samples, but the test set "
                f"has {len(labels)}: pass the test set of the study"
            )
    return runs, labels


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.1f}" if fraction >= 0.0005 else "·"
