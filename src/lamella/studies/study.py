"""Study: a study definition with `run`."""

import copy
from collections.abc import Iterable
from functools import partial
from typing import Any, Self

from lamella.core.disk import as_path
from lamella.core.errors import ArgumentError, UsageError
from lamella.core.signatures import known_arguments
from lamella.core.terminal import error_stream
from lamella.core.validation import at_least, instance, one_of
from lamella.studies.analysis.planning import Plan, plan_seeds, spread_of
from lamella.studies.analysis.runs import Runs
from lamella.studies.definition import bundled
from lamella.studies.definition.definition import StudyDefinition
from lamella.studies.definition.source_study import study_of_sources
from lamella.studies.definition.toml import read_toml
from lamella.studies.growing import expect_comparison, looks_of, run_until_decided
from lamella.studies.pictures.beside import draw_beside
from lamella.studies.results import Results
from lamella.studies.running.data import read_sets, study_data
from lamella.studies.running.runner import run_study
from lamella.studies.running.storage import StudyFolder
from lamella.studies.tuned import expect_validation, run_tuned


class Study(StudyDefinition):
    """A comparison of training choices: arms that change a common base, over several seeds.

    Seeds are paired: with one seed, all arms see the same data in the same order, and start
    with the same weights and dropout masks where their shapes allow.

    Parameters
    ----------
    name : str
        Letters, digits, spaces, and the signs - _ and .
    base : dict
        Fields of an `Experiment`: model, loss, optimizer, batch_size, epochs, shuffle,
        validation_split, samples, class_weight, augment, metrics, callbacks. Missing fields take
        the defaults of `Experiment`.
    arms : dict of name to dict
        Changes of each arm: fields, or dotted names that reach into them, such as
        ``{"optimizer.lr": 0.5}``.
    seeds : int or list of int
        5 means 0 to 4.
    title, question : str
        Shown in tables and reports.
    data : dict, optional
        Data of `run` without ``train`` and ``test``: "name" of a data set of
        `lamella.datasets.idx_folder` or a folder of pictures, its "root", and a folder of pictures
        to "test" on. MNIST by default.
    baseline : str, optional
        The arm that the others are compared to; by default the first.
    tune : dict or list, optional
        Settings that are tried for every arm, as many for each: the one with the best mean
        validation score over the tuning seeds is its setting in the comparison, in place of the
        arm's own. A dict has lists of values by dotted name, such as
        ``{"optimizer.lr": [1e-3, 1e-2, 1e-1]}``, of which all combinations are tried; a list has
        settings, as `lm.grid` and `lm.draws` return them. A dict with the names of all arms has
        one of both for each.
    tuning_seeds : int or list of int
        3 means 1000000 to 1000002. None of them may be a seed of the comparison.
    vary : list of str, optional
        Sources of variance that depend on the seed, by default all: "init" (initial weights),
        "order" (of the samples), "dropout", "augment", "split" (validation), "samples" (choice of
        them). The others are held at one seed, so that verdicts say nothing about them.

    Attributes
    ----------
    experiments : dict of name to Experiment
        Each arm, with all fields filled in.
    varies : list of str
        Dotted names of the fields in which arms differ.
    cut : str
        Reductions made by `quick` or `resized`, such as "2 of 5 seeds"; empty if none.

    Raises
    ------
    ArgumentError
        If a name is unknown (the message has the nearest one), two arms are equal, there are no
        seeds, or the arms have different numbers of settings to try.
    """

    @known_arguments
    def run(
        self,
        train: tuple[Any, Any] | None = None,
        test: tuple[Any, Any] | None = None,
        *,
        validation: tuple[Any, Any] | None = None,
        out: Any = None,
        keep: str | None = None,
        n_jobs: int | None = None,
        verbose: bool = True,
        until: str | None = None,
        most: int | None = None,
        measure: str | None = None,
        margin: float | None = None,
    ) -> Results:
        """Train every arm with every seed, except runs that ``out`` already holds.

        With ``tune``, first train all trials, and after the comparison each arm at the choices of
        the others, for ``results.tuning``.

        Parameters
        ----------
        train, test : pairs (x, y), optional
            Those of the study's ``data``, MNIST by default.
        validation : pair (x, y), optional
            Your own validation set, in place of the part of ``train`` that ``validation_split``
            holds out.
        out : path, optional
            Folder for the results of this study. Runs finished there are not repeated, so that
            the same call resumes an interrupted study. None stores results in memory only.
        keep : {"best", "last", "epochs"}, optional
            Trained models to keep in ``out``: of the epoch with the best validation score (the last
            one if there is none), the last, or each. ``results.model(arm, seed)`` loads one.
        n_jobs : int, optional
            Parallel processes, each with one BLAS thread; -1 means one per core. None means 1, or
            the setting of ``joblib.parallel_config``. On a GPU, runs that one process trains side
            by side; -1 and None mean as many as fit into its memory, at most 64. The results are
            the same, bit for bit.
        verbose : bool
            Whether to show a progress bar, in a terminal with the loss of each run at work, and to
            draw the three figures of the report (pictures "report_loss", "report_scores" and
            "report_test") into ``out``.
        until : {"decided"}, optional
            Add seeds, one at a time from the third on, until each comparison to the baseline is
            decided. Verdicts hold whenever it stops: p counts all looks, those yet to come too.
        most : int, optional
            Greatest number of seeds, by default 20, fixed before the first look: a folder keeps it.
        measure, margin
            As in `Results.compare`, for ``until``.

        Returns
        -------
        Results
            Includes runs that diverged or failed, with the reason.
        """
        limit = 20 if most is None else most
        if n_jobs is not None and n_jobs != -1:
            at_least("n_jobs", n_jobs, 1)
        one_of("verbose", verbose, (False, True))
        if one_of("keep", keep, [None, "best", "last", "epochs"]) and out is None:
            raise UsageError("keep= needs a folder for the models: give out= as well")
        if train is None and test is None and self.data:
            train, test = read_sets(**self.data)

        def run(study: StudyDefinition, folder: Any, keep: str | None = None) -> Results:
            runs = run_study(
                study,
                train,
                test,
                validation=validation,
                out=folder,
                keep=keep,
                n_jobs=n_jobs,
                verbose=verbose,
            )
            if folder is None:
                return Results(study, runs)
            study = copy.copy(study)
            study.looks = StudyFolder(folder).study().looks
            return Results(study, runs, as_path(folder))

        run_and_keep = partial(run, keep=keep)

        def compare(study: StudyDefinition, folder: Any) -> Results:
            if until is None:
                return run_and_keep(study, folder)
            return run_until_decided(
                study, run_and_keep, folder, most=limit, measure=measure, margin=margin
            )

        if one_of("until", until, [None, "decided"]):
            self.resized(seeds=looks_of(self, limit)[0])  # no seed may be one of the tuning
            expect_comparison(self, measure, margin)
        elif (most, measure, margin) != (None, None, None):
            raise UsageError('most, measure and margin say when to stop: give until="decided" too')
        if self.tuning is None or self.tuning["chosen"]:
            results = compare(self, out)
        else:
            if validation is None:
                expect_validation(self)
            checksums = study_data(train, test, validation).checksums
            results = run_tuned(self, run, compare, out, checksums)
        if out is not None and verbose and (note := draw_beside(Results.load(out), as_path(out))):
            print(note, file=error_stream())
        return results

    @known_arguments
    def plan(
        self,
        effect: float,
        *,
        pilot: Runs | None = None,
        sd: float | None = None,
        power: float = 0.8,
        measure: str | None = None,
    ) -> Plan:
        """Return the number of seeds that shows a difference to the baseline; print it.

        Parameters
        ----------
        effect : float
            Smallest difference that matters, such as 0.002 for 0.2 points of accuracy.
        pilot : Results, optional
            Two seeds or more of this study, for the spread of the differences, and of accuracies
            for the error of the test samples, which no number of seeds reduces.
        sd : float, optional
            That spread itself: the standard deviation of the differences by seed.
        power : float
            Probability that the difference is shown, in [0, 1).
        measure : str, optional
            As in `Results.compare`, for the pilot.

        Raises
        ------
        ArgumentError
            Unless one of ``pilot`` and ``sd`` is given.
        """
        samples = 0.0
        if pilot is not None and sd is None:
            instance("pilot", pilot, Runs, "study.run(...)")
            sd, samples = spread_of(pilot, measure)
        elif pilot is not None or sd is None:
            raise ArgumentError("give pilot=results of a few seeds, or sd=...: one of both")
        return plan_seeds(effect, sd, max(len(self.arms) - 1, 1), power, samples)

    @known_arguments
    def sources(self, arm: str | None = None, *, seeds: int | Iterable[int] | None = None) -> Self:
        """Return a study of where the spread of one arm's scores comes from.

        Its arms are "all sources", and each source that the arm has, alone, with all others held at
        one seed. Run it, and print its `Results.sources`. A standard deviation needs many seeds:
        its 95% interval extends from .60 to 2.87 times the estimate with 5 seeds, from .69 to 1.83
        with 10, and from .76 to 1.46 with 20.

        Parameters
        ----------
        arm : str, optional
            By default the baseline.
        seeds : int or list of int, optional
            By default those of this study.

        Raises
        ------
        ArgumentError
            If there is no such arm, or it has one source only.
        """
        return study_of_sources(self, arm).resized(seeds=seeds)


@known_arguments
def load_study(path: Any) -> Study:
    """Read a study from a TOML file.

    Raises
    ------
    FileFormatError
        If the file is not valid TOML, or a name in it is unknown; the message has the nearest.
    """
    return parse_study(read_toml(path), str(path))


def parse_study(text: str, source: str) -> Study:
    """Read a study from TOML text; ``source`` names its origin in error messages."""
    return Study.parse(text, source)


def bundled_study(name: str) -> Study:
    """Return the bundled study of this name, ready to run."""
    return parse_study(bundled.text(name), f"{name}.toml")
