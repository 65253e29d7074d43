"""Tuning as tables: the settings of each arm, edges of ranges, and choices of others."""

from typing import Any

import pytest

import lamella as lm
from lamella.core.errors import ArgumentError, FileFormatError, UsageError
from lamella.studies import Study, parse_study
from lamella.studies.definition.tables import Table
from lamella.studies.definition.tuning import (
    at_choices_of_others,
    expect_readable,
    fields_at_edge,
    joined_tunings,
    setting_text,
    settings_of,
    trial_arms,
    tuned_fields,
    tuning_problem,
)
from tests.studies.small import small_study

ARMS = {"SGD": {"optimizer": lm.SGD(0.1)}, "Adam": {"optimizer": lm.Adam(1e-3)}}
RATES = [0.001, 0.01, 0.1]


def tuned(tune: Any, **changes: Any) -> Study:
    return small_study(**{"arms": ARMS, "tune": tune, **changes})


def tuning(trials: dict[str, list[Table]], chosen: dict[str, int]) -> Table:
    return {"seeds": [7], "arms": {arm: {} for arm in trials}, "trials": trials, "chosen": chosen}


def rates(*values: float) -> list[Table]:
    return [{"lr": value} for value in values]


def test_a_dict_of_lists_is_a_grid_for_all_arms() -> None:
    found = settings_of({"optimizer.lr": RATES, "batch_size": [10, 20]}, ["SGD", "Adam"])
    assert found["SGD"] == found["Adam"] == lm.grid({"optimizer.lr": RATES, "batch_size": [10, 20]})


def test_arms_have_settings_of_their_own() -> None:
    drawn = lm.draws(3, {"optimizer.lr": lm.LogUniform(1e-4, 1e-2)})
    found = settings_of({"SGD": {"optimizer": {"lr": RATES}}, "Adam": drawn}, ["SGD", "Adam"])
    assert found == {"SGD": [{"optimizer.lr": rate} for rate in RATES], "Adam": drawn}


def test_a_file_gives_the_study_of_python() -> None:
    text = """
        name = "small"
        seeds = 2
        tuning_seeds = 2
        base = { model = { class = "MLP", hidden = [5], classes = 3 }, batch_size = 20, epochs = 3 }
        [arms.SGD]
        optimizer = { class = "SGD", lr = 0.1 }
        [arms.Adam]
        optimizer = { class = "Adam", lr = 1e-3 }
        [tune.SGD]
        optimizer.lr = [0.001, 0.01, 0.1]
        [tune.Adam]
        draws = 3
        seed = 5
        optimizer.lr = { class = "LogUniform", low = 1e-4, high = 1e-1 }
    """
    drawn = lm.draws(3, {"optimizer.lr": lm.LogUniform(1e-4, 1e-1)}, seed=5)
    study = tuned({"SGD": {"optimizer.lr": RATES}, "Adam": drawn}, tuning_seeds=2)
    read = parse_study(text, "a.toml")
    assert study.tuning is not None
    assert read.tuning is not None
    assert read.tuning["trials"] == study.tuning["trials"]
    assert read.trials().experiments == study.trials().experiments
    assert study.tuning["seeds"] == [1_000_000, 1_000_001]


@pytest.mark.parametrize(
    ("tune", "message"),
    [
        ({"SGD": {"optimizer.lr": RATES}}, "tune has no settings for 'Adam'"),
        (
            {"SGD": {"optimizer.lr": RATES}, "Adam": {"optimizer.lr": RATES[:2]}},
            "each arm needs the same number of settings.*'SGD' has 3, 'Adam' has 2",
        ),
        ({"SDG": {"optimizer.lr": RATES}}, "arm or field in tune 'SDG' is not known.*'SGD'"),
        ({"optimizer.lrr": RATES}, "did you mean 'lr'"),
        ({"optimizer.lr": [0.1]}, "2 settings or more"),
        ([], "2 settings or more"),
        ({"optimizer.lr": [0.1, 0.1]}, "setting optimizer.lr=0.1 of the arm 'SGD' twice"),
        ({"optimizer.lr": [0.1, -1]}, "arm 'SGD: optimizer.lr=-1'"),
        ({"optimizer.lr": 0.1}, "optimizer.lr needs a list of values"),
        ({"optimizer.lr": RATES, "seed": 3}, "the field in tune 'seed' is not known"),
        ([{"optimizer.lr": 0.1}, 3], "list of settings"),
        ("optimizer.lr", "tune must be lists of values"),
        (
            {"optimizer.lr": {"class": "LogUnifrm", "low": 1, "high": 2}, "draws": 2},
            "did you mean 'LogUniform'",
        ),
        ({"optimizer": [lm.SGD(0.1), lm.SGD(0.2)]}, "are equal, so there is nothing to compare"),
    ],
)
def test_wrong_tunings_are_refused(tune: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        tuned(tune)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tuning_seeds": [1, 5]}, "the tuning has the seed 1 of the comparison"),
        ({"tuning_seeds": 0}, "tuning_seeds must be a whole number of at least 1"),
        ({"tuning_seeds": [7, 7]}, "tuning_seeds must be at least one, without repetition"),
        ({"tuning_seeds": 2, "tune": None}, "tuning_seeds are those of tune, which is missing"),
    ],
)
def test_wrong_tuning_seeds_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        tuned(**{"tune": {"optimizer.lr": RATES}, **changes})


def test_trials_are_the_arms_with_their_settings() -> None:
    study = tuned({"optimizer.lr": RATES}, tuning_seeds=[7, 8])
    trials = study.trials()
    assert list(trials.arms) == [f"{arm}: optimizer.lr={rate}" for arm in ARMS for rate in RATES]
    assert trials.seeds == [7, 8]
    found = [each.optimizer["lr"] for each in trials.experiments.values()]
    assert found == [*RATES, *RATES]
    assert study.tuning is not None
    assert list(trial_arms(study.tuning)) == list(trials.arms)
    assert tuned_fields(study.tuning) == ["optimizer.lr"]


def test_smaller_copies_tune_on_a_smaller_scale() -> None:
    study = tuned({"optimizer.lr": RATES}, tuning_seeds=3, seeds=5)
    quick = study.quick(samples=None, epochs=2)
    assert quick.cut == "2 of 5 seeds, 1 of 3 tuning seeds, 2 of 3 epochs"
    assert {each.epochs for each in quick.trials().experiments.values()} == {2}
    other = study.with_base({"batch_size": 7})
    assert {each.batch_size for each in other.trials().experiments.values()} == {7}


def test_tuned_fields_cannot_be_set_for_all() -> None:
    with pytest.raises(ArgumentError, match="tunes arms with different epochs"):
        tuned({"epochs": [1, 2]}).resized(epochs=5)
    with pytest.raises(ArgumentError, match=r"'SGD: batch_size=10' sets .*batch_size"):
        tuned({"batch_size": [10, 20]}).with_base({"batch_size": 5})
    with pytest.raises(ArgumentError, match="tunes nothing"):
        small_study().resized(tuning_seeds=2)


@pytest.mark.parametrize(
    ("values", "chosen", "edge"),
    [
        ((0.1, 0.2, 0.3), 1, []),
        ((0.1, 0.2, 0.3), 0, ["lr"]),
        ((0.3, 0.1, 0.2), 0, ["lr"]),
        ((0.0, 0.1, 0.2), 0, []),
        ((0.1, 0.1), 0, []),
        ((True, False), 0, []),
        (([5], [6]), 1, []),
    ],
)
def test_a_choice_at_the_end_of_its_range_is_at_the_edge(
    values: Any, chosen: int, edge: list[str]
) -> None:
    assert fields_at_edge(tuning({"a": rates(*values)}, {"a": chosen}), "a") == edge
    assert fields_at_edge(tuning({"a": rates(*values)}, {}), "a") == []


def test_settings_are_shown_as_they_are_written() -> None:
    setting = {"optimizer.lr": 0.1, "model.hidden": [64, 10], "loss": {"class": "L", "a": 1}}
    assert setting_text(setting) == "optimizer.lr=0.1, model.hidden=[64, 10], loss=L(a=1)"


def test_only_fields_that_both_arms_tune_are_exchanged() -> None:
    both = [{"lr": 3.0, "l2": 0.5}, {"lr": 4.0, "l2": 0.6}]
    found = at_choices_of_others(tuning({"none": rates(1, 2), "L2": both}, {"none": 1, "L2": 0}))
    assert list(found) == [("none", "L2", {"lr": 3.0}), ("L2", "none", {"lr": 2, "l2": 0.5})]


def test_a_folder_joins_arms_of_the_same_budget_only() -> None:
    old, new = tuning({"a": rates(1, 2)}, {"a": 1}), tuning({"b": rates(3, 4)}, {"b": 0})
    joined = joined_tunings(old, new, ["a"])["tuning"]
    assert joined["chosen"] == {"a": 1, "b": 0}
    assert joined["trials"] == {"a": rates(1, 2), "b": rates(3, 4)}
    assert joined_tunings(old, new, []) == {"tuning": new}
    assert joined_tunings(None, None, ["a"]) == {}
    for other in (None, tuning({"b": rates(1, 2, 3)}, {"b": 0}), {**new, "seeds": [7, 8]}):
        with pytest.raises(UsageError, match="the arms a in the folder were tuned with another"):
            joined_tunings(old, other, ["a"])


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("seeds", [0.5]),
        ("seeds", 3),
        ("arms", {"b": {}}),
        ("arms", {"a": 3}),
        ("trials", {"a": 3}),
        ("trials", {"a": [3]}),
        ("trials", {"a": [{".".join("a" * 99): 1}, {}]}),
        ("chosen", {"a": 2}),
        ("chosen", {"a": -1}),
        ("chosen", {"b": 0}),
        ("chosen", []),
        ("more", 1),
    ],
)
def test_a_damaged_tuning_is_a_problem(part: str, value: Any) -> None:
    sound = tuning({"a": rates(1, 2)}, {"a": 1})
    assert tuning_problem(sound, {"a": {}}) == ""
    assert tuning_problem({**sound, part: value}, {"a": {}})


def test_trials_that_no_folder_could_hold_are_refused() -> None:
    expect_readable({"a": {"x": [0] * 1000}})
    with pytest.raises(ArgumentError, match="tune is too large"):
        expect_readable({str(i): {"x": [0] * 1000} for i in range(30)})


def test_a_file_cannot_ask_for_too_many_trials() -> None:
    base = "x" + ".a = [" + "0, " * 2000 + "]"
    text = f"name = 'a'\n[base]\n{base}\n[arms.a]\n[tune]\noptimizer.lr = [1, 2]"
    with pytest.raises(FileFormatError, match="too large to be tuned from a file"):
        parse_study(text, "a.toml")
