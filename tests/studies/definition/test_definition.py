"""Study definitions: arms, seeds, varied settings, smaller copies, and wrong settings."""

import json
from typing import Any

import pytest

import lamella as lm
from lamella.core.errors import ArgumentError
from lamella.studies import Study
from tests.studies.small import small_study


def test_arms_are_the_base_with_their_changes() -> None:
    study = small_study()
    assert list(study.arms) == ["slow", "fast", "dropped"]
    rates = [experiment.optimizer["lr"] for experiment in study.experiments.values()]
    assert rates == [1e-3, 3e-2, 3e-2]
    assert [e.model["dropout"] for e in study.experiments.values()] == [0.0, 0.0, 0.2]
    assert {e.batch_size for e in study.experiments.values()} == {20}


def gain(by: float) -> type[lm.Layer]:
    """Return a layer that multiplies by a number that its code reads."""

    class Gain(lm.Layer):
        def forward(self, x: Any, training: bool) -> Any:
            return x * by

        def backward(self, dy: Any) -> Any:
            return dy * by

    return Gain


def net(*layers: lm.Layer) -> dict[str, Any]:
    return {"model": lm.Sequential([*layers, lm.Dense(3)])}


def test_classes_of_the_same_name_in_two_arms_stay_apart() -> None:
    low, high = gain(1.0), gain(1000.0)
    study = small_study(base=net(low()), arms={"low": {}, "high": net(high())})
    kinds = [type(e.compiled(0).layers[0]) for e in study.experiments.values()]
    assert kinds == [low, high]
    own = [e.table()["own"]["Gain"] for e in study.experiments.values()]
    assert own[0] != own[1]


@pytest.mark.parametrize(
    ("base", "arm"),
    [
        (lambda: net(gain(1.0)()), lambda: {"model.layers.1": gain(2.0)()}),
        (dict, lambda: net(gain(1.0)(), gain(2.0)())),
    ],
)
def test_two_classes_of_the_same_name_in_one_arm_are_refused(base: Any, arm: Any) -> None:
    with pytest.raises(lm.LamellaError, match="two different classes or functions are named Gain"):
        small_study(base=base(), arms={"both": arm()})


def test_arms_whose_own_code_is_the_same_are_equal() -> None:
    arms = {"a": net(gain(2.0)()), "b": net(gain(2.0)())}
    with pytest.raises(ArgumentError, match="the arms 'a' and 'b' are equal"):
        small_study(arms=arms)


def test_varied_settings_are_named_by_their_place() -> None:
    assert small_study().varies == ["optimizer.lr", "model.dropout"]
    by_class = {"SGD": {"optimizer": lm.SGD(0.1)}, "Adam": {"optimizer": lm.Adam(0.1)}}
    assert small_study(arms=by_class).varies == ["optimizer"]


def test_five_seeds_are_0_to_4_and_a_list_is_taken_as_it_is() -> None:
    assert small_study(seeds=5).seeds == [0, 1, 2, 3, 4]
    assert small_study(seeds=[7, 3]).seeds == [7, 3]


def test_the_first_arm_is_the_baseline_unless_another_is_named() -> None:
    assert small_study().baseline == "slow"
    assert small_study(baseline="fast").baseline == "fast"


def test_a_study_without_title_is_called_by_its_name() -> None:
    assert small_study().title == "small"
    assert small_study(title="Small networks").title == "Small networks"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"seeds": 0}, "seeds must be a whole number of at least 1, got 0"),
        ({"seeds": []}, "seeds must be at least one, without repetition; got []"),
        ({"seeds": [1, 1]}, "seeds must be at least one, without repetition; got [1, 1]"),
        ({"seeds": [-1]}, "seeds must be a whole number of at least 0, got -1"),
        ({"seeds": "3"}, "seeds must be a whole number of at least 1, got '3'"),
        ({"arms": {}}, "arms must be a dict of at least one arm, got {}"),
        ({"arms": [{}]}, "arms must be a dict of at least one arm"),
        ({"arms": {"a": 3}}, "fields of an experiment must be a dict, got 3"),
        ({"baseline": "fats"}, "the baseline 'fats' is not known: did you mean 'fast'?"),
        (
            {"arms": {"a": {}, "b": {"optimizer.lr": 5e-4}}},
            "study 'small': the arms 'a' and 'b' are equal",
        ),
        (
            {"arms": {"a": {"optimzer.lr": 1}}},
            "study 'small', arm 'a': the field 'optimzer' is not known: did you mean 'optimizer'?",
        ),
        ({"base": {}}, "arm 'slow': an experiment needs a model"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_wrong_settings_are_refused(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        small_study(**changes)
    assert text in str(caught.value)


@pytest.mark.parametrize("name", ["", "a/b", "../a", ".hidden", 3])
def test_a_name_that_is_no_folder_name_is_refused(name: Any) -> None:
    with pytest.raises(ArgumentError, match="a study's name consists of letters"):
        Study(name, base={"model": lm.MLP([5])}, arms={"a": {}})


def test_resized_changes_all_arms_and_not_the_original() -> None:
    study = small_study(arms={"a": {"epochs": 2}, "b": {"epochs": 2, "optimizer.lr": 0.1}})
    resized = study.resized(seeds=3, epochs=1, samples=100)
    assert resized.seeds == [0, 1, 2]
    sizes = {(e.epochs, e.samples) for e in resized.experiments.values()}
    assert sizes == {(1, 100)}
    assert study.seeds == [0, 1]
    assert {(e.epochs, e.samples) for e in study.experiments.values()} == {(2, None)}
    assert resized.varies == ["optimizer.lr"]


def test_resized_lists_reductions_only() -> None:
    study = small_study()
    assert study.resized(seeds=1).cut == "1 of 2 seeds"
    assert study.resized(seeds=5, epochs=30).cut == ""
    assert study.resized(seeds=1).resized(epochs=2).cut == "1 of 2 seeds, 2 of 3 epochs"


def test_a_base_can_be_varied_in_a_word() -> None:
    study = small_study(arms={"plain": {}, "dropped": {"model.dropout": 0.2}})
    varied = study.with_base({"optimizer.lr": 1e-3, "callbacks": [lm.TerminateOnNaN()]})
    assert {e.optimizer["lr"] for e in varied.experiments.values()} == {1e-3}
    assert {e.callbacks[0]["class"] for e in varied.experiments.values()} == {"TerminateOnNaN"}
    assert {e.optimizer["lr"] for e in study.experiments.values()} == {5e-4}
    assert varied.varies == ["model.dropout"]


def test_what_an_arm_sets_itself_is_not_varied_for_all() -> None:
    with pytest.raises(
        ArgumentError, match=r"'slow' sets optimizer itself, so optimizer.lr cannot"
    ):
        small_study().with_base({"optimizer.lr": 1e-2})


def test_settings_in_which_the_arms_differ_cannot_be_set_for_all() -> None:
    study = small_study(arms={"a": {"epochs": 1}, "b": {"epochs": 2}})
    with pytest.raises(ArgumentError, match="study 'small' compares arms with different epochs"):
        study.resized(epochs=5)


def test_quick_lists_its_reductions() -> None:
    study = small_study(base={"model": lm.MLP([5]), "epochs": 15}, seeds=5)
    quick = study.quick()
    assert quick.cut == "2 of 5 seeds, 3 of 15 epochs, 6,000 of all samples"
    assert quick.seeds == [0, 1]
    assert {(e.epochs, e.samples) for e in quick.experiments.values()} == {(3, 6000)}
    assert study.cut == ""


def test_quick_keeps_varied_and_small_settings() -> None:
    arms = {"few": {"samples": 5000}, "many": {"samples": 50_000}}
    quick = small_study(base={"model": lm.MLP([5]), "epochs": 2}, arms=arms, seeds=1).quick()
    assert quick.cut == ""
    assert [e.samples for e in quick.experiments.values()] == [5000, 50_000]


def test_a_description_goes_through_json_and_back() -> None:
    study = small_study(title="Small", question="Which?", baseline="fast").quick()
    table = json.loads(json.dumps(study.description()))
    back = Study.described(table)
    assert back.description() == study.description()
    assert (back.title, back.question, back.baseline) == ("Small", "Which?", "fast")
    assert list(back.arms) == ["slow", "fast", "dropped"]
    assert (back.varies, back.cut, back.seeds) == (study.varies, study.cut, [0, 1])


def test_repr_names_the_arms() -> None:
    assert repr(small_study()) == "Study('small', 3 arms: slow, fast, dropped; 2 seeds)"
