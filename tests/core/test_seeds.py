"""Random streams: their keys and generators depend only on seed and name."""

import itertools
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.core.errors import ArgumentError
from lamella.core.seeds import Streams


def test_keys_depend_on_seed_and_name_only() -> None:
    one, other = Streams(7), Streams(7)
    one.generator("shuffle", 3).random(100)
    assert one.key("init", 0, "W") == other.key("init", 0, "W")
    assert one.key("init", 0, "W") != Streams(8).key("init", 0, "W")


def test_keys_of_different_names_differ() -> None:
    parts = ["init", "shuffle", "noise", "W", "b", 0, 1, 10]
    names = [name for size in (1, 2, 3) for name in itertools.product(parts, repeat=size)]
    keys = {Streams(7).key(*name) for name in names}
    assert len(keys) == len(names)
    assert all(0 <= key < 2**128 for key in keys)
    assert max(keys) > 2**120  # all bits are used


def test_keys_stay_as_they_are_from_release_to_release() -> None:
    # A seed in old notes must give the same run in later versions.
    streams = Streams(2023)
    assert streams.key("init", "0", "W") == 0xD8CB542D065D2FD8A593D435697794CB
    first = streams.generator("init", "0", "W").random(2)
    np.testing.assert_array_equal(first, [0.8535988552074008, 0.580221266297395])


def test_a_generator_restarts_each_time() -> None:
    streams = Streams(7)
    first = streams.generator("split").random(5)
    np.testing.assert_array_equal(first, streams.generator("split").random(5))
    assert (first != streams.generator("other").random(5)).all()


def test_numpys_global_state_is_neither_read_nor_written() -> None:
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first = Streams(3).generator("init").random()
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002
    np.random.seed(1)  # noqa: NPY002
    assert Streams(3).generator("init").random() == first


@pytest.mark.parametrize("seed", [-1, 1.5, 1.0, "7", True, [1]], ids=repr)
def test_a_wrong_seed_is_refused(seed: Any) -> None:
    text = "seed must be a whole number of at least 0, or None; got "
    with pytest.raises(ArgumentError, match=text):
        Streams(seed)
    with pytest.raises(ArgumentError, match=text):
        lm.Sequential([lm.Dense(2)], seed=seed)


@pytest.mark.parametrize("seed", [0, 2**70, np.int64(5), np.uint32(5)])
def test_any_whole_number_is_a_seed(seed: Any) -> None:
    streams = Streams(seed)
    assert streams.seed == int(seed)
    assert type(streams.seed) is int
    assert streams.key("a") != streams.key("b")


def test_a_drawn_seed_is_kept_and_gives_the_same_again() -> None:
    drawn, other = Streams(None), Streams(None)
    assert drawn.seed != other.seed
    assert Streams(drawn.seed).key("init") == drawn.key("init")
    model = lm.Sequential([lm.Dense(3)]).build((4,))
    again = lm.Sequential([lm.Dense(3)], seed=model.seed).build((4,))
    np.testing.assert_array_equal(model.state_dict()["0.Dense.W"], again.state_dict()["0.Dense.W"])
