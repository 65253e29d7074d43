"""R2, MAE and RMSE: over the whole epoch, weighted, of one and of several outputs."""

from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.core.errors import DataError
from tests.losses.metrics.scoring import scores

ALL: list[str | lm.Metric] = ["r2", "mae", "rmse"]


def formulas(pred: np.ndarray, target: np.ndarray, w: np.ndarray) -> dict[str, float]:
    """Return the scores by their formulas, as scikit-learn has them."""
    d = pred - target
    mean = np.average(target, axis=0, weights=w)
    r2 = 1 - (w @ d**2) / (w @ (target - mean) ** 2)
    return {
        "r2": float(r2.mean()),
        "mae": float(np.average(abs(d).mean(axis=1), weights=w)),
        "rmse": float(np.sqrt(np.average((d**2).mean(axis=1), weights=w))),
    }


def test_scores_of_the_examples_in_scikit_learns_documentation() -> None:
    one = scores([[2.5], [0.0], [2], [8]], [[3], [-0.5], [2], [7]], [*ALL], lm.MeanSquaredError())
    assert one == pytest.approx({"r2": 0.948608137045, "mae": 0.5, "rmse": 0.612372435696})
    target, pred = [[0.5, 1], [-1, 1], [7, -6]], [[0, 2], [-1, 2], [8, -5]]
    two = scores(pred, target, ["r2", "mae"], lm.MeanSquaredError())
    assert two == pytest.approx({"r2": 0.936800526662, "mae": 0.75})


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("batch_size", [1, 5, 40])
def test_scores_are_those_of_all_samples_at_once(
    outputs: int, weighted: bool, batch_size: int, backend: Backend
) -> None:
    rng = np.random.default_rng(3)
    target = rng.standard_normal((40, outputs)) * [1.0, 5.0, 0.1][:outputs]
    pred, w = target + rng.standard_normal(target.shape), rng.random(40)
    given = {"weight": w} if weighted else {}
    loss = lm.MeanSquaredError()
    got = scores(pred, target, [*ALL], loss, backend, batch_size=batch_size, **given)
    assert got == pytest.approx(formulas(pred, target, w if weighted else np.ones(40)), rel=1e-9)


def test_scores_of_scikit_learn() -> None:
    sk = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(4)
    target, w = rng.standard_normal((40, 2)), rng.random(40)
    pred = target + rng.standard_normal((40, 2))
    got = scores(pred, target, [*ALL], lm.MeanSquaredError(), weight=w)
    assert got["r2"] == pytest.approx(sk.r2_score(target, pred, sample_weight=w))
    assert got["mae"] == pytest.approx(sk.mean_absolute_error(target, pred, sample_weight=w))
    assert got["rmse"] ** 2 == pytest.approx(sk.mean_squared_error(target, pred, sample_weight=w))


def test_r2_keeps_its_digits_far_from_0_in_float32(backend: Backend) -> None:
    rng = np.random.default_rng(4)
    target = (1e4 + rng.standard_normal((200, 1))).astype("float32").astype(float)
    pred = (target + 0.1 * rng.standard_normal((200, 1))).astype("float32").astype(float)
    expected = formulas(pred, target, np.ones(200))["r2"]
    got = scores(pred, target, ["r2"], lm.MeanSquaredError(), backend, dtype="float32")
    assert got["r2"] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("pred", "expected"), [([0.1] * 3, 1.0), ([0.1, 0.1, 0.2], 0.0), ([0.1, np.nan, 0.1], np.nan)]
)
def test_r2_of_constant_targets_is_1_if_they_are_met_and_else_0(pred: Any, expected: float) -> None:
    metric = lm.R2()
    metric.attach(dtype="float64")
    terms = metric.score(np.reshape(pred, (3, 1)), np.full((3, 1), 0.1))
    np.testing.assert_equal(metric.result(terms.mean(axis=0)), expected)


def test_fit_logs_them_for_training_and_validation(backend: Backend) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((30, 4))
    y = x[:, :2] + 1
    model = lm.Sequential([lm.Dense(2)], seed=1, backend=backend, dtype="float64")
    model.compile(lm.MeanSquaredError(), lm.SGD(1e-12), [*ALL])
    history = model.fit(x, y, epochs=1, batch_size=7, validation_data=(x, y), verbose=False)
    expected = formulas(model.predict(x), y, np.ones(30))
    for name, value in expected.items():
        assert history[name] == [pytest.approx(value, rel=1e-6)]
        assert history[f"val_{name}"] == [pytest.approx(value, rel=1e-6)]


@pytest.mark.parametrize("name", ["r2", "mae", "rmse"])
def test_labels_and_logits_are_refused(name: str) -> None:
    with pytest.raises(DataError, match=f"{name} takes numbers, not class labels: .*'accuracy'"):
        scores([[1.0, 2.0]], [1], [name], lm.SoftmaxCrossEntropy())
    with pytest.raises(DataError, match=f"{name} compares .* these are logits: .*'accuracy'"):
        scores([[1.0]], [[1.0]], [name], lm.SigmoidCrossEntropy())
