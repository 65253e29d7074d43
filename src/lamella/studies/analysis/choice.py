"""Choice of each arm's setting by its validation score."""

import math
from collections.abc import Sequence

from lamella.studies.analysis.measures import Measure
from lamella.studies.analysis.runs import Runs
from lamella.studies.analysis.statistics import Estimate
from lamella.studies.analysis.tuning import Trial, TunedArm, Tuning
from lamella.studies.definition.tables import Table
from lamella.studies.definition.tuning import (
    at_choices_of_others,
    fields_at_edge,
    trial_name,
    with_setting,
)
from lamella.studies.running.storage import CROSSED, TRIALS
from lamella.studies.running.stored import Stored


def choose(tuning: Table, trials: Runs) -> dict[str, int]:
    """Return for each arm the index of the best of its trials."""
    measure = _validation(trials)
    found = {arm: _trials(tuning, arm, trials, measure) for arm in tuning["arms"]}
    return {arm: best_trial(each, measure) for arm, each in found.items()}


def _validation(trials: Runs) -> Measure:
    return trials.measure(f"val_{trials.metric}")


def best_trial(trials: Sequence[Trial], measure: Measure) -> int:
    """Return the index of the trial with the fewest diverged runs, then the best mean score."""
    sign = -1 if measure.higher_is_better else 1

    def rank(place: int) -> tuple[int, float]:
        trial = trials[place]
        return trial.diverged, math.inf if math.isnan(trial.mean) else sign * trial.mean

    return min(range(len(trials)), key=rank)


def tuning_of(results: Runs, trials: Runs, crossed: Runs | None) -> Tuning:
    """Return the tuning of a study from its comparison, its trials and crossed settings.

    Parameters
    ----------
    results, trials : Runs
    crossed : Runs or None
        Arms at choices of others; None if all of them are arms of the comparison, or not run.
    """
    tuning = results.study.tuning
    assert tuning is not None
    measure = _validation(trials)
    arms = {arm: _tuned_arm(tuning, arm, trials, measure) for arm in results.arms}
    names = {trial.name for each in arms.values() for trial in each.trials}
    return Tuning(
        arms,
        tuning["seeds"],
        measure,
        results.measure(None),
        _crossed(results, crossed),
        [run for run in trials.runs if run.arm in names and run.seed in tuning["seeds"]],
    )


def read_tuning(stored: Stored, results: Runs) -> Tuning | None:
    """Return the tuning of a stored study; None if its arms were not tuned."""
    if results.study.tuning is None:
        return None
    parts = {name: Runs(each.study(), each.runs()) for name, each in stored.parts().items()}
    trials, crossed = (parts.get(name) for name in (TRIALS, CROSSED))
    return tuning_of(results, trials or Runs(results.study, []), crossed)


def _tuned_arm(tuning: Table, arm: str, trials: Runs, measure: Measure) -> TunedArm:
    found = _trials(tuning, arm, trials, measure)
    chosen = found[tuning["chosen"][arm]] if arm in tuning["chosen"] else None
    return TunedArm(arm, found, chosen, fields_at_edge(tuning, arm))


def _trials(tuning: Table, arm: str, trials: Runs, measure: Measure) -> list[Trial]:
    values, found = trials.ranked_values(measure), []
    for setting in tuning["trials"][arm]:
        name = trial_name(arm, setting)
        scores = [x for seed, x in values.get(name, {}).items() if seed in tuning["seeds"]]
        finite = [x for x in scores if math.isfinite(x)]
        mean = sum(finite) / len(finite) if finite else math.nan
        found.append(Trial(name, setting, mean, len(finite), len(scores) - len(finite)))
    return found


def _crossed(results: Runs, crossed: Runs | None) -> dict[tuple[str, str], Estimate]:
    """Return the test score of each arm at its own and at each other choice, if it was run."""
    study, own = results.study, results.summary()
    assert study.tuning is not None
    theirs = {} if crossed is None else crossed.summary(results.measure(None))
    # An experiment that is already there was not trained again under another name.
    known = [(fields, own[arm]) for arm, fields in study.arms.items()]
    known += (
        [(crossed.study.arms[name], found) for name, found in theirs.items()] if crossed else []
    )
    table = {(arm, arm): own[arm] for arm in study.tuning["chosen"]}
    for arm, other, setting in at_choices_of_others(study.tuning):
        fields = with_setting(study.tuning, arm, setting)
        same = (found for given, found in known if given == fields)
        if estimate := theirs.get(trial_name(arm, setting)) or next(same, None):
            table[arm, other] = estimate
    return table
