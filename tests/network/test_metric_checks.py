"""Metrics are checked before they are scored: their targets, and one number a sample."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.core.errors import DataError, ShapeError
from tests.data import clouds
from tests.networks import small_classifier

X, Y = clouds()
Call = Callable[[lm.Sequential, np.ndarray, np.ndarray], object]


def metric(write: Callable[[Any, Any, Any], Any]) -> lm.Metric:
    """Return a metric with this formula of (xp, pred, labels)."""

    class Own(lm.Metric):
        name = "own"

        def score(self, pred: Any, target: Any) -> Any:
            return write(self.xp, pred, target)

    return Own()


def compiled(*metrics: str | lm.Metric, backend: Backend | str = "numpy") -> lm.Sequential:
    model = small_classifier(backend)
    return model.compile(model.loss, model.optimizer, metrics)


CALLS: dict[str, Call] = {
    "fit": lambda model, x, y: model.fit(x, y, epochs=1, verbose=False),
    "evaluate": lambda model, x, y: model.build((6,)).evaluate(x, y),
    "check": lambda model, x, y: model.check(x, y),
}
WRONG = {
    "mean of the batch": (
        lambda xp, pred, y: (pred.argmax(axis=1) == y).mean(),
        r"got the shape \(\) for 2 samples: leave the mean over samples to lamella",
    ),
    "number": (lambda xp, pred, y: 0.5, "got the float 0.5 for 2 samples"),
    "all outputs": (
        lambda xp, pred, y: pred > 0.2,
        r"got the shape \(2, 3\) for 2 samples: return scores.mean\(axis=1\)",
    ),
    "mean over samples": (lambda xp, pred, y: pred.mean(axis=0), r"got the shape \(3,\)"),
}


@pytest.mark.parametrize(("formula", "text"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("call", ["fit", "evaluate"])
def test_metrics_must_give_one_number_a_sample(
    call: str, formula: Any, text: str, backend: Backend
) -> None:
    one = r"Own.score must return one number for each sample, an array of shape \(N,\); "
    with pytest.raises(ShapeError, match=one + text):
        CALLS[call](compiled(metric(formula), backend=backend), X, Y)


def test_metrics_of_one_sample_are_accepted() -> None:
    own = metric(lambda xp, pred, y: pred[:, 0] * (pred.argmax(axis=1) == y))
    scores = compiled(own).build((6,)).evaluate(X[:1], Y[:1])
    assert np.isfinite(scores["own"])


@pytest.mark.parametrize("call", [*CALLS])
def test_metrics_that_do_not_take_the_targets_are_refused(call: str) -> None:
    with pytest.raises(DataError, match=r"^r2 takes numbers, not .* are 'accuracy'$"):
        CALLS[call](compiled("r2"), X, Y)


def test_validation_targets_are_checked_too() -> None:
    model = lm.Sequential([lm.Dense(1)], seed=1, backend="numpy")
    model.compile(lm.MeanSquaredError(), lm.SGD(0.1), ["accuracy"])
    data = X, X[:, :1]
    with pytest.raises(DataError, match=r"^in validation_data: accuracy takes classes"):
        model.fit(X, (X[:, :1] > 0) * 1.0, validation_data=data, verbose=False)


def test_a_refused_metric_leaves_the_model_unbuilt() -> None:
    model = compiled("r2")
    with pytest.raises(DataError):
        model.fit(X, Y, verbose=False)
    assert model.store is None


def test_checks_change_no_bit_of_the_training(backend: Backend) -> None:
    ends = []
    for checks in (1, 3):
        model = small_classifier(backend)
        for _ in range(checks):
            model.check(X, Y)
        model.fit(X, Y, epochs=1, batch_size=16, verbose=False)
        ends.append(model.state_dict())
    np.testing.assert_equal(ends[0], ends[1])


def test_a_training_step_does_not_score() -> None:
    counted = []

    def count(xp: Any, pred: Any, y: Any) -> Any:
        counted.append(len(pred))
        return pred[:, 0]

    model = compiled(metric(count))
    model.train_step(X, Y)
    assert counted == []
    model.fit(X, Y, epochs=2, batch_size=16, verbose=False)
    assert counted == [2] + 2 * [16, 16, 8]
