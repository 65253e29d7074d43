"""The test images that an arm gets wrong most often, and most surely."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lamella.core.errors import DataError
from lamella.core.validation import at_least
from lamella.studies.analysis.runs import Runs
from lamella.studies.pictures.confusion import predicted
from lamella.studies.pictures.style import NothingToDraw, frame, get_theme, literal, title_of
from lamella.studies.running.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure


COLUMNS = 6


@dataclass(frozen=True)
class Mistake:
    """A test sample that runs get wrong.

    Attributes
    ----------
    index : int
        In the test set.
    label, taken_for : int
        What it is, and what most of the runs that are wrong take it for.
    wrong : int
        Runs that get it wrong.
    confidence : float
        Their mean confidence.
    """

    index: int
    label: int
    taken_for: int
    wrong: int
    confidence: float


def worst_mistakes(runs: Sequence[Run], labels: np.ndarray, count: int) -> list[Mistake]:
    """Return the samples that most runs get wrong; among equals, those they are surest of."""
    guesses = np.stack([run.predictions for run in runs])
    wrong = guesses != labels
    times = wrong.sum(axis=0)
    sure = np.where(wrong, np.stack([run.confidence for run in runs]), 0).sum(axis=0)
    sure = sure / np.maximum(1, times)
    order = np.lexsort((np.arange(len(labels)), -sure, -times))[:count]
    return [
        Mistake(
            index=int(i),
            label=int(labels[i]),
            taken_for=int(np.bincount(guesses[wrong[:, i], i]).argmax()),
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
    """Draw the images that most runs of an arm get wrong, with the highest confidence.

    Parameters
    ----------
    results : Results
    test : (x, y)
        The test set that the runs predicted: images (N, H, W), (N, H, W, 3) or square ones as
        rows (N, H * W), and labels.
    arm : str, optional
        The study's baseline if left out.
    count : int
        Images at most.
    names : list of str, optional
        Of the classes; numbers if left out.
    theme : {"light", "dark"}
    title : str, optional
        The study's, if left out.

    Raises
    ------
    DataError
        If the samples are no images, or nothing is wrong.
    """
    arm = results.study.baseline if arm is None else arm
    runs, labels = predicted(results, arm, test)
    found = worst_mistakes(runs, labels, at_least("count", count, 1))
    if not found:
        raise NothingToDraw(f"there is nothing to draw: the runs of {arm!r} get every sample right")
    images = as_images(np.asarray(test[0]))
    look = get_theme(theme)
    lines = math.ceil(len(found) / COLUMNS)
    seeds = f"{len(runs)} seeds" if len(runs) > 1 else f"seed {runs[0].seed}"
    figure, grid = frame(
        look,
        7.2,
        0.6 + 1.5 * lines,
        title=title_of(results, title),
        subtitle=f"{arm}, {seeds}: what most of them get wrong, the surest first",
        rows=lines,
        columns=COLUMNS,
    )
    for axes, mistake in zip(grid.ravel(), found, strict=False):
        axes.imshow(images[mistake.index], cmap="gray", interpolation="nearest")
        axes.set_title(_caption(mistake, len(runs), names), fontsize=8, color=look.ink)
    for axes in grid.ravel():
        axes.set_axis_off()
    return figure


def as_images(x: np.ndarray) -> np.ndarray:
    """Return samples as images (N, H, W) or (N, H, W, 3)."""
    if x.ndim == 4 and x.shape[-1] == 1:
        x = x[..., 0]
    if x.ndim == 3 or (x.ndim == 4 and x.shape[-1] == 3):
        return x
    side = math.isqrt(x.shape[-1])
    if x.ndim == 2 and side * side == x.shape[-1]:
        return x.reshape(-1, side, side)
    raise DataError(
        "mistakes are drawn as images: expected samples of shape (H, W), (H, W, 3) or (H * W,) "
        f"with H = W, got {x.shape[1:]}"
    )


def _caption(mistake: Mistake, runs: int, names: Sequence[str] | None) -> str:
    def name(label: int) -> str:
        return str(label) if names is None else literal(names[label])

    often = f"{mistake.wrong} of {runs}, " if runs > 1 else ""
    what = f"{name(mistake.label)} taken for {name(mistake.taken_for)}"
    return f"{what}\n{often}{mistake.confidence:.0%} sure"
