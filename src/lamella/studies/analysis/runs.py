"""Numbers of a study's runs, by arm and seed."""

import math
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from lamella.core.errors import DataError, LamellaError
from lamella.core.names import expect_known
from lamella.studies.analysis.looks import Looks, planned_or_past
from lamella.studies.analysis.measures import (
    MEASURES,
    Measure,
    TimeTo,
    column_is_higher_better,
    column_label,
    get_measure,
    time_to,
)
from lamella.studies.analysis.reads import Reads
from lamella.studies.analysis.statistics import Estimate, censored, estimate
from lamella.studies.analysis.tuning import Tuning
from lamella.studies.definition.definition import StudyDefinition
from lamella.studies.running.run import Run
from lamella.studies.running.storage import StudyFolder


class Runs:
    """The runs of a study and their numbers; `lamella.studies.Results` documents the attributes."""

    def __init__(
        self, study: StudyDefinition, runs: Iterable[Run], folder: Path | None = None
    ) -> None:
        self.study, self.folder = study, folder
        self.reads = Reads(folder)
        self.tuning: Tuning | None = None
        self.arms = list(study.arms)
        self.seeds = list(study.seeds)
        found: dict[tuple[str, int], Run] = {}
        for run in runs:
            place = (run.arm, run.seed)
            if run.arm not in self.arms or run.seed not in self.seeds:
                raise DataError(
                    f"the study {study.name!r} has no arm {run.arm!r} with seed {run.seed}"
                )
            if place in found:
                raise DataError(f"two runs of the arm {run.arm!r} with seed {run.seed}")
            found[place] = run
        places = [(arm, seed) for arm in self.arms for seed in self.seeds]
        self.runs = [found[place] for place in places if place in found]
        self.failed = [run for run in self.runs if not run.done]
        self.missing = [place for place in places if place not in found]

    @property
    def looks(self) -> Looks | None:
        """Looks at the study, if it has grown; see `lamella.studies.analysis.looks`."""
        looks = self.study.looks
        return planned_or_past(looks["planned"], looks["past"], len(self.seeds))

    @property
    def whole(self) -> StudyDefinition:
        """The study as its folder has it, with arms and seeds that these runs lack."""
        with suppress(LamellaError):  # the folder is gone or damaged
            if self.folder is not None:
                stored = StudyFolder(self.folder).study()
                return stored if stored.name == self.study.name else self.study
        return self.study

    def __repr__(self) -> str:
        done = len(self.runs) - len(self.failed)
        total = len(self.runs) + len(self.missing)
        return f"{type(self).__name__}({self.study.name!r}: {done} of {total} runs done)"

    def __len__(self) -> int:
        return len(self.runs)

    @property
    def metric(self) -> str:
        """Name of the score by which arms are compared.

        "accuracy" for classes and yes-or-no answers, "r2" for numbers; "loss" if the runs have
        neither.
        """
        scored = {name for run in self.runs for name in run.scores}
        found = [name for name in ("accuracy", "r2", "loss") if f"test_{name}" in scored]
        return found[0] if found else "accuracy"

    def of(self, arm: str) -> list[Run]:
        """Return the finished runs of an arm, sorted by seed."""
        self.expect_arm(arm)
        return [run for run in self.runs if run.arm == arm and run.done]

    def measure(self, measure: str | Measure | None) -> Measure:
        """Return a measure by its name; by default the test score of `metric`.

        Scores of the ``metrics`` of the experiments are measures too, such as "test_top_5".
        """
        if isinstance(measure, Measure):
            return measure
        name = f"test_{self.metric}" if measure is None else measure
        directions = self.study.directions
        scored = any(name in run.scores for run in self.runs)
        if name not in MEASURES and (scored or str(name).partition("_")[2] in directions):
            higher = column_is_higher_better(name, directions)
            return Measure(name, column_label(name), "", higher, digits=4)
        return get_measure(name, f"val_{self.metric}", directions)

    def time_to(self, threshold: float, column: str | None, counted: str = "epochs") -> TimeTo:
        """Return the measure "time to a score", by default the validation score of `metric`."""
        column = column or f"val_{self.metric}"
        return time_to(threshold, column, counted, self.study.directions)

    def values(self, measure: str | Measure) -> dict[str, dict[int, float]]:
        """Return one number per finished run: for each arm, by seed.

        Parameters
        ----------
        measure : str or Measure
            One of `lamella.studies.analysis.measures.MEASURES`, or "epochs_to_0.95", or steps or
            seconds: to the validation score of `metric`.

        Raises
        ------
        ArgumentError
            If there is no such measure.
        DataError
            If no run has it, such as validation scores without a validation set.
        """
        measure = self.measure(measure)
        found = {arm: {run.seed: measure.of(run) for run in self.of(arm)} for arm in self.arms}
        column = measure.column if isinstance(measure, TimeTo) else measure.name
        if column != "seconds" and any(found.values()):
            known = dict.fromkeys(key for run in self.runs for key in (*run.scores, *_columns(run)))
            if column not in known:
                raise DataError(f"no run has {column!r}; they have {', '.join(known)}")
            timed = isinstance(measure, TimeTo) and measure.counted == "seconds"
            if timed and "seconds" not in known:
                raise DataError("the logs of these runs have no seconds of epochs: use steps")
        return found

    def ranked_values(self, measure: str | Measure) -> dict[str, dict[int, float]]:
        """Return `values`, with the worst infinity for runs that have no number for a bad reason.

        These are diverged runs, scores that are not finite, and thresholds never reached.
        """
        measure = self.measure(measure)
        worst = -math.inf if measure.higher_is_better else math.inf
        found = self.values(measure)
        for run in self.runs:
            bad = run.status == "diverged" or (
                run.done
                and (
                    measure.is_known(run)
                    if isinstance(measure, TimeTo)
                    else measure.name in run.scores
                )
            )
            if bad and math.isnan(found[run.arm].get(run.seed, math.nan)):
                found[run.arm][run.seed] = worst
        return found

    def correct(self, measure: str | Measure) -> dict[str, dict[int, np.ndarray]]:
        """Return the right and wrong answers of each finished run, for each arm by seed.

        Empty unless the measure is the accuracy of the stored predictions.
        """
        kept = self.measure(measure).name == "test_accuracy"
        return {
            arm: {run.seed: run.correct for run in self.of(arm) if kept and len(run.correct) > 1}
            for arm in self.arms
        }

    def summary(self, measure: str | Measure | None = None) -> dict[str, Estimate]:
        """Return mean, standard deviation and 95% interval over seeds of each arm.

        The measure is by default the test score of `metric`. Intervals of accuracies are clipped to
        [0, 1]. Of epochs to a score that some seeds never reach, there is only the median, and the
        number of seeds that reach it.
        """
        measure = self.measure(measure)
        if isinstance(measure, TimeTo):
            return {
                arm: censored(list(by.values())) for arm, by in self.ranked_values(measure).items()
            }
        correct = self.correct(measure)
        found = {
            arm: estimate(list(by.values()), list(correct[arm].values()))
            for arm, by in self.values(measure).items()
        }
        if measure.unit == "%":
            found = {
                arm: replace(e, low=float(np.maximum(e.low, 0)), high=float(np.minimum(e.high, 1)))
                for arm, e in found.items()
            }
        return found

    def epochs_to(self, threshold: float, measure: str | None = None) -> dict[str, Estimate]:
        """Return the number of epochs each arm needed to reach a score.

        Parameters
        ----------
        threshold : float
            Lowest score that counts; for a loss, the highest.
        measure : str, optional
            A column of the epochs: "val_accuracy", "val_loss", "accuracy", "loss"; by default the
            validation score of `metric`.

        Notes
        -----
        If some seeds never reach it, or diverge, there is no mean: see the estimate's ``median``,
        in which they count as infinite, and the ``n`` seeds ``of`` all that reached it.
        """
        return self.summary(self.time_to(threshold, measure))

    def expect_arm(self, arm: str) -> str:
        """Return ``arm`` if the study has it, else raise an ArgumentError with the nearest name."""
        expect_known("the arm", arm, self.arms)
        return arm


def _columns(run: Run) -> list[str]:
    return list(run.epochs[0]) if run.epochs else []
