"""Test images that an arm misclassifies most often."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lamella.core.validation import at_least
from lamella.studies.analysis.runs import Runs
from lamella.studies.pictures.confusion import class_names, predictions_of
from lamella.studies.pictures.style import Look, NothingToDraw, shortened
from lamella.studies.running.archived_run import ArchivedRun
from lamella.studies.running.run import Run
from lamella.training.diagnostics.mistakes import as_images, draw_images
from lamella.training.diagnostics.theme import escape_math

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Mistake:
    """A test sample that some runs misclassify.

    Attributes
    ----------
    index : int
        Index in the test set.
    label, predicted : int
        True class, and the most frequent wrong prediction.
    wrong : int
        Number of runs that misclassify it.
    confidence : float
        Mean confidence of these runs.
    """

    index: int
    label: int
    predicted: int
    wrong: int
    confidence: float


def worst_mistakes(runs: Sequence[Run], labels: np.ndarray, count: int) -> list[Mistake]:
    """Return the samples that most runs misclassify, ties in order of confidence.

    Runs of an archive have no confidences: theirs is NaN, and ties stay in order of the samples.
    """
    guesses = np.stack([run.predictions for run in runs])
    wrong = guesses != labels
    times = wrong.sum(axis=0)
    sure = np.full(len(labels), np.nan)
    if all(len(run.confidence) for run in runs):
        sure = np.where(wrong, np.stack([run.confidence for run in runs]), 0).sum(axis=0)
        sure = sure / np.maximum(1, times)
    order = np.lexsort((np.arange(len(labels)), -sure, -times))[:count]
    return [
        Mistake(
            index=int(i),
            label=int(labels[i]),
            predicted=int(np.bincount(guesses[wrong[:, i], i]).argmax()),
            wrong=int(times[i]),
            confidence=float(sure[i]),
        )
        for i in order
        if times[i]
    ]


def mistakes(
    results: Runs,
    test: Any,
    *,
    arm: str | None = None,
    count: int = 18,
    names: Sequence[str] | None = None,
    theme: str = "light",
    title: str | None = None,
) -> "Figure":
    """Draw the images that most runs of an arm misclassify, ties in order of confidence.

    Parameters
    ----------
    results : Runs
    test : (x, y)
        The test set of the study: images (N, H, W), (N, H, W, 3) or square images as rows
        (N, H * W), and labels.
    arm : str, optional
        The baseline of the study by default.
    count : int
        Maximum number of images.
    names : list of str, optional
        Class names. Those of the data by default, or class numbers.
    theme, title : str, optional
        As in `lamella.studies.pictures.draw`.

    Raises
    ------
    DataError
        If the samples are no images, all predictions are right, or the runs are of an archive,
        which lacks confidences.
    """
    arm, runs, labels, seeds = predictions_of(results, arm, test)
    if any(isinstance(run, ArchivedRun) for run in runs):
        raise NothingToDraw(
            "runs of an archive do not have the confidence of each answer: read the folder of the "
            "study, or repeat it"
        )
    found = worst_mistakes(runs, labels, at_least("count", count, 1))
    if not found:
        raise NothingToDraw(
            f"there is nothing to draw: the runs of {arm!r} predict every sample right"
        )
    names = names or class_names(runs)
    images = as_images(np.asarray(test[0]))
    return draw_images(
        images[[mistake.index for mistake in found]],
        [_caption(mistake, len(runs), names) for mistake in found],
        theme,
        title=Look.of(results, theme, title).title,
        subtitle=f"{shortened(arm)}, {seeds}: most frequent mistakes, ties by confidence",
    )


def _caption(mistake: Mistake, runs: int, names: Sequence[str] | None) -> str:
    def name(label: int) -> str:
        return str(label) if names is None else escape_math(names[label])

    often = f"{mistake.wrong} of {runs}, " if runs > 1 else ""
    classes = f"{name(mistake.label)} predicted as {name(mistake.predicted)}"
    return f"{classes}\n{often}{mistake.confidence:.0%} sure"
