"""Labels, predictions and confidence of each kind of classifier; numbers are refused."""

from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.core.errors import ArgumentError, DataError, UsageError
from lamella.training.diagnostics.answers import answers_of
from tests.training.diagnostics.fixed_answers import fixed_answers


@pytest.mark.parametrize(
    "y", [[0, 1, 1], np.eye(3)[[0, 1, 1]], [[0.8, 0.2, 0], [0, 1, 0], [0, 1, 0]]]
)
def test_labels_one_hot_rows_and_probabilities_are_classes(y: Any) -> None:
    model, x = fixed_answers([0, 1, 2], 3, sure=[1, 2, 3])
    labels, predicted, confidence = answers_of(model, x, np.array(y))
    assert labels.tolist() == [0, 1, 1]
    assert predicted.tolist() == [0, 1, 2]
    np.testing.assert_allclose(confidence, [np.exp(s) / (np.exp(s) + 2) for s in (1, 2, 3)], 1e-6)


@pytest.mark.parametrize(
    ("loss", "no"),
    [(lm.SigmoidCrossEntropy, 0), (lm.MeanSquaredError, 0), (lm.MeanSquaredError, -1)],
)
def test_a_single_output_has_two_classes(loss: type[lm.Loss], no: int) -> None:
    model = lm.Sequential([lm.Dense(1)], seed=0, backend="numpy")
    x = np.array([[2.0], [-2.0], [0.9]])
    y = np.array([[1.0], [no], [no]])
    model.compile(loss(), "sgd", ["accuracy"])
    model.fit(x, y, epochs=1, verbose=0, check=False)
    model.layers[0].W.value, model.layers[0].b.value = [[1.0]], [0.0]
    labels, predicted, confidence = answers_of(model, x, y)
    assert (labels.tolist(), predicted.tolist()) == ([1, 0, 0], [1, 0, 1])
    if loss is lm.SigmoidCrossEntropy:
        np.testing.assert_allclose(confidence, 1 / (1 + np.exp([-2.0, -2.0, -0.9])), rtol=1e-6)


def test_numbers_and_several_labels_are_no_classes() -> None:
    numbers = lm.MLP([4], outputs=1, seed=0)
    x = np.random.default_rng(0).standard_normal((20, 3))
    numbers.fit(x, x[:, 0], epochs=1, verbose=0)
    with pytest.raises(DataError, match="the targets are numbers"):
        numbers.plot_confusion(x, x[:, 0])
    several = lm.Sequential([lm.Dense(3)], seed=0).compile("bce", "sgd", in_shape=(3,))
    with pytest.raises(DataError, match="several labels or none"):
        several.plot_mistakes(x, (x > 0).astype(int))


def test_wrong_calls_name_the_remedy() -> None:
    x = np.zeros((2, 16))
    with pytest.raises(UsageError, match="call compile"):
        lm.Sequential([lm.Dense(2)]).plot_confusion(x, [0, 1])
    with pytest.raises(UsageError, match="not built yet"):
        lm.SoftmaxClassifier(classes=2).plot_confusion(x, [0, 1])
    model, x = fixed_answers([0, 1], 3)
    with pytest.raises(ArgumentError, match=r"class_names must have 3 names, got .'a', 'b'."):
        model.plot_confusion(x, [0, 1], class_names=["a", "b"])
    with pytest.raises(ArgumentError, match="class_names must have 3 names, got 3"):
        model.plot_confusion(x, [0, 1], class_names=3)
    with pytest.raises(ArgumentError, match="theme must be one of 'light', 'dark'"):
        model.plot_mistakes(x, [1, 1], theme="grey")
    with pytest.raises(ArgumentError, match="count must be a whole number"):
        model.plot_mistakes(x, [1, 1], count=0)
