"""Accuracy of yes-or-no answers: by answer and by sample."""

from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.core.errors import DataError
from tests.losses.metrics.scoring import scores

BOTH: list[str | lm.Metric] = ["accuracy", "binary_accuracy", "subset_accuracy"]
PRED, TARGET = [[0.98, 1.0], [0.0, 0.6]], [[1.0, 1.0], [0.0, 0.0]]


def test_several_labels_are_counted_by_answer_and_by_sample(backend: Backend) -> None:
    got = scores(PRED, TARGET, [*BOTH], lm.BinaryCrossEntropy(), backend)
    assert got == {"accuracy": 0.75, "binary_accuracy": 0.75, "subset_accuracy": 0.5}


def test_answers_of_logits_are_yes_above_0(backend: Backend) -> None:
    logits = np.log(np.clip(PRED, 1e-9, 1 - 1e-9)) - np.log1p(-np.clip(PRED, 1e-9, 1 - 1e-9))
    got = scores(logits, TARGET, [*BOTH], lm.SigmoidCrossEntropy(), backend)
    assert got == {"accuracy": 0.75, "binary_accuracy": 0.75, "subset_accuracy": 0.5}
    assert scores([[0.3], [-0.3]], [[1.0], [1.0]], ["accuracy"], lm.SigmoidCrossEntropy()) == {
        "accuracy": 0.5
    }


def test_answers_of_minus_1_and_1_are_yes_above_0(backend: Backend) -> None:
    pred, target = [[0.2], [0.7], [-0.1], [0.1]], [[1.0], [1.0], [-1.0], [-1.0]]
    got = scores(pred, target, ["accuracy", "binary_accuracy"], lm.MeanSquaredError(), backend)
    assert got == {"accuracy": 0.75, "binary_accuracy": 0.75}


def test_targets_that_are_all_1_are_read_like_those_of_training() -> None:
    model = lm.Sequential([lm.Dense(1), lm.Tanh()], seed=0, backend="numpy")
    model.compile(lm.MeanSquaredError(), lm.SGD(0.1), ["accuracy"], in_shape=(1,))
    model.layers[0].W.value, model.layers[0].b.value = 1.0, 0.0
    x = np.array([[0.1], [0.2], [-0.3]])  # tanh is below 0.5
    assert model.evaluate(x[:2], np.ones((2, 1)))["accuracy"] == 0.0  # by these data alone
    model.evaluate(x, np.sign(x))
    assert model.evaluate(x[:2], np.ones((2, 1)))["accuracy"] == 0.0
    model.optimizer.lr = 1e-9
    model.fit(x, np.sign(x), epochs=1, verbose=False, check=False)
    assert model.evaluate(x[:2], np.ones((2, 1)))["accuracy"] == 1.0


def test_weights_count_answers_of_a_sample_alike(backend: Backend) -> None:
    rng = np.random.default_rng(1)
    pred, target, w = rng.random((11, 4)), rng.integers(0, 2, (11, 4)) * 1.0, rng.random(11)
    right = (pred > 0.5) == (target > 0.5)
    got = scores(pred, target, [*BOTH], lm.BinaryCrossEntropy(), backend, w)
    by_answer = np.average(right.mean(axis=1), weights=w)
    assert got["binary_accuracy"] == got["accuracy"] == pytest.approx(by_answer, rel=1e-12)
    by_sample = np.average(right.all(axis=1), weights=w)
    assert got["subset_accuracy"] == pytest.approx(by_sample, rel=1e-12)


def test_shares_of_yes_are_rounded_with_a_binary_cross_entropy() -> None:
    pred, target = [[0.9], [0.2], [0.6]], [[0.8], [0.1], [0.3]]
    assert scores(pred, target, ["binary_accuracy"], lm.BinaryCrossEntropy()) == {
        "binary_accuracy": pytest.approx(2 / 3)
    }
    with pytest.raises(DataError, match=r"takes yes-or-no answers, 0 and 1 or -1 and 1, got 0.8"):
        scores(pred, target, ["binary_accuracy"], lm.MeanSquaredError())


@pytest.mark.parametrize("name", ["binary_accuracy", "subset_accuracy"])
@pytest.mark.parametrize(
    ("target", "text"),
    [([[0.0, 2.0]], "got 2"), ([[-1.0, 0.0]], "got 0"), ([[0.5, 1.0]], "got 0.5")],
)
def test_other_numbers_are_refused(name: str, target: Any, text: str) -> None:
    with pytest.raises(DataError, match=f"{name} takes yes-or-no answers, .*{text}"):
        scores([[1.0, 1.0]], target, [name], lm.MeanSquaredError())


def test_labels_are_refused() -> None:
    with pytest.raises(DataError, match=r"binary_accuracy takes .* not class labels"):
        scores([[1.0, 2.0]], [1], ["binary_accuracy"], lm.SoftmaxCrossEntropy())
