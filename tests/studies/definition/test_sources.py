"""Sources of variance: which streams follow the seed, and which are held."""

from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.core.errors import ArgumentError
from lamella.core.seeds import Streams
from lamella.studies.definition.sources import HELD_SEED, SOURCES, VariedStreams, check_vary
from lamella.studies.running.fitting import training_parts
from tests.studies.small import TRAIN, small_study

PLAIN, HELD = Streams(5), Streams(HELD_SEED)


def test_varied_streams_are_those_of_the_seed_and_the_others_those_of_one_seed() -> None:
    streams = VariedStreams(5, ["order", "dropout"])
    assert streams.key("shuffle", 3) == PLAIN.key("shuffle", 3)
    assert streams.key("noise", "Dropout.0") == PLAIN.key("noise", "Dropout.0")
    for name in ("init", "split", "samples", "of the user's own"):
        assert streams.key(name) == HELD.key(name) != PLAIN.key(name)
    assert streams.generator("split").random() == HELD.generator("split").random()
    assert streams.seed == 5


def test_all_sources_are_the_default() -> None:
    assert check_vary(None) is None
    assert check_vary(reversed(SOURCES)) is None
    assert check_vary(("order", "init", "order")) == ["init", "order"]


@pytest.mark.parametrize(
    ("vary", "message"),
    [
        (["ordr"], "the source 'ordr' is not known: did you mean 'order'"),
        (["seed"], "known are init, order, dropout, augment, split, samples"),
        ([3], "the source 3 is not known"),
        ("init", r"must be a list of sources, such as \[\"init\"\]; got 'init'"),
        (3, "must be a list of sources"),
        ([], "vary needs a source, or all seeds would agree: init, order"),
    ],
)
def test_wrong_sources_are_refused(vary: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        check_vary(vary)
    with pytest.raises(ArgumentError, match=message):
        small_study(vary=vary)


def test_sources_that_an_arm_does_not_have_cannot_be_the_only_ones() -> None:
    with pytest.raises(
        ArgumentError, match=r"arm 'slow': all seeds would agree: there is no dropout"
    ):
        small_study(vary=["dropout"])


def drawn(vary: list[str], seed: int) -> dict[str, np.ndarray]:
    """Return the initial weights, the first order, and the rows of training and validation."""
    base = {**small_study().base, "samples": 100}
    dropped = {"dropped": {"model.dropout": 0.2}}
    experiment = small_study(vary=vary, base=base, arms=dropped).experiments["dropped"]
    model = experiment.compiled(seed)
    parts = training_parts(experiment, model.streams, TRAIN)
    model.build((2,))
    return {
        "init": np.concatenate([x.ravel() for x in model.state_dict().values()]),
        "order": model.streams.generator("shuffle", 0).permutation(10),
        "split": parts["val"].x,
        "dropout": np.array([model.streams.key("noise", "Dropout.0")], object),
    }


def test_each_source_of_an_experiment_varies_alone() -> None:
    for source in ("init", "order", "split", "dropout"):
        one, other = drawn([source], 0), drawn([source], 1)
        differing = [name for name in one if not np.array_equal(one[name], other[name])]
        assert differing == [source]


def test_samples_vary_the_samples() -> None:
    base = {**small_study().base, "samples": 100, "validation_split": 0.0}
    experiment = small_study(vary=["samples"], base=base).experiments["fast"]
    rows = [training_parts(experiment, experiment.compiled(seed).streams, TRAIN) for seed in (0, 1)]
    assert not np.array_equal(rows[0]["train"].x, rows[1]["train"].x)


def test_experiments_name_the_sources_that_they_have() -> None:
    study = small_study()
    assert study.experiments["fast"].sources() == ["init", "order", "split"]
    assert study.experiments["dropped"].sources() == ["init", "order", "dropout", "split"]
    base = {**study.base, "shuffle": False, "validation_split": 0.0, "samples": 50}
    assert small_study(base=base).experiments["fast"].sources() == ["init", "samples"]
    distorted = small_study(base={**base, "augment": lm.Augment()})
    assert distorted.experiments["fast"].sources() == ["init", "augment", "samples"]
    held = small_study(vary=["order", "samples"])
    assert held.experiments["fast"].sources() == ["order"]
