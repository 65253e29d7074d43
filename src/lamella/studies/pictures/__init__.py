"""Pictures of results, drawn with matplotlib without windows or global state.

Each arm has the same colour and marker in all pictures. Themes are light and dark.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamella.core.disk import expect_writable
from lamella.core.errors import ArgumentError, UsageError
from lamella.core.names import expect_known
from lamella.studies.analysis.measures import MEASURES, TIME
from lamella.studies.analysis.runs import Runs
from lamella.studies.definition.tables import arguments
from lamella.studies.pictures.confusion import confusion
from lamella.studies.pictures.differences import difference_points
from lamella.studies.pictures.losses import loss_curves
from lamella.studies.pictures.mistakes import mistakes
from lamella.studies.pictures.original import report_loss, report_scores, report_test
from lamella.studies.pictures.points import score_points
from lamella.studies.pictures.saving import save
from lamella.studies.pictures.scores import score_curves
from lamella.studies.pictures.speed import speed_curves
from lamella.studies.pictures.style import NothingToDraw

if TYPE_CHECKING:
    from matplotlib.figure import Figure


__all__ = ["NothingToDraw", "draw", "save_all"]

PREDICTIONS = ("confusion", "mistakes")
CURVES = ("accuracy", "val_accuracy", "r2", "val_r2", "val_loss")
NAMED: dict[str, Callable[..., "Figure"]] = {
    "loss": loss_curves,
    "differences": difference_points,
    "speed": speed_curves,
    "confusion": confusion,
    "mistakes": mistakes,
    "report_loss": report_loss,
    "report_scores": report_scores,
    "report_test": report_test,
}
REPORT = {"report_loss": "train_loss", "report_scores": "train_scr", "report_test": "test_scr"}
"""File names of the report's figures, after the experiment and "contrast"."""


def draw(results: Runs, name: str, **options: Any) -> "Figure":
    """Draw one picture.

    Parameters
    ----------
    results : Runs
    name : str
        "loss": smoothed training loss against epochs.
        "val_accuracy", "val_loss", "accuracy", "val_r2", "r2": curves over epochs.
        "test_accuracy" or another measure, also of your own metrics: points with intervals.
        "differences": paired differences to one arm, with verdicts (``measure=``, ``to=``).
        "speed": fraction of seeds that have not reached a score yet (``threshold=``, ``by=``).
        "confusion", "mistakes": predictions of one arm (``test=`` the test set, ``arm=``).
        "report_loss", "report_scores", "report_test": figures of the report (``seed=``).
    **options
        ``theme``, "light" or "dark"; ``title``, by default that of the study; and the options of
        the picture.

    Raises
    ------
    ArgumentError
        If there is no picture with this name.
    NothingToDraw
        If the results lack the numbers it shows.
    """
    if name in PREDICTIONS and "test" not in options:
        raise UsageError(
            f"runs do not store the test set: pass it, results.plot({name!r}, test=test)"
        )
    if name in NAMED:
        return _drawn(NAMED[name], name, results, options)
    known = {key for run in results.runs for row in run.epochs[:1] for key in row}
    if name in CURVES or name in known - MEASURES.keys():
        return _drawn(score_curves, name, results, {"column": name, **options})
    known = {key for run in results.runs for key in run.scores}
    if name in MEASURES or name in known or re.fullmatch(TIME, name):
        return _drawn(score_points, name, results, {"measure": name, **options})
    raise ArgumentError(
        f"there is no picture {name!r}; choose from {', '.join([*NAMED, *CURVES])}, or points of "
        f"{', '.join(measure for measure in MEASURES if measure not in CURVES)}"
    )


def _drawn(
    picture: Callable[..., "Figure"], name: str, results: Runs, options: dict[str, Any]
) -> "Figure":
    for option in options:
        expect_known(f"the option of the picture {name!r}", option, arguments(picture)[1:])
    return picture(results, **options)


def save_all(
    results: Runs,
    folder: Path,
    formats: Sequence[str] = ("png", "svg"),
    *,
    test: Any = None,
    theme: str = "light",
) -> list[Path]:
    """Write all pictures for which the results have the numbers.

    Parameters
    ----------
    results : Runs
    folder : path
        Created if it does not exist.
    formats : list of str
        "png", "svg" or both.
    test : (x, y), optional
        Test set for the confusion matrix and the mistakes of the baseline.
    theme : {"light", "dark"}

    Returns
    -------
    list of Path
        The files written. Figures of the report have the file names of the report.
    """
    expect_writable(folder)
    score = results.metric
    names = [*dict.fromkeys(["loss", f"val_{score}", "val_loss"]), *REPORT]
    if any(f"test_{score}" in run.scores for run in results.runs):
        names += [f"test_{score}", *(["differences"] if len(results.arms) > 1 else [])]
    if test is not None:
        names += PREDICTIONS
    written = []
    for name in names:
        options = {"test": test} if name in PREDICTIONS else {}
        try:
            figure = draw(results, name, theme=theme, **options)
        except NothingToDraw:
            continue
        stem = report_name(results, name) if name in REPORT else name
        written += [save(figure, folder / f"{stem}.{kind}") for kind in formats]
    return written


def report_name(results: Runs, name: str) -> str:
    """Return the file name of a figure of the report, without its suffix."""
    study = re.sub(r"[^\w.-]+", "_", results.study.name)
    return f"{study}_contrast_{REPORT[name]}"
