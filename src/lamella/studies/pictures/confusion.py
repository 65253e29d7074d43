"""Confusion matrix of an arm."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lamella.core.errors import DataError
from lamella.losses.metrics.classification_report import confusion_matrix
from lamella.studies.analysis.runs import Runs
from lamella.studies.pictures.style import Look, NothingToDraw, shortened
from lamella.studies.running.data import numbered_labels
from lamella.studies.running.run import Run
from lamella.training.diagnostics.confusion import draw_confusion

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
        Class names. Those of the data by default, or class numbers.
    theme, title : str, optional
        As in `lamella.studies.pictures.draw`.

    Raises
    ------
    DataError
        If the arm has no finished run, or if the size of the test set is not that of the study.
    """
    arm, runs, labels, seeds = predictions_of(results, arm, test)
    classes = int(max(labels.max(), *(run.predictions.max() for run in runs))) + 1
    counts = np.sum([confusion_matrix(labels, run.predictions, classes) for run in runs], axis=0)
    look = Look.of(results, theme, title)
    subtitle = f"{shortened(arm)}: percent of each class, {seeds}{' together' * (len(runs) > 1)}"
    names = names or class_names(runs)
    return draw_confusion(counts, theme, names, title=look.title, subtitle=subtitle)


def predictions_of(
    results: Runs, arm: str | None, test: Any
) -> tuple[str, list[Run], np.ndarray, str]:
    """Return the arm (the baseline by default), its finished runs, the labels, and its seeds.

    The labels are class numbers, the seeds are text: "5 seeds", or "seed 0" for a single one.
    """
    arm = results.study.baseline if arm is None else arm
    runs = results.of(arm)
    if not runs:
        raise NothingToDraw(f"no run of {arm!r} is done: there are no predictions")
    labels = numbered_labels("test", test[1], class_names(runs) or ())
    labels = labels.argmax(axis=1) if labels.ndim == 2 else labels
    if not any(run.predictions.size for run in runs):
        raise NothingToDraw(f"the runs of {arm!r} predicted no classes")
    for run in runs:
        if len(run.predictions) != len(labels):
            raise DataError(
                f"the runs of {arm!r} predicted {len(run.predictions)} samples, but the test set "
                f"has {len(labels)}: pass the test set of the study"
            )
    return arm, runs, labels, f"{len(runs)} seeds" if len(runs) > 1 else f"seed {runs[0].seed}"


def class_names(runs: Sequence[Run]) -> list[str] | None:
    """Return the names of the classes that the data of the runs have, if any."""
    names = runs[0].config.get("data", {}).get("classes")
    return [str(name) for name in names] if isinstance(names, list) else None
