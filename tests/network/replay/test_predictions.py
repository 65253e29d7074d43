"""Predictions that are replayed: they follow the input, and all that is changed in between."""

import functools
from typing import Any

import numpy as np
import pytest

import lamella as lm
from tests.network.replay.changes import CHANGES
from tests.network.replay.networks import (
    DTYPES,
    IMAGES,
    SAMPLES,
    X,
    Y,
    all_of,
    assert_same,
    compiled_model,
    everything,
    in_both_ways,
    small,
    trained,
)


def predictor(dtype: str = "float32", shape: tuple[int, ...] = (2, 3)) -> lm.Sequential:
    model = compiled_model(everything(), in_shape=shape, dtype=dtype)
    trained(model, IMAGES.reshape(SAMPLES, *shape), Y, epochs=1)
    return model


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["bytes", "floats", "integers", "other floats"])
@pytest.mark.parametrize("rows", [1, 4])
def test_repeated_predictions_follow_the_input_with_the_bits_of_forward(
    rows: int, kind: str, dtype: str, any_threads: None
) -> None:
    data = {
        "bytes": IMAGES,
        "floats": IMAGES.astype(dtype) / 99,
        "integers": IMAGES.astype(int) % 7,
        "other floats": IMAGES.astype("f8" if dtype == "float32" else "f4") / 99,
    }[kind]
    model, twin = predictor(dtype), predictor(dtype)
    before = model.passes
    got = [model.predict(data[i : i + rows]) for i in range(0, SAMPLES, rows)]
    assert model.passes == before + 2
    for i, result in zip(range(0, SAMPLES, rows), got, strict=True):
        part = data[i : i + rows]
        x = np.divide(part, 255, dtype=dtype) if kind == "bytes" else part.astype(dtype)
        np.testing.assert_array_equal(result, twin.forward(x), f"{i}")
    assert len({result.tobytes() for result in got}) == len(got)


def test_one_array_that_is_written_anew_is_predicted_anew() -> None:
    model, x = predictor(), np.empty((1, 2, 3), "f4")
    images = IMAGES.astype("f4") / 255
    expected = predictor().predict(images, batch_size=1)
    for image, result in zip(images, expected, strict=True):
        x[0] = image
        np.testing.assert_array_equal(model.predict(x)[0], result)


def test_predictions_of_several_batches_are_those_of_each() -> None:
    model, x = predictor(), np.random.default_rng(9).random((33, 2, 3), np.float32)
    expected = np.concatenate([np.array(model.forward(x[i : i + 4])) for i in range(0, 33, 4)])
    for data in (x, np.asfortranarray(x)):
        for _ in range(3):
            np.testing.assert_array_equal(model.predict(data, batch_size=4), expected)


def test_inputs_too_large_to_be_copied_are_followed_too() -> None:
    rng = np.random.default_rng(0)
    model = compiled_model([lm.Dense(5), lm.ReLU(), lm.Dense(2)], in_shape=(9000,))
    x = rng.standard_normal((2, 9000)).astype("f4")
    for _ in range(5):
        x[...] = rng.standard_normal(x.shape)
        np.testing.assert_array_equal(model.predict(x), np.array(model.forward(x)))


def test_training_in_between_shows_in_the_next_prediction() -> None:
    def use() -> Any:
        model, seen = predictor(), []
        for turn in range(12):
            for _ in range(turn % 4):
                seen.append(model.predict(IMAGES[:1]))
            for _ in range(turn % 3):
                model.train_step(IMAGES, Y)
        return {**all_of(model), "seen": np.array(seen)}

    some, others = in_both_ways(use)
    assert_same(some, others)
    assert len({array.tobytes() for array in some["seen"]}) > 4


IN_PREDICTIONS = ["slope", "eps", "rule", "weights", "weights in place", "weights loaded", "layer",
                  "layer that is not marked", "build"]  # fmt: skip


@pytest.mark.parametrize("name", IN_PREDICTIONS)
def test_a_change_between_predictions_takes_effect_in_the_next(name: str) -> None:
    def use(at: int) -> Any:
        model, seen = small(), []
        for turn in range(7):
            if turn == at:
                CHANGES[name](model)
            seen.append(model.predict(X[:2]))
        return np.array(seen), model.passes

    for at in (1, 2, 4):
        (some, _), (others, _) = in_both_ways(functools.partial(use, at))
        np.testing.assert_array_equal(some, others)
        assert (some[:at] == some[0]).all()
        if name != "build":  # which draws the same weights again
            assert (some[at] != some[0]).any()
    assert use(7)[1] == 2


def test_results_stay_as_they_are_when_more_is_predicted() -> None:
    model = predictor()
    results = [model.predict(IMAGES[i : i + 1]) for i in range(10)]
    copies = [result.copy() for result in results]
    for i in range(20):
        model.predict(IMAGES[i : i + 1])
        model.train_step(IMAGES, Y)
    for result, expected in zip(results, copies, strict=True):
        np.testing.assert_array_equal(result, expected)


def test_inputs_are_left_as_they_are() -> None:
    model, x = small(), X.copy()
    for _ in range(5):
        model.predict(x[:2])
        model.train_step(x, Y)
    np.testing.assert_array_equal(x, X)
