"""Overview: all arms of a study in one table."""

import math
from collections.abc import Mapping, Sequence

from lamella.studies.analysis.incomplete import incomplete_runs
from lamella.studies.analysis.measures import Measure, interval_text
from lamella.studies.analysis.runs import Runs
from lamella.studies.analysis.statistics import Estimate
from lamella.studies.analysis.text_table import TextTable
from lamella.studies.analysis.tuning import tuning_notes


def overview(results: Runs, measures: Sequence[str] | None = None) -> TextTable:
    """Return one row per arm: mean and standard deviation of each measure.

    Parameters
    ----------
    results : Runs
    measures : list of str, optional
        The first is shown with its 95% interval. By default test, training and validation score,
        test loss and time, as far as any run has them.
    """
    if measures is None:
        scored = {name for run in results.runs for name in run.scores}
        names = [*(f"{part}_{results.metric}" for part in ("test", "train", "val")), "test_loss"]
        measures = [name for name in dict.fromkeys(names) if name in scored] + ["seconds"]
    columns = [(measure, results.summary(measure)) for measure in map(results.measure, measures)]
    head, rows = ["arm"], [[arm] for arm in results.arms]
    for place, (measure, summary) in enumerate(columns):
        head.append(measure.title)
        for arm, row in zip(results.arms, rows, strict=True):
            row.append(_mean_and_sd(summary[arm], measure))
        if place == 0:
            head.append("95% interval")
            for arm, row in zip(results.arms, rows, strict=True):
                row.append(interval_text(measure.show, summary[arm].low, summary[arm].high))
    for arm, row in zip(results.arms, rows, strict=True):
        done, seeds = len(results.of(arm)), len(results.seeds)
        row.append(str(done) if done == seeds else f"{done} of {seeds}")
    title = results.study.title or results.study.name
    return TextTable(title, [*head, "seeds"], rows, _notes(results, columns))


def _notes(results: Runs, columns: Sequence[tuple[Measure, Mapping[str, Estimate]]]) -> list[str]:
    """Return the notes below a table: how to read it, and which runs it excludes."""
    if len(results.seeds) == 1:
        notes = ["One seed: no interval, no verdict. Differences may be chance."]
    else:
        notes = ["Mean ± standard deviation over seeds; 95% t interval of the mean for new seeds."]
    if results.study.cut:
        notes.append(f"Cut short: {results.study.cut}.")
    for arm in results.arms:
        done = len(results.of(arm))
        gaps = [incomplete_runs(results, arm)]
        gaps += [
            f"{measure.label}: {summary[arm].of} of {done} seeds"
            for measure, summary in columns
            if summary[arm].of < done
        ]
        if any(gaps):
            notes.append(f"{arm}: {'; '.join(filter(None, gaps))}.")
        reasons = [run.reason for run in results.failed if (run.arm, run.status) == (arm, "failed")]
        notes += [f"{arm} failed: {reason}" for reason in dict.fromkeys(reasons)]
    return [*notes, *tuning_notes(results.study.tuning)]


def _mean_and_sd(e: Estimate, measure: Measure) -> str:
    sd = "" if math.isnan(e.sd) else f" ± {measure.show(e.sd)}"
    return f"{e.text(measure.show)}{sd}"
