"""Tables of a tuning on the page."""

from lamella.studies.analysis.measures import MEASURES
from lamella.studies.analysis.tuning import Trial, TunedArm, Tuning
from lamella.studies.report.page.tuning import tuning_tables


def test_a_study_without_tuning_has_no_tables() -> None:
    assert tuning_tables(None) == []


def test_two_arms_have_trials_and_crossed_settings() -> None:
    found = [Trial("a: lr=1", {"lr": 1}, 0.5, 1, 0)]
    arms = {arm: TunedArm(arm, found, found[0], []) for arm in "ab"}
    measures = MEASURES["val_accuracy"], MEASURES["test_accuracy"]
    trials, crossed = tuning_tables(Tuning(arms, [7], *measures, {}))
    assert trials["rows"][0] == ["a", "lr=1", "50.00", "chosen"]
    assert trials["left"] == (0, 1, 3)
    assert crossed["head"] == ["arm", "choice of a", "choice of b"]
    (alone,) = tuning_tables(Tuning({"a": arms["a"]}, [7], *measures, {}))
    assert alone["title"] == "Tuning: 1 trials of each arm"
