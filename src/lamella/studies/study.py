"""Study: a definition that can be run."""

from typing import Any

from lamella.core.validation import at_least
from lamella.studies.definition import bundled
from lamella.studies.definition.definition import StudyDefinition
from lamella.studies.definition.toml import read_toml
from lamella.studies.results import Results
from lamella.studies.running.runner import run_study


class Study(StudyDefinition):
    """A comparison: arms that differ in what varies, on a base that is held equal.

    It is paired: with the same seed, all arms see the same data in the same order, and start
    with the same weights and the same dropout where their shapes allow.

    Parameters
    ----------
    name : str
        Letters, digits, spaces, and the signs - _ and .
    base : dict
        Fields of an `Experiment`: model, loss, optimizer, batch_size, epochs, shuffle,
        validation_split, samples. What is left out is as `Experiment` says.
    arms : dict of name to dict
        What each arm changes: fields again, or dotted names that reach into them, such as
        ``{"optimizer.lr": 0.5}``.
    seeds : int or list of int
        5 means 0 to 4.
    title, question : str
        For people.
    baseline : str, optional
        The arm that the others are compared to; the first by default.

    Attributes
    ----------
    experiments : dict of name to Experiment
        Each arm, completed.
    varies : list of str
        Dotted names of what differs between arms.
    cut : str
        Of what it has fewer than when it was defined, see `quick`; empty if of nothing.

    Raises
    ------
    ArgumentError
        If a word is not known (the nearest is named), two arms are equal, or there are no seeds.
    """

    def run(
        self,
        train: tuple[Any, Any] | None = None,
        test: tuple[Any, Any] | None = None,
        *,
        out: Any = None,
        n_jobs: int | None = None,
        verbose: bool = True,
    ) -> Results:
        """Train every arm with every seed, but for what ``out`` holds already.

        Parameters
        ----------
        train, test : pairs (x, y), optional
            MNIST by default.
        out : path, optional
            Folder for the results, one a study. What is finished there is not done again, so that
            a study that was interrupted goes on. None keeps results in memory only.
        n_jobs : int, optional
            Processes at a time, each with one BLAS thread; -1 means one a core. None means 1, or
            what ``joblib.parallel_config`` says. The results are the same bits.
        verbose : bool
            Whether to show a progress bar.

        Returns
        -------
        Results
            Runs that diverged or failed are among them, with the reason.
        """
        if n_jobs is not None and n_jobs != -1:
            at_least("n_jobs", n_jobs, 1)
        runs = run_study(self, train, test, out=out, n_jobs=n_jobs, verbose=verbose)
        return Results(self, runs)


def load_study(path: Any) -> Study:
    """Read a study from a TOML file.

    Raises
    ------
    FileFormatError
        If it is not TOML, or a word in it is unknown: names the nearest.
    """
    return parse_study(read_toml(path), str(path))


def parse_study(text: str, source: str) -> Study:
    """Read a study from TOML text; ``source`` names its origin in error messages."""
    return Study.parse(text, source)


def bundled_study(name: str) -> Study:
    """Return the bundled study of this name, ready to run."""
    return parse_study(bundled.text(name), f"{name}.toml")
