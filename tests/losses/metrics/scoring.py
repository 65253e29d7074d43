"""Score metrics on the whole of small arrays, as `evaluate` does on batches."""

from typing import Any

import numpy as np

import lamella as lm
from lamella.backend import Backend


class Given(lm.Layer):
    """A layer that returns its input: what goes into the model is its prediction."""

    def forward(self, x: Any, training: bool) -> Any:
        return x

    def backward(self, dy: Any) -> Any:
        return dy


def scores(
    pred: Any,
    target: Any,
    metrics: list[str | lm.Metric],
    loss: lm.Loss,
    backend: Backend | str = "numpy",
    weight: Any = None,
    batch_size: int = 3,
    dtype: str = "float64",
) -> dict[str, float]:
    """Return what a model that predicts ``pred`` scores, in batches; without the loss."""
    pred = np.asarray(pred, float)
    model = lm.Sequential([Given()], backend=backend, dtype=dtype)
    model.compile(loss, lm.SGD(1.0), metrics, in_shape=pred.shape[1:])
    found = model.evaluate(pred, np.asarray(target), sample_weight=weight, batch_size=batch_size)
    found.pop("loss")
    return found
