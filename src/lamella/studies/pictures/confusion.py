"""Which classes are taken for which."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lamella.core.errors import DataError
from lamella.studies.analysis.runs import Runs
from lamella.studies.pictures.style import NothingToDraw, frame, get_theme, literal, title_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


ERRORS = {"light": ("#ffffff", "#D55E00"), "dark": ("#1b1b1f", "#D55E00")}
"""From no errors to the most; vermilion, as what is wrong should meet the eye."""


def confusion_matrix(labels: np.ndarray, predictions: np.ndarray, classes: int) -> np.ndarray:
    """Return how often class i was taken for class j, shape (classes, classes)."""
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
    """Draw an arm's confusion matrix, of all its seeds together.

    Only errors are coloured: beside the diagonal they would not be seen.

    Parameters
    ----------
    results : Results
    test : (x, y)
        The test set that the runs predicted.
    arm : str, optional
        The study's baseline if left out.
    names : list of str, optional
        Of the classes; numbers if left out.
    theme : {"light", "dark"}
    title : str, optional
        The study's, if left out.

    Raises
    ------
    DataError
        If the arm has no finished run, or the test set is not the one predicted.
    """
    arm = results.study.baseline if arm is None else arm
    runs, labels = predicted(results, arm, test)
    classes = int(max(labels.max(), *(run.predictions.max() for run in runs))) + 1
    counts = np.sum([confusion_matrix(labels, run.predictions, classes) for run in runs], axis=0)
    totals = np.maximum(1, counts.sum(axis=1, keepdims=True))
    share = counts / totals
    errors = np.where(np.eye(classes, dtype=bool), 0, share)
    look = get_theme(theme)
    size = 2.0 + 0.42 * classes
    of = f"{len(runs)} seeds together" if len(runs) > 1 else f"seed {runs[0].seed}"
    figure, ((axes,),) = frame(
        look,
        size + 0.4,
        size,
        title=title_of(results, title),
        subtitle=f"{arm}: percent of each class, {of}",
    )
    from matplotlib.colors import LinearSegmentedColormap

    colors = LinearSegmentedColormap.from_list("errors", ERRORS[theme])
    axes.imshow(errors, cmap=colors, vmin=0, vmax=max(float(errors.max()), 1e-9))
    for i, j in np.ndindex(classes, classes):
        right = i == j
        if counts[i, j]:
            strong = errors[i, j] > 0.6 * errors.max() and theme == "light"
            axes.text(
                j,
                i,
                _percent(share[i, j]),
                ha="center",
                va="center",
                fontsize=8.5,
                weight="bold" if right else "normal",
                color="#000000" if strong else look.ink,
            )
    shown = [literal(str(name)) for name in (range(classes) if names is None else names)]
    axes.set_xticks(range(classes), shown)
    axes.set_yticks(range(classes), shown)
    axes.set_xlabel("predicted class", color=look.ink, fontsize=9)
    axes.set_ylabel("true class", color=look.ink, fontsize=9)
    axes.spines["bottom"].set_visible(False)
    return figure


def predicted(results: Runs, arm: str, test: Any) -> tuple[list[Any], np.ndarray]:
    """Return the finished runs of an arm and the labels of what they predicted."""
    runs = results.of(arm)
    if not runs:
        raise NothingToDraw(f"no run of {arm!r} is done: there are no predictions")
    labels = np.asarray(test[1])
    labels = labels.argmax(axis=1) if labels.ndim == 2 else labels
    for run in runs:
        if len(run.predictions) != len(labels):
            raise DataError(
                f"the runs of {arm!r} predicted {len(run.predictions)} samples, but the test set "
                f"has {len(labels)}: pass the one that the study was run with"
            )
    return runs, labels


def _percent(share: float) -> str:
    return f"{100 * share:.1f}" if share >= 0.0005 else "·"
