"""What a study has found: its runs, read as numbers, tables and pictures."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from lamella.disk import write_atomically
from lamella.errors import ArgumentError, DataError
from lamella.studies.comparison import Comparison, compare
from lamella.studies.left_out import lost_values
from lamella.studies.measures import EpochsTo, Measure, epochs_to, get_measure
from lamella.studies.overview import overview
from lamella.studies.run import Run
from lamella.studies.statistics import Estimate, estimate
from lamella.studies.text_table import TextTable
from lamella.studies.tidy import tidy_rows, to_csv, to_dataframe

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lamella.studies.study import Study


class Results:
    """The runs of a study.

    Parameters
    ----------
    study : Study
    runs : iterable of Run
        Any of its runs, in any order; a study that is not finished has results, too.

    Attributes
    ----------
    study : Study
    arms : list of str
        In the order of the study.
    seeds : list of int
    runs : list of Run
        By arm, then seed, whatever the order they came in.
    failed : list of Run
        Those that diverged or ended with an error; ``run.reason`` says why. They are in no mean.
    missing : list of (arm, seed)
        Not run yet.
    """

    def __init__(self, study: "Study", runs: Iterable[Run]) -> None:
        self.study = study
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

    @classmethod
    def load(cls, folder: Any) -> Self:
        """Read the folder of a study, finished or not.

        Raises
        ------
        FileFormatError
            If it holds no study.
        """
        from lamella.studies.storage import read_study_folder

        return cls(*read_study_folder(folder))

    def __repr__(self) -> str:
        done = len(self.runs) - len(self.failed)
        total = len(self.runs) + len(self.missing)
        return f"Results({self.study.name!r}: {done} of {total} runs done)"

    def __len__(self) -> int:
        return len(self.runs)

    def of(self, arm: str) -> list[Run]:
        """Return the runs of an arm that are done, by seed."""
        self._known(arm)
        return [run for run in self.runs if run.arm == arm and run.done]

    # Numbers

    def values(self, measure: str | Measure) -> dict[str, dict[int, float]]:
        """Return one number a run: for each arm, by seed. Only runs that are done count.

        Parameters
        ----------
        measure : str or Measure
            One of `lamella.studies.measures.MEASURES`, or "epochs_to_0.95".

        Raises
        ------
        ArgumentError
            If there is no such measure.
        DataError
            If no run has it: validation scores, say, where nothing was held out.
        """
        measure = get_measure(measure) if isinstance(measure, str) else measure
        found = {arm: {run.seed: measure.of(run) for run in self.of(arm)} for arm in self.arms}
        column = measure.column if isinstance(measure, EpochsTo) else measure.name
        if column != "seconds" and any(found.values()):
            known = dict.fromkeys(key for run in self.runs for key in (*run.scores, *_columns(run)))
            if column not in known:
                raise DataError(f"no run has {column!r}; they have {', '.join(known)}")
        return found

    def summary(self, measure: str | Measure = "test_accuracy") -> dict[str, Estimate]:
        """Return mean, standard deviation and 95% interval over seeds of each arm.

        The intervals of accuracies are cut where no accuracy can be: below 0 and above 1.
        """
        measure = get_measure(measure) if isinstance(measure, str) else measure
        found = {arm: estimate(list(by.values())) for arm, by in self.values(measure).items()}
        if measure.unit == "%":
            found = {
                arm: replace(e, low=float(np.maximum(e.low, 0)), high=float(np.minimum(e.high, 1)))
                for arm, e in found.items()
            }
        return found

    def epochs_to(self, threshold: float, measure: str = "val_accuracy") -> dict[str, Estimate]:
        """Return how many epochs each arm took to reach a score first.

        Parameters
        ----------
        threshold : float
            At least this; at most, for a loss.
        measure : str
            A column of the epochs: "val_accuracy", "val_loss", "accuracy", "loss".

        Notes
        -----
        Seeds that never reach it are not in the mean: see the estimate's ``n``.
        """
        return self.summary(epochs_to(threshold, measure))

    def compare(
        self, to: str | None = None, measure: str | Measure = "test_accuracy"
    ) -> Comparison:
        """Compare all arms to one, seed by seed.

        Parameters
        ----------
        to : str, optional
            An arm; the study's baseline if left out.
        measure : str or Measure

        Raises
        ------
        ArgumentError
            If there is no such arm or measure, or nothing to compare.
        """
        to = self._known(self.study.baseline if to is None else to)
        if len(self.arms) == 1:
            raise ArgumentError(f"the study has one arm, {to!r}: there is nothing to compare it to")
        measure = get_measure(measure) if isinstance(measure, str) else measure
        values = self.values(measure)
        remarks = {arm: lost_values(self, arm, measure, values[arm]) for arm in self.arms}
        notes = [f"{to}: {remarks[to]}."] if remarks[to] else []
        return compare(measure, to, values, notes, remarks)

    # Tables

    def table(self, measures: str | Sequence[str] | None = None) -> TextTable:
        """Return one line an arm: mean and standard deviation of each measure.

        Parameters
        ----------
        measures : str or list of str, optional
            The first is shown with its 95% interval. If left out, test, training and validation
            accuracy, test loss and time, as far as there are any.
        """
        return overview(self, [measures] if isinstance(measures, str) else measures)

    def rows(self, per: Literal["epoch", "run"] = "epoch") -> list[dict[str, Any]]:
        """Return tidy rows: one a run and epoch, or one a run with its final scores."""
        return tidy_rows(self.runs, per)

    def to_csv(self, path: Any, per: Literal["epoch", "run"] = "epoch") -> Path:
        """Write `rows` as CSV, whole or not at all; return the path."""
        write_atomically(Path(path), to_csv(self.rows(per)).encode())
        return Path(path)

    def to_dataframe(self, per: Literal["epoch", "run"] = "epoch") -> Any:
        """Return `rows` as a pandas DataFrame.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        return to_dataframe(self.rows(per))

    # Pictures

    def plot(self, name: str, **options: Any) -> "Figure":
        """Draw a picture: see `lamella.studies.pictures.draw` for their names and options."""
        from lamella.studies.pictures import draw

        return draw(self, name, **options)

    def report(self, path: Any) -> Path:
        """Write one HTML page with all there is to see: see `lamella.studies.report`."""
        from lamella.studies.report import write_report

        return write_report(self, path)

    def save_plots(
        self, folder: Any, formats: Sequence[str] = ("png", "svg"), **options: Any
    ) -> list[Path]:
        """Write every picture there is to a folder: see `lamella.studies.pictures.save_all`."""
        from lamella.studies.pictures import save_all

        return save_all(self, Path(folder), formats, **options)

    def _known(self, arm: str) -> str:
        if arm not in self.arms:
            near = difflib.get_close_matches(str(arm), self.arms, n=1)
            hint = f"did you mean {near[0]!r}? There are" if near else "there are"
            known = ", ".join(map(repr, self.arms))
            raise ArgumentError(f"the study has no arm {arm!r}: {hint} {known}")
        return arm


def _columns(run: Run) -> list[str]:
    return list(run.epochs[0]) if run.epochs else []
