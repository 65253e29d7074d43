"""One study as the page's template wants it: set-up, drawings, and a table of its arms."""

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from lamella.studies.analysis.comparison import compare, show_p
from lamella.studies.analysis.measures import MEASURES
from lamella.studies.analysis.runs import Runs
from lamella.studies.analysis.statistics import Difference, Estimate
from lamella.studies.definition import bundled
from lamella.studies.report.page import drawings
from lamella.studies.report.page.errors import errors
from lamella.studies.report.page.setup import setup, word
from lamella.studies.report.page.words import difference
from lamella.studies.running.run import Run

POINTS_AN_EPOCH = 4
NUMBERS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")
SHOWN_ERRORS = ("softmax-vs-mlp",)
"""Studies whose mistakes are shown digit by digit."""

ONE_SEED = "One seed: nothing can be judged from it. What differs here may be chance."


def section(results: Runs, chapter: str = "") -> dict[str, Any]:
    """Return all that is told of a study; its title is left out where the chapter has it."""
    study = results.study
    known = bundled.original(study)
    held, varied = setup(results)
    accuracy = f"{study.title}: validation accuracy"
    return {
        "id": f"study-{slug(study.name)}",
        "title": study.title,
        "heading": study.title != chapter,
        "question": study.question,
        "note": bundled.note(study.name) if known else "",
        "cut": bundled.cut(study) if known else study.cut,
        "one_seed": ONE_SEED if len(results.seeds) == 1 else "",
        "words": _words(results, [word(name) for name, _ in varied]),
        "held": [(word(name), value) for name, value in held],
        "varied": [(word(name), values) for name, values in varied],
        "baseline": study.baseline,
        "arms": _arms(results),
        "loss": drawings.curves(_losses(results), f"{study.title}: training loss", "loss"),
        "validation": drawings.curves(_curves(results, "val_accuracy"), accuracy, "accuracy"),
        "scores": drawings.dots(_dots(results), f"{study.title}: test accuracy"),
        "errors": errors(results) if study.name in SHOWN_ERRORS else {},
        "failed": [
            f"{run.arm}, seed {run.seed}, {run.status}: {run.reason}" for run in results.failed
        ],
        "missing": len(results.missing),
    }


def slug(text: str) -> str:
    """Return a text as it can stand in an address."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _words(results: Runs, varied: Sequence[str]) -> str:
    """Say in a sentence or two what is compared and how often."""
    arms, seeds = len(results.arms), len(results.seeds)
    said = f"{_count(arms, 'arm')}, {'each ' * (arms > 1)}with {_count(seeds, 'seed').lower()}."
    if not varied:
        return said
    *most, last = varied
    what = f"{', '.join(most)} and {last}" if most else last
    return f"{said} They differ in {what}, and in nothing else."


def _count(number: int, thing: str) -> str:
    many = NUMBERS[number] if number < len(NUMBERS) else str(number)
    return f"{many} {thing}{'s' * (number != 1)}"


def _arms(results: Runs) -> list[dict[str, Any]]:
    """Return the rows of the table: training and test beside each other, then the differences."""
    train, test, loss, seconds = (
        results.summary(name)
        for name in ("train_accuracy", "test_accuracy", "test_loss", "seconds")
    )
    compared = (
        {d.arm: d for d in compare(results, None, "test_accuracy")} if len(results.arms) > 1 else {}
    )
    reach = drawings.reach([_span(d) for d in compared.values() if d.n])
    return [
        {
            "name": arm,
            "place": place,
            "key": drawings.key(place),
            "scores": [_score(each[arm]) for each in (train, test)],
            "loss": MEASURES["test_loss"].show(loss[arm].mean),
            "seconds": MEASURES["seconds"].show(seconds[arm].mean),
            "difference": _difference(compared[arm], place, reach) if arm in compared else None,
        }
        for place, arm in enumerate(results.arms)
    ]


def _score(estimate: Estimate) -> tuple[str, str]:
    show = MEASURES["test_accuracy"].show
    return show(estimate.mean), show(estimate.sd) if estimate.n > 1 else ""


def _difference(found: Difference, place: int, reach: float) -> dict[str, str]:
    return {
        "text": difference(MEASURES["test_accuracy"], found),
        "drawn": drawings.interval(place, found.mean, found.low, found.high, reach)
        if found.n > 1
        else "",
        "p": show_p(found.p_adjusted).replace("-", "–"),
        "verdict": found.verdict,
        "note": found.note,
        "kind": found.verdict if found.verdict in ("better", "worse") else "quiet",
    }


def _span(found: Difference) -> tuple[float, float]:
    return (found.low, found.high) if math.isfinite(found.low) else (found.mean, found.mean)


def _curves(results: Runs, column: str) -> list[drawings.Curve]:
    """Return a column of the epochs, by arm."""
    found = []
    for place, arm in enumerate(results.arms):
        rows = [_column(run, column) for run in results.runs if run.arm == arm]
        epochs = max((len(row) for row in rows), default=0)
        found.append(_curve(place, arm, np.arange(1, epochs + 1), rows))
    return found


def _losses(results: Runs) -> list[drawings.Curve]:
    """Return the loss of the steps, a few means an epoch, by arm."""
    found = []
    for place, arm in enumerate(results.arms):
        rows = [_smoothed(run) for run in results.runs if run.arm == arm and run.steps_per_epoch]
        points = max((len(row) for row in rows), default=0)
        found.append(_curve(place, arm, (np.arange(points) + 0.5) / POINTS_AN_EPOCH, rows))
    return found


def _curve(place: int, arm: str, x: np.ndarray, rows: Sequence[np.ndarray]) -> drawings.Curve:
    """Return mean, lowest and highest of rows that may end early or hold what is not finite."""
    grid = np.full((len(rows), len(x)), np.nan)
    for line, row in zip(grid, rows, strict=True):
        line[: len(row)] = row
    grid[~np.isfinite(grid)] = np.nan
    some = np.isfinite(grid).any(axis=0)
    grid = grid[:, some]
    if not grid.size:
        return drawings.Curve(place, arm, [], [], [], [])
    spans = (of(grid, axis=0).tolist() for of in (np.nanmean, np.nanmin, np.nanmax))
    return drawings.Curve(place, arm, x[some].tolist(), *spans)


def _smoothed(run: Run) -> np.ndarray:
    pieces = max(1, round(POINTS_AN_EPOCH * len(run.step_losses) / run.steps_per_epoch))
    means = [p.mean(dtype=np.float64) for p in np.array_split(run.step_losses, pieces) if len(p)]
    return np.array(means)


def _column(run: Run, name: str) -> np.ndarray:
    return np.array([row.get(name, math.nan) for row in run.epochs], np.float64)


def _dots(results: Runs) -> list[drawings.Dots]:
    test, train = results.summary("test_accuracy"), results.summary("train_accuracy")
    values = results.values("test_accuracy")
    found = []
    for place, arm in enumerate(results.arms):
        seeds = [value for value in values[arm].values() if math.isfinite(value)]
        own = test[arm]
        found.append(drawings.Dots(place, arm, seeds, own.mean, own.low, own.high, train[arm].mean))
    return found
