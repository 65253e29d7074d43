"""Weights of samples: sample weights, and class weights in all their forms."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import lamella as lm
from lamella.core.errors import ArgumentError, DataError
from lamella.network.weights import sample_weights

F32 = np.dtype("float32")
Y = np.array([0, 1, 1, 2])


def by_class(class_weight: Any, y: Any = Y, out_shape: tuple[int, ...] = (3,)) -> list[float]:
    weights = sample_weights(np.asarray(y), None, class_weight, out_shape, F32)
    assert weights is not None
    return weights.tolist()


def test_weights_are_none_unless_requested() -> None:
    assert sample_weights(np.arange(3), None, None, (3,), F32) is None


def test_weights_of_both_kinds_are_multiplied() -> None:
    weights = sample_weights(Y, [1, 2, 3, 4], {1: 10.0, 2: 0.5}, (3,), F32)
    assert weights is not None
    assert weights.tolist() == [1, 20, 30, 2]
    assert weights.dtype == F32


@pytest.mark.parametrize(
    "y",
    [
        np.eye(3)[Y],
        Y.astype("uint8"),
        Y[:, None],
    ],
    ids=["one-hot", "bytes", "column"],
)
def test_class_weights_take_targets_of_any_form(y: np.ndarray) -> None:
    assert by_class({1: 10.0}, y) == [1, 10, 10, 1]


@pytest.mark.parametrize("y", [[[0.0], [1.0]], [[-1.0], [1.0]], [[False], [True]]])
def test_answers_have_class_weights(y: Any) -> None:
    low = np.min(y)
    assert by_class({low: 3.0, 1: 0.5}, y, (1,)) == [3, 0.5]
    assert by_class("balanced", y * 1, (1,)) == [1, 1]


def test_class_weights_come_as_dict_list_array_or_series() -> None:
    pandas = pytest.importorskip("pandas")
    expected = [2, 3, 3, 4]
    forms = [
        {0: 2, 1: 3, 2: 4},
        {np.int64(0): np.float32(2), 1.0: 3, np.uint8(2): 4},
        [2, 3, 4],
        (2.0, 3.0, 4.0),
        np.array([2.0, 3.0, 4.0]),
        pandas.Series([2.0, 3.0, 4.0]),
        pandas.Series([4.0, 3.0, 2.0], index=[2, 1, 0]),
    ]
    for form in forms:
        assert by_class(form) == expected
    assert by_class([5, 7], [[0.0], [1.0]], (1,)) == [5, 7]


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    y = np.array([0] * 6 + [1] * 3 + [2])
    expected = [10 / (3 * 6)] * 6 + [10 / (3 * 3)] * 3 + [10 / 3]
    np.testing.assert_allclose(by_class("balanced", y), expected, rtol=1e-6)
    # Each class has the same sum, and the mean weight is 1.
    np.testing.assert_allclose(by_class("balanced", np.eye(3)[y]), expected, rtol=1e-6)
    weight = pytest.importorskip("sklearn.utils.class_weight")
    by_sample = weight.compute_sample_weight("balanced", y)
    np.testing.assert_allclose(by_class("balanced", y), by_sample, rtol=1e-6)


@pytest.mark.parametrize(
    ("class_weight", "text"),
    [
        ({7: 2.0}, r"classes that y does not have: \[7\]; its labels are 0, 1, 2$"),
        ({"1": 2.0}, r"does not have: \['1'\]; its labels are 0, 1, 2: write 1 for '1'"),
        ({"a": 1.0, 5: 2.0}, r"does not have: \['a', 5\]"),
        ("balance", r"or \"balanced\", got 'balance'"),
        ([1.0, 2.0], "one weight for each of the labels 0 to 2, got"),
        (2.0, "must be a dict of label to weight, a list, or"),
        ({0: "heavy"}, r"class_weight\[0\] must be a number, got 'heavy'"),
        ({0: None}, r"class_weight\[0\] must be a number, got None"),
    ],
)
def test_wrong_class_weights_are_refused(class_weight: Any, text: str) -> None:
    with pytest.raises(ArgumentError, match=text):
        by_class(class_weight)


def test_masked_class_weights_are_refused() -> None:
    with pytest.raises(DataError, match="class_weight has 1 masked value"):
        by_class(np.ma.masked_equal([1.0, 2.0, 3.0], 2))


@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf])
def test_weights_that_are_negative_or_not_finite_are_refused(value: float) -> None:
    with pytest.raises(DataError, match="weights must be finite and at least 0"):
        by_class({0: value})


@pytest.mark.parametrize(
    "y",
    [
        np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
        np.array([[0.9, 0.1, 0.0], [0.0, 0.0, 1.0]]),
        np.array([[0.5], [1.0]]),
        np.array([0.5, 1.5]),
    ],
    ids=["several labels", "probabilities", "a column of numbers", "numbers"],
)
@pytest.mark.parametrize("class_weight", [{1: 2.0}, "balanced", [1.0, 2.0, 3.0]])
def test_targets_without_one_class_a_sample_are_refused(y: np.ndarray, class_weight: Any) -> None:
    with pytest.raises(DataError, match=r"one class a sample: .*: use sample_weight"):
        by_class(class_weight, y)


def test_fit_takes_balanced_weights() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((40, 3)).astype("f4"), np.arange(40) % 4 // 3
    weights = np.where(y == 1, 40 / (2 * 10), 40 / (2 * 30))
    ends = []
    for options in ({"class_weight": "balanced"}, {"sample_weight": weights}):
        model = lm.Sequential([lm.Dense(2)], seed=1, backend="numpy")
        model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(0.1), ["accuracy"])
        history = model.fit(x, y, epochs=2, validation_split=0.25, verbose=False, **options)
        ends.append((model.state_dict(), history["val_loss"], history["val_accuracy"]))
    np.testing.assert_equal(ends[0], ends[1])


@settings(deadline=None, derandomize=True, max_examples=40)
@given(
    weights=hnp.arrays(
        np.float64, st.integers(1, 6), elements=st.sampled_from([0.0, 0.1, 1.0, 2.5, 1e4])
    ),
    power=st.integers(-300, 300),
)
def test_weights_keep_their_ratios_at_any_scale(weights: np.ndarray, power: int) -> None:
    weights[0] = 1.0
    got = sample_weights(np.arange(len(weights)), weights * 2.0**power, None, (3,), F32)
    assert got is not None
    assert 2.0**-34 < got.max() < 2.0**33
    # A power of two changes no bit.
    np.testing.assert_array_equal(got, weights.astype(F32) * np.float32(got[0]))


def test_weights_that_the_dtype_cannot_tell_apart_are_refused() -> None:
    y, weights = np.arange(3), [1.0, 0.0, 1e-40]
    with pytest.raises(lm.errors.DataError, match="smallest is 1e-40, the largest 1; set tiny"):
        sample_weights(y, weights, None, (3,), F32)
    assert sample_weights(y, weights, None, (3,), np.dtype("float64")).tolist() == weights
