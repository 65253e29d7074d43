"""Plan of a study of sources of variance, and what ``vary`` does to keys and files."""

import pytest

from lamella.core.errors import ArgumentError
from lamella.studies import parse_study
from lamella.studies.definition.definition import StudyDefinition
from lamella.studies.definition.sources import SOURCES
from lamella.studies.running.runner import plan
from tests.studies.small import CHECKSUMS, small_study


def test_plan_has_all_sources_and_each_that_the_arm_has_alone() -> None:
    study = small_study().sources("dropped", seeds=7)
    assert list(study.arms) == ["all sources", "init", "order", "dropout", "split"]
    vary = [experiment.vary for experiment in study.experiments.values()]
    assert vary == [None, ["init"], ["order"], ["dropout"], ["split"]]
    assert all(each.model["dropout"] == 0.2 for each in study.experiments.values())
    assert (study.name, study.seeds, study.varies) == ("small - sources", list(range(7)), ["vary"])
    assert small_study().sources().experiments["init"].optimizer["lr"] == 1e-3


def test_sources_that_the_study_holds_are_left_out() -> None:
    study = small_study(vary=["init", "order"]).sources()
    assert [each.vary for each in study.experiments.values()] == [
        ["init", "order"],
        ["init"],
        ["order"],
    ]


def test_one_source_or_an_unknown_arm_is_refused() -> None:
    with pytest.raises(ArgumentError, match="nothing but 'init' varies with the seed"):
        small_study(vary=["init"]).sources()
    with pytest.raises(ArgumentError, match="did you mean 'dropped'"):
        small_study().sources("droped")
    with pytest.raises(ArgumentError, match="seeds must be a whole number"):
        small_study().sources(seeds=0)


def test_keys_without_vary_are_those_of_before_and_others_differ() -> None:
    (first, *_), (held, *_) = (
        plan(study, CHECKSUMS) for study in (small_study(), small_study(vary=["init"]))
    )
    assert "vary" not in first.config["experiment"]
    assert held.config["experiment"].pop("vary") == ["init"]
    assert held.config == first.config
    assert held.key != first.key
    every = small_study(vary=reversed(SOURCES))
    assert plan(every, CHECKSUMS)[0].key == first.key


def test_vary_in_a_file_and_in_a_folder() -> None:
    text = """
        name = "x"
        vary = ["order"]
        [base]
        model = { class = "MLP", hidden = [3] }
        [arms.a]
    """
    study = parse_study(text, "x.toml")
    assert study.experiments["a"].vary == ["order"]
    assert StudyDefinition.described(study.description()).base["vary"] == ["order"]
    with pytest.raises(ArgumentError, match="to the study or to its base, not to both"):
        small_study(base={**study.base}, vary=["init"])


def test_arms_that_are_not_tuned_yet_are_refused() -> None:
    tuned = small_study(tune={"optimizer.lr": [1e-3, 1e-2]}, arms={"a": {}, "b": {"epochs": 2}})
    with pytest.raises(ArgumentError, match=r"not tuned yet: run .* results\.study\.sources"):
        tuned.sources()
