"""Tuning of the arms of a study: trials with their validation scores, and the chosen settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from lamella.core.disk import as_path, write_atomically
from lamella.core.names import expect_known
from lamella.core.wording import capitalized, named
from lamella.studies.analysis.measures import Measure
from lamella.studies.analysis.statistics import Estimate
from lamella.studies.analysis.text_table import TextTable
from lamella.studies.analysis.tidy import tidy_rows, to_csv
from lamella.studies.definition.tables import Table
from lamella.studies.definition.tuning import chosen_setting, fields_at_edge, setting_text
from lamella.studies.running.run import Run


@dataclass(frozen=True)
class Trial:
    """One setting of one arm, tried with every tuning seed.

    Attributes
    ----------
    name : str
        Arm and setting, as in the folder of the trials.
    setting : dict
        Value of each tuned field by its dotted name.
    mean : float
        Mean validation score of the runs that did not diverge; nan if there are none.
    done, diverged : int
        Numbers of runs.
    """

    name: str
    setting: Table
    mean: float
    done: int
    diverged: int


@dataclass(frozen=True)
class TunedArm:
    """The trials of one arm.

    Attributes
    ----------
    arm : str
    trials : list of Trial
    chosen : Trial or None
        The one with the best mean validation score, of those with the fewest diverged runs; the
        first of several. None if some trials are still to be run.
    at_edge : list of str
        Fields whose chosen number is the lowest or highest that was tried: a better one may lie
        beyond it.
    """

    arm: str
    trials: Sequence[Trial]
    chosen: Trial | None
    at_edge: Sequence[str]


@dataclass(frozen=True, repr=False)
class Tuning:
    """The tuning of a study; printing it shows its tables.

    ``tuning["SGD"]`` is the `TunedArm` of an arm.

    Attributes
    ----------
    arms : dict of str to TunedArm
    seeds : list of int
        Seeds of the trials, none of which the comparison has.
    budget : int
        Number of trials of each arm.
    measure : Measure
        The validation score that decided.
    test : Measure
        The score in ``crossed``.
    crossed : dict of (str, str) to Estimate
        For each arm and each other one, the test score of the arm with the other's choice, in the
        fields that both tune, over the seeds of the comparison. It has decided nothing.
    runs : list of Run
        The runs of all trials.
    """

    arms: Mapping[str, TunedArm]
    seeds: Sequence[int]
    measure: Measure
    test: Measure
    crossed: Mapping[tuple[str, str], Estimate]
    runs: Sequence[Run] = field(default=(), repr=False)

    @property
    def budget(self) -> int:
        """Number of trials of each arm."""
        return max(len(each.trials) for each in self.arms.values())

    def __getitem__(self, arm: str) -> TunedArm:
        expect_known("the arm", arm, self.arms)
        return self.arms[arm]

    def table(self) -> TextTable:
        """Return one row per trial: arm, setting, mean validation score, and a remark."""
        title, show = f"Tuning: {self.budget} trials of each arm", self.measure.show
        head = ["arm", "setting", self.measure.title, ""]
        rows = [
            [tuned.arm, setting_text(trial.setting), show(trial.mean), self._remark(tuned, trial)]
            for tuned in self.arms.values()
            for trial in tuned.trials
        ]
        notes = [
            f"Mean over the {named('tuning seed', self.seeds)}. The best is chosen; diverged "
            "trials rank last. Test scores decide nothing."
        ]
        for tuned in self.arms.values():
            if all(trial.diverged and not trial.done for trial in tuned.trials):
                notes.append(f"{tuned.arm}: all trials diverged, so the first was taken.")
        return TextTable(title, head, rows, notes, left=(1, 3))

    def _remark(self, tuned: TunedArm, trial: Trial) -> str:
        seeds = len(self.seeds)
        remarks = ["chosen"] if trial is tuned.chosen else []
        if remarks and tuned.at_edge and trial.done:
            remarks.append(f"{' and '.join(tuned.at_edge)} at the edge: extend the range")
        if trial.diverged:
            remarks.append(f"diverged with {trial.diverged} of {seeds} seeds")
        if trial.done + trial.diverged < seeds:
            remarks.append(f"{trial.done + trial.diverged} of {seeds} seeds run")
        return "; ".join(remarks)

    def crossed_table(self) -> TextTable:
        """Return the test score of each arm at each choice; one row per arm."""
        arms = [*self.arms]
        rows = [
            [arm, *(self._score(self.crossed.get((arm, other))) for other in arms)] for arm in arms
        ]
        notes = ["Mean ± standard deviation over the seeds of the comparison, for display only."]
        head = ["arm", *(f"choice of {arm}" for arm in arms)]
        return TextTable(
            f"{capitalized(self.test.title)}, of each arm at each choice", head, rows, notes
        )

    def _score(self, found: Estimate | None) -> str:
        if found is None or not found.of:
            return "-"
        sd = f" ± {self.test.show(found.sd)}" if found.n > 1 else ""
        return f"{found.text(self.test.show)}{sd}"

    def tables(self) -> list[TextTable]:
        """Return the trials, and with several arms each arm at each choice."""
        return [self.table(), *([self.crossed_table()] if len(self.arms) > 1 else [])]

    def __str__(self) -> str:
        return "\n\n".join(map(str, self.tables()))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return "".join(table._repr_html_() for table in self.tables())

    def rows(self, per: Literal["epoch", "run"] = "run") -> list[dict[str, Any]]:
        """Return tidy rows of the trials, as `Results.rows` does of the comparison.

        "arm" is the arm, the tuned fields are columns, and "chosen" says whether the trial was.
        """
        known = {trial.name: (each, trial) for each in self.arms.values() for trial in each.trials}
        fields = list(dict.fromkeys(name for _, trial in known.values() for name in trial.setting))
        found = []
        for run in self.runs:
            tuned, trial = known[run.arm]
            for row in tidy_rows([run], per, fields):
                found.append({**row, "arm": tuned.arm, "chosen": trial is tuned.chosen})
        return found

    def to_csv(self, path: Any, per: Literal["epoch", "run"] = "run") -> Path:
        """Write `rows` to a CSV file atomically and return its path."""
        file = as_path(path)
        write_atomically(file, to_csv(self.rows(per)).encode())
        return file


def tuning_notes(tuning: Table | None) -> list[str]:
    """Return notes on the arms as they were tuned, for below a table."""
    if tuning is None or not tuning["chosen"]:
        return []
    texts = {arm: setting_text(chosen_setting(tuning, arm)) for arm in tuning["chosen"]}
    trials = {len(settings) for settings in tuning["trials"].values()}
    chosen = "; ".join(f"{arm}: {text}" for arm, text in texts.items())
    notes = [
        f"As tuned: the best of {' or '.join(map(str, sorted(trials)))} trials each by validation, "
        f"with the {named('tuning seed', tuning['seeds'])}. {chosen}."
    ]
    for arm in texts:
        if names := fields_at_edge(tuning, arm):
            notes.append(f"{arm}: {' and '.join(names)} at the edge of what was tried: extend it.")
    return notes
