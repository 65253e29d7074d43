"""Run of a study whose arms are tuned: trials, the comparison, and arms at each other's choice."""

from collections.abc import Callable
from typing import Any

from lamella.core.errors import ArgumentError, UsageError
from lamella.studies.analysis.choice import choose, tuning_of
from lamella.studies.definition.definition import StudyDefinition
from lamella.studies.definition.experiment import Experiment
from lamella.studies.definition.tables import Table, merge
from lamella.studies.definition.tuning import (
    at_choices_of_others,
    chosen_setting,
    setting_text,
    trial_name,
    with_setting,
)
from lamella.studies.results import Results
from lamella.studies.running.runner import StudyStopped
from lamella.studies.running.storage import CROSSED, TRIALS, StudyFolder

RunStudy = Callable[[StudyDefinition, Any], Results]
"""Train the missing runs of a study, with the folder of its results or None."""


def run_tuned(
    study: StudyDefinition, run: RunStudy, compare: RunStudy, out: Any, data: Table
) -> Results:
    """Choose a setting for each arm by validation, then compare the arms with new seeds.

    Parameters
    ----------
    study : StudyDefinition
    run : function
        For the trials, and for arms at each other's choice.
    compare : function
        For the comparison.
    out : path or None
    data : table
        Checksums of the data.

    Raises
    ------
    StudyStopped
        If a trial failed: without it, the choice would not be that of the budget.
    """
    folder = None if out is None else _claimed(study, out, data)
    trials = run(study.trials(), folder and folder / TRIALS)
    for trial in trials.failed:
        if trial.status == "failed":  # and not diverged
            raise StudyStopped(
                f"the trial {trial.arm!r} failed with seed {trial.seed}: {trial.reason}. Take the "
                "setting out of tune, or repeat the call to try it again"
            )
    assert study.tuning is not None
    tuned = _chosen(study, study.tuning, choose(study.tuning, trials))
    if folder is not None:
        _expect_same_choice(folder, tuned)
    results = compare(tuned, folder)
    crossed = _crossed(results.study)
    at_others = run(crossed, folder and folder / CROSSED) if crossed else None
    results.tuning = tuning_of(results, trials, at_others)
    return results


def expect_validation(study: StudyDefinition) -> None:
    """Raise a UsageError if a trial would have no validation score."""
    if any(not each.validation_split for each in study.trials().experiments.values()):
        raise UsageError(
            "tune= chooses by the validation score: give validation=(x, y), or a validation_split "
            "above 0"
        )


def _claimed(study: StudyDefinition, out: Any, data: Table) -> Any:
    """Return the path of the folder; a new one gets the study, with its arms not yet tuned."""
    folder = StudyFolder(out)
    if not (folder.path / "study.json").exists():
        folder.claim(study, [], data)
    elif (stored := folder.study()).tuning is None or stored.name != study.name:
        raise UsageError(
            f"{folder.path} holds the study {stored.name!r}, whose arms were not tuned or differ: "
            "choose another folder"
        )
    return folder.path


def _expect_same_choice(folder: Any, study: StudyDefinition) -> None:
    """Raise a UsageError if more settings or tuning seeds choose others than the folder has."""
    stored = StudyFolder(folder).study().tuning or {"chosen": ()}
    for arm in stored["chosen"]:
        there, here = (chosen_setting(each, arm) for each in (stored, study.tuning or stored))
        if arm in study.arms and there != here:
            raise UsageError(
                f"{folder} holds the arm {arm!r} tuned to {setting_text(there)}; now "
                f"{setting_text(here)} is chosen: choose another folder, and copy the folder "
                f"{TRIALS!r} into it, so that no trial is repeated"
            )


def _chosen(study: StudyDefinition, tuning: Table, chosen: dict[str, int]) -> StudyDefinition:
    """Return the study with the chosen setting in each arm."""
    tuning = {**tuning, "chosen": chosen}
    arms = {}
    for arm in study.arms:
        arms[arm] = (arm, with_setting(tuning, arm, chosen_setting(tuning, arm)))
    return study.with_arms(arms, baseline=study.baseline, tuning=tuning)


def _crossed(study: StudyDefinition) -> StudyDefinition | None:
    """Return the study of each arm at the choices of others; None if there are no new ones.

    Fields that both arms tune are exchanged. A value that an arm cannot have is left out.
    """
    known = [each.table() for each in study.experiments.values()]
    arms = {}
    assert study.tuning is not None
    for arm, _, setting in at_choices_of_others(study.tuning):
        fields = with_setting(study.tuning, arm, setting)
        try:
            table = Experiment.from_table(merge(study.base, fields), study.custom[arm]).table()
        except ArgumentError:
            continue
        if table not in known:
            arms[trial_name(arm, setting)] = (arm, fields)
            known.append(table)
    return study.with_arms(arms, name=f"{study.name} crossed") if arms else None
