"""Template variables of one study: set-up, drawings, and a table of its arms."""

import math
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from lamella.core.errors import UsageError
from lamella.core.wording import capitalized, counted, listed, named
from lamella.studies.analysis.answer import answer
from lamella.studies.analysis.comparison import Comparison, show_p, verdict_with_remarks
from lamella.studies.analysis.difference import Difference
from lamella.studies.analysis.ledger import ledger, ledger_line
from lamella.studies.analysis.measures import MEASURES, Measure
from lamella.studies.analysis.runs import Runs
from lamella.studies.analysis.sources import sources
from lamella.studies.analysis.statistics import Estimate
from lamella.studies.analysis.text_table import TextTable
from lamella.studies.analysis.tuning import tuning_notes
from lamella.studies.definition import bundled
from lamella.studies.pictures.losses import smoothed
from lamella.studies.report.page import drawings
from lamella.studies.report.page.errors import errors
from lamella.studies.report.page.setup import label, setup
from lamella.studies.report.page.verdicts import ONE_SEED, show_difference
from lamella.studies.running.data import study_data
from lamella.studies.running.run import Run

POINTS_PER_EPOCH = 4
NUMBERS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")
SHOWN_ERRORS = ("softmax-vs-mlp",)
"""Studies with confusion matrices on the page."""


def section(
    results: Runs, chapter: str, comparison: Comparison | None, *, answers: bool = True
) -> dict[str, Any]:
    """Return the variables of a study; ``comparison`` is the declared one.

    Its heading is omitted if it equals that of the chapter, or the page has no other study. With
    ``answers`` it begins with its answer, and the set-up comes last.
    """
    study = results.study
    known = is_original(results)
    fixed, varied = setup(results)
    metric, test = results.metric, results.measure(None)
    validation, summary = f"val_{metric}", results.summary()
    said = len(results.seeds) > 1 or (answers and comparison is not None)
    return {
        "id": f"study-{slug(study.name)}",
        "title": study.title,
        "heading": chapter not in ("", study.title),
        "answer": answer(results, comparison) if answers else [],
        "ledger": ledger(results).table(),
        "ledger_line": ledger_line(results),
        "question": study.question,
        "note": bundled.note(study.name) if known else "",
        "cut": bundled.cut(study) if known else study.cut,
        "one_seed": "" if said else f"{ONE_SEED} Differences may be chance.",
        "summary": _summary(results, [label(name) for name, _ in varied]),
        "fixed": [(label(name), value) for name, value in fixed],
        "varied": [(label(name), values) for name, values in varied],
        "baseline": study.baseline,
        "arms": _arms(results, comparison),
        "loss": drawings.curves(_losses(results), f"{study.title}: training loss", "loss"),
        "validation": drawings.curves(
            _curves(results, validation), f"{study.title}: {MEASURES[validation].label}", metric
        ),
        "scores": drawings.dots(_dots(results), f"{study.title}: {test.label}", test),
        "interval": ", 95% interval" * any(math.isfinite(e.low) for e in summary.values()),
        "score": test.title.removeprefix("test "),
        "labels": {"validation": capitalized(MEASURES[validation].label), "test": test.label},
        "points": ", points" if test.unit == "%" else "",
        "errors": errors(results) if study.name in SHOWN_ERRORS else {},
        "failed": _failed(results),
        "missing": missing_runs(results),
        "notes": comparison.notes if comparison else tuning_notes(study.tuning),
        "tables": _tables(results),
    }


def is_original(results: Runs) -> bool:
    """Whether results are those of a bundled study on MNIST, apart from epochs and seeds."""
    if not bundled.original(results.study):
        return False
    mnist = study_data(None, None).checksums
    known = [run.config["data"] for run in results.runs if "data" in run.config]
    return all(
        data.get(part, mnist[part]) == mnist[part] for data in known for part in ("train", "test")
    )


def missing_runs(results: Runs) -> str:
    """Return how many runs are missing; empty if none is."""
    missing = len(results.missing)
    return f"{missing:,} of {counted(missing + len(results), 'run')} missing" if missing else ""


def _failed(results: Runs) -> list[str]:
    """Return each reason for which runs of an arm failed or diverged, with their seeds."""
    found: dict[tuple[str, str, str], list[int]] = {}
    for run in results.failed:
        found.setdefault((run.arm, run.status, run.reason), []).append(run.seed)
    return [
        f"{arm}, {named('seed', seeds)}, {status}: {reason}"
        for (arm, status, reason), seeds in found.items()
    ]


def slug(text: str) -> str:
    """Return a text as an HTML id."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _summary(results: Runs, varied: Sequence[str]) -> str:
    """Return numbers of arms and seeds, and the fields that differ between arms, as sentences."""
    arms, seeds = len(results.arms), len(results.seeds)
    size = f"{_count(arms, 'arm')} with {_count(seeds, 'seed').lower()}{' each' * (arms > 1)}."
    if not varied:
        return size
    return f"{size} They differ only in {listed(varied)}."


def _count(number: int, noun: str) -> str:
    spelled = NUMBERS[number] if number < len(NUMBERS) else str(number)
    return f"{spelled} {noun}{'s' * (number != 1)}"


def _tables(results: Runs) -> list[TextTable]:
    """Return the tables of the tuning, or of the sources of variance, if the study has them."""
    found = [] if results.tuning is None else results.tuning.tables()
    with suppress(UsageError):
        found.append(sources(results, None).table())
    return found


def _arms(results: Runs, comparison: Comparison | None) -> list[dict[str, Any]]:
    """Return the rows of the table."""
    train, test, loss, seconds = (
        results.summary(name)
        for name in (f"train_{results.metric}", f"test_{results.metric}", "test_loss", "seconds")
    )
    measure = results.measure(None)
    compared = {d.arm: d for d in comparison or ()}
    drawn = [_span(d) for d in compared.values() if math.isfinite(d.mean)]
    reach = drawings.reach(drawn)
    return [
        {
            "name": arm,
            "index": index,
            "key": drawings.key(index),
            "scores": [_score(each[arm], measure) for each in (train, test)],
            "loss": MEASURES["test_loss"].show(loss[arm].mean),
            "seconds": MEASURES["seconds"].show(seconds[arm].mean),
            "difference": _difference(compared[arm], measure, index, reach)
            if arm in compared
            else None,
        }
        for index, arm in enumerate(results.arms)
    ]


def _score(estimate: Estimate, measure: Measure) -> tuple[str, str]:
    show = measure.show
    return show(estimate.mean), show(estimate.sd) if estimate.n > 1 else ""


def _difference(found: Difference, measure: Measure, index: int, reach: float) -> dict[str, str]:
    return {
        "text": show_difference(measure, found),
        "drawn": drawings.interval(index, found.mean, found.low, found.high, reach)
        if found.n > 1
        else "",
        "p": show_p(found.p_adjusted).replace("-", "–"),
        "verdict": verdict_with_remarks(found, measure),
        "kind": found.verdict if found.verdict in ("better", "worse") else "quiet",
    }


def _span(found: Difference) -> tuple[float, float]:
    return (found.low, found.high) if math.isfinite(found.low) else (found.mean, found.mean)


def _curves(results: Runs, column: str) -> list[drawings.Curve]:
    """Return the curve of a score over the epochs, by arm."""
    found = []
    for index, arm in enumerate(results.arms):
        rows = [_column(run, column) for run in results.runs if run.arm == arm]
        epochs = max((len(row) for row in rows), default=0)
        found.append(_curve(index, arm, np.arange(1, epochs + 1), rows))
    return found


def _losses(results: Runs) -> list[drawings.Curve]:
    """Return the curve of the training loss by arm, as a few means per epoch."""
    found = []
    for index, arm in enumerate(results.arms):
        rows = [
            smoothed(run, POINTS_PER_EPOCH)
            for run in results.runs
            if run.arm == arm and run.steps_per_epoch
        ]
        points = max((len(row) for row in rows), default=0)
        found.append(_curve(index, arm, (np.arange(points) + 0.5) / POINTS_PER_EPOCH, rows))
    return found


def _curve(index: int, arm: str, x: np.ndarray, rows: Sequence[np.ndarray]) -> drawings.Curve:
    """Return mean, minimum and maximum of rows, which may differ in length or be non-finite."""
    grid = np.full((len(rows), len(x)), np.nan)
    for line, row in zip(grid, rows, strict=True):
        line[: len(row)] = row
    grid[~np.isfinite(grid)] = np.nan
    known = np.isfinite(grid).any(axis=0)
    grid = grid[:, known]
    if not grid.size:
        return drawings.Curve(index, arm, [], [], [], [])
    spans = (of(grid, axis=0).tolist() for of in (np.nanmean, np.nanmin, np.nanmax))
    return drawings.Curve(index, arm, x[known].tolist(), *spans)


def _column(run: Run, name: str) -> np.ndarray:
    return np.array([row.get(name, math.nan) for row in run.epochs], np.float64)


def _dots(results: Runs) -> list[drawings.Dots]:
    test, train = results.summary(), results.summary(f"train_{results.metric}")
    values = results.values(results.measure(None))
    found = []
    for index, arm in enumerate(results.arms):
        seeds = [value for value in values[arm].values() if math.isfinite(value)]
        e = test[arm]
        found.append(drawings.Dots(index, arm, seeds, e.mean, e.low, e.high, train[arm].mean))
    return found
