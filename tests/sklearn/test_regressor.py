"""LamellaRegressor: numbers of one or several columns, and the bits of lm.MLP."""

from typing import Any

import numpy as np
import pytest

import lamella as lm

pytest.importorskip("sklearn", reason="scikit-learn, of the extra sklearn, is not installed")

from lamella.sklearn import LamellaRegressor

SMALL: dict[str, Any] = {"hidden": [8], "epochs": 5, "random_state": 0}


def plane(count: int = 80) -> tuple[np.ndarray, np.ndarray]:
    """Return points and two linear functions of them, far from 0 and 1."""
    x = np.random.default_rng(0).normal(size=(count, 3))
    return x, x[:, :2] * 3 - 4


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_it_gives_the_bits_of_the_mlp(dtype: str) -> None:
    x, y = plane()
    made = LamellaRegressor(dtype=dtype, **SMALL).fit(x, y[:, 0])
    model = lm.MLP([8], outputs=1, optimizer=lm.Adam(1e-3), dtype=dtype, seed=0)
    model.fit(x, y[:, 0], epochs=5, batch_size=32, verbose=0)
    np.testing.assert_equal(made.model_.state_dict(), model.state_dict())
    full = np.pad(x.astype(dtype), ((0, 16), (0, 0)))  # batches of 32
    np.testing.assert_array_equal(made.predict(x), model.predict(full, batch_size=32)[:80, 0])


@pytest.mark.parametrize("loss", [None, "L1", lm.MeanSquaredError()])
def test_predictions_have_the_shape_of_the_targets(loss: Any) -> None:
    x, y = plane()
    options = {**SMALL, "epochs": 150, "optimizer": lm.Adam(0.02), "loss": loss}
    for targets in (y[:, 0], y[:, :1], y):
        made = LamellaRegressor(**options).fit(x, targets)
        assert made.predict(x).shape == targets.shape
        assert made.predict(x).dtype == np.float64
        assert made.score(x, targets) > 0.95


def test_integer_targets_are_numbers() -> None:
    x, _ = plane()
    y = np.arange(80)
    options = {**SMALL, "validation_split": 0.1, "optimizer": lm.Adam(0.01)}
    made = [LamellaRegressor(**options).fit(x, part).predict(x) for part in (y, y * 1.0)]
    np.testing.assert_array_equal(made[0], made[1])


def test_weights_decide_between_contradicting_samples() -> None:
    x, y = np.ones((40, 1)), np.arange(40) % 2 * 2.0
    options = {**SMALL, "check": False, "epochs": 300, "optimizer": lm.Adam(0.05)}
    made = LamellaRegressor(**options).fit(x, y, sample_weight=1 + 2.0 * (y > 0))
    np.testing.assert_allclose(made.predict(x), 1.5, atol=0.05)  # 3/4 of 2


def test_losses_of_classes_are_refused() -> None:
    x, y = plane()
    with pytest.raises(ValueError, match="SoftmaxCrossEntropy compares classes"):
        LamellaRegressor(loss="cross-entropy", **SMALL).fit(x, y)
