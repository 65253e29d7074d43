"""Results: tables, pictures and a report of the runs of a study."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from lamella.core.disk import as_path, write_atomically
from lamella.core.errors import FileFormatError
from lamella.core.signatures import known_arguments
from lamella.core.validation import one_of
from lamella.studies.analysis.best import Best, best
from lamella.studies.analysis.choice import read_tuning
from lamella.studies.analysis.comparison import Comparison, compare
from lamella.studies.analysis.ledger import Ledger, ledger, ledger_line
from lamella.studies.analysis.measures import Measure
from lamella.studies.analysis.overview import overview
from lamella.studies.analysis.reads import Reads
from lamella.studies.analysis.runs import Runs
from lamella.studies.analysis.sources import Sources, sources
from lamella.studies.analysis.speed import Speed, speed
from lamella.studies.analysis.text_table import TextTable
from lamella.studies.analysis.tidy import tidy_rows, to_csv, to_dataframe
from lamella.studies.running.archive.reading import read_studies
from lamella.studies.running.storage import StudyFolder
from lamella.studies.running.stored import Stored, stored_studies

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Results(Runs):
    """The runs of a study.

    Parameters
    ----------
    study : StudyDefinition
    runs : iterable of Run
        Any runs of the study, in any order; an unfinished study has results, too.
    folder : path, optional
        Folder of the study, which remembers the comparisons that were read.

    Attributes
    ----------
    study : StudyDefinition
        The `Study` that was run. Results that `load` reads from a folder have its definition only,
        which has no ``run``: to run the study again, define it again.
    arms : list of str
        In the order of the study.
    seeds : list of int
    runs : list of Run
        Sorted by arm, then seed.
    failed : list of Run
        Runs that diverged or ended with an error; ``run.reason`` says why. No mean includes them.
    missing : list of (arm, seed)
        Not run yet.
    tuning : Tuning or None
        Of a study with ``tune``: trials, choices, and the arms at each other's choice.
    """

    @classmethod
    def load(cls, folder: Any) -> Self:
        """Read the folder of a study, finished or not.

        Raises
        ------
        FileFormatError
            If the folder holds no study.
        """
        if as_path(folder, "folder").is_file():
            raise FileFormatError(
                f"{folder} is a file, not a folder: read the studies in an archive with "
                "lamella.studies.read_archive"
            )
        return cls._of(StudyFolder(folder))

    @classmethod
    def _of(cls, stored: Stored) -> Self:
        folder = stored.path if isinstance(stored, StudyFolder) else None
        results = cls(stored.study(), stored.runs(), folder)
        results.reads = Reads(folder, stored.reads())
        results.tuning = read_tuning(stored, results)
        return results

    @known_arguments
    def compare(
        self,
        to: str | None = None,
        measure: str | Measure | None = None,
        margin: float | None = None,
    ) -> Comparison:
        """Compare all arms to one, or all pairs of arms, seed by seed.

        p is corrected for all comparisons that were read so far, here or in the study's folder: see
        `ledger`.

        Parameters
        ----------
        to : str, optional
            An arm; by default the study's baseline. "all" compares all pairs.
        measure : str or Measure, optional
            By default the test accuracy, or for numbers the test R2. Times, such as
            "steps_to_0.95", are compared by their ratio: ``mean``, ``low`` and ``high`` are natural
            logarithms of ratios.
        margin : float, optional
            Differences below it do not matter, such as 0.002 for 0.2 points of accuracy; of times
            to a score a factor, such as 1.25. Verdicts can then also be "equivalent", or "better,
            by less than the margin".

        Raises
        ------
        ArgumentError
            If there is no such arm or measure, nothing to compare, or the margin is not above 0.
        """
        found = compare(self, to, measure, margin)
        self.reads.add(found.read)
        return replace(found, notes=[*found.notes, ledger_line(self)])

    def ledger(self) -> Ledger:
        """Return everything that was looked at, read or chosen, and the verdicts that stand now."""
        return ledger(self)

    @known_arguments
    def best(self, measure: str | None = None) -> Best:
        """Return the arm with the best mean validation score, and those that may be better.

        Parameters
        ----------
        measure : str, optional
            "val_accuracy", "best_val_accuracy", "val_r2" or "val_loss"; by default the validation
            score of `metric`. Test scores are refused: chosen by them, an arm looks too good.
        """
        found = best(self, measure)
        self.reads.choices[found.measure.name] = None
        return found

    @known_arguments
    def speed(
        self,
        threshold: float,
        *,
        by: Literal["epochs", "steps", "seconds"] = "steps",
        measure: str | None = None,
        to: str | None = None,
    ) -> Speed:
        """Return how fast each arm reaches a score: median, mean and ratio to the baseline.

        Parameters
        ----------
        threshold : float
            Lowest score that counts, such as 0.95; for a loss, the highest.
        by : {"epochs", "steps", "seconds"}
            Seconds are those of training and validation, at the end of each epoch.
        measure : str, optional
            A column of the epochs, by default the validation score of `metric`.
        to : str, optional
            The arm that the others are compared to, by default the study's baseline.

        Notes
        -----
        ``results.plot("speed", threshold=0.95)`` draws the fraction of seeds that have not reached
        it yet.
        """
        found = speed(self, threshold, measure, by, to)
        if found.comparison is None:
            return found
        self.reads.add(found.comparison.read)
        notes = [*found.comparison.notes, ledger_line(self)]
        return replace(found, comparison=replace(found.comparison, notes=notes))

    @known_arguments
    def sources(self, measure: str | None = None) -> Sources:
        """Return how much of the spread over seeds comes from each source of variance.

        The study must be one that `Study.sources` returns.

        Parameters
        ----------
        measure : str, optional
            By default the test score of `metric`.

        Raises
        ------
        UsageError
            If the runs do not vary one source at a time.
        """
        return sources(self, measure)

    def model(
        self, arm: str, seed: int, name: str | None = None, *, custom_layers: Any = ()
    ) -> Any:
        """Load the trained model of a run that was kept; see `Run.model`.

        Raises
        ------
        ArgumentError
            If there is no such arm, run or name.
        UsageError
            If no model was kept.
        """
        runs = {run.seed: run for run in self.runs if run.arm == self.expect_arm(arm)}
        one_of("seed", seed, runs)
        return runs[seed].model(name, custom_layers=custom_layers)

    # Tables

    def table(self, measures: str | Sequence[str] | None = None) -> TextTable:
        """Return one row per arm: mean and standard deviation of each measure.

        Parameters
        ----------
        measures : str or list of str, optional
            The first is shown with its 95% interval. By default test, training and validation
            score, test loss and time, as far as any run has them.
        """
        table = overview(self, [measures] if isinstance(measures, str) else measures)
        return replace(table, notes=[*table.notes, ledger_line(self)])

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()

    def rows(self, per: Literal["epoch", "run"] = "epoch") -> list[dict[str, Any]]:
        """Return tidy rows: one per run and epoch, or one per run with its final scores.

        The fields in which arms differ, such as "optimizer.lr", are columns too.
        """
        return tidy_rows(self.runs, per, self.study.varies)

    def to_csv(self, path: Any, per: Literal["epoch", "run"] = "epoch") -> Path:
        """Write `rows` to a CSV file atomically and return its path."""
        file = as_path(path)
        write_atomically(file, to_csv(self.rows(per)).encode())
        return file

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
        """Draw a picture; `lamella.studies.pictures.draw` lists names and options."""
        from lamella.studies.pictures import draw

        figure = draw(self, name, **options)
        if name == "differences":  # it shows verdicts
            self.reads.add(compare(self, options.get("to"), options.get("measure")).read)
        return figure

    def report(self, path: Any) -> Path:
        """Write an HTML report; see `lamella.studies.report.report.write_report`."""
        from lamella.studies.report.report import write_report

        return write_report(self, path)

    def save_plots(
        self, folder: Any, formats: Sequence[str] = ("png", "svg"), **options: Any
    ) -> list[Path]:
        """Write all available pictures to a folder; see `lamella.studies.pictures.save_all`."""
        from lamella.studies.pictures import save_all

        return save_all(self, as_path(folder, "folder"), formats, **options)


def read_all(path: Any) -> list[Results]:
    """Read the study in a folder, all studies in its subfolders, or those in an archive.

    Raises
    ------
    UsageError
        If there is none.
    FileFormatError
        If it is a file, but no archive.
    """
    return [Results._of(each) for each in stored_studies(path)]


def read_archive(path: Any) -> list[Results]:
    """Read the studies in an archive, which `lamella.studies.write_archive` wrote.

    Their runs have all that tables, comparisons, pictures of scores and reports need. ``run.steps``
    has a thinned curve of the step losses; ``run.step_losses`` and ``run.confidence`` are empty,
    and ``run.model`` raises an error, since archives keep neither them nor models.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FileFormatError
        If it is no archive, or is damaged.
    """
    return [Results._of(each) for each in read_studies(as_path(path))]
