"""Divergence: one warning, an end once the weights are lost, and no flood of numpy's."""

import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.core.errors import DivergenceWarning
from tests.data import clouds
from tests.networks import diverging_classifier, small_classifier


def regressor(backend: Backend | str = "numpy", lr: float = 50.0) -> lm.Sequential:
    model = lm.Sequential([lm.Dense(8), lm.ReLU(), lm.Dense(1)], seed=1, backend=backend)
    return model.compile(lm.MeanSquaredError(), lm.SGD(lr), ["r2"])


X, Y = clouds()[0], clouds()[0][:, :1]


def test_lost_weights_end_training_with_one_warning(backend: Backend) -> None:
    model = regressor(backend)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        history = model.fit(
            X, Y, epochs=5, batch_size=8, validation_split=0.2, verbose=False, check=False
        )
        model.evaluate(X, Y)
    assert [w.category for w in caught] == [DivergenceWarning]
    text = str(caught[0].message)
    first = 1 + int(np.flatnonzero(~np.isfinite(history.steps))[0])
    assert text.startswith(
        f"training diverged: the loss is not finite in epoch 1, from batch {first}"
    )
    assert "clip_norm; the callback TerminateOnNaN names the layer" in text
    assert caught[0].filename == __file__
    assert len(history) == 1
    assert text.startswith(model.stop_reason)
    assert history.stop_reason == model.stop_reason != ""
    assert not model.is_finite()


def test_an_infinite_loss_with_finite_weights_is_reported_once_and_training_goes_on() -> None:
    class Infinite(lm.MeanSquaredError):
        def forward(self, pred: Any, target: Any) -> Any:
            return super().forward(pred, target) + math.inf

    model = lm.Sequential([lm.Dense(1)], seed=0, backend="numpy")
    model.compile(Infinite(), lm.SGD(0.1))
    with pytest.warns(
        DivergenceWarning, match="in epoch 1, from batch 1 on; the weights still are"
    ):
        history = model.fit(X, Y, epochs=3, verbose=False)
    assert len(history) == 3
    assert model.stop_reason == ""


def test_weights_lost_in_the_last_step_are_reported() -> None:
    class Spoil(lm.Callback):
        def on_batch_end(self, model: lm.Sequential, batch: int, log: Any) -> None:
            if model.optimizer.t == 4:
                model.layers[0].W.value = math.nan

    model = small_classifier()
    with pytest.warns(DivergenceWarning, match="the weights are not finite after epoch 2"):
        history = model.fit(*clouds(), epochs=2, batch_size=20, callbacks=[Spoil()], verbose=False)
    assert np.isfinite(history["loss"]).all()
    assert history.stop_reason == "training diverged: the weights are not finite after epoch 2"


def test_a_validation_loss_that_is_not_finite_is_reported() -> None:
    model = regressor(lr=1e-3)
    far = np.full_like(Y, 3e38)
    with pytest.warns(DivergenceWarning, match="not finite in epoch 1; the weights still are"):
        history = model.fit(X, Y, epochs=2, validation_data=(X, far), verbose=False)
    assert len(history) == 2


def test_terminate_on_nan_reports_alone() -> None:
    model = diverging_classifier()
    with pytest.warns(DivergenceWarning) as caught:
        model.fit(*clouds(), epochs=3, callbacks=[lm.TerminateOnNaN()], verbose=False)
    assert len(caught) == 1
    assert "layer" in str(caught[0].message)


def test_a_user_who_lets_numpy_raise_gets_the_error() -> None:
    with np.errstate(over="raise", invalid="raise"), pytest.raises(FloatingPointError):
        lm.Sequential([lm.Dense(1)], seed=1, backend="numpy").compile(
            OwnSquare(), lm.SGD(1e30)
        ).fit(X, Y, epochs=3, batch_size=8, verbose=False)


class OwnSquare(lm.Loss):
    """A loss whose formulas numpy computes, whatever else is installed."""

    def forward(self, pred: Any, target: Any) -> Any:
        self.difference = pred - target
        return self.mean(self.difference**2)

    def backward(self) -> Any:
        return self.scale_by_batch(2 * self.difference)


def test_weights_that_are_not_finite_are_saved_with_a_warning(tmp_path: Path) -> None:
    model = small_classifier().build((6,))
    model.save(tmp_path / "fine.safetensors")
    model.layers[0].W.value = math.inf
    model.layers[1].running_mean.value = math.nan
    path = tmp_path / "lost.safetensors"
    with pytest.warns(
        DivergenceWarning, match=r"lost\.safetensors will hold NaN .* 0\.Dense\.W and"
    ):
        model.save(path)
    assert np.isinf(lm.load(path).layers[0].W.value).all()


def test_model_checkpoint_never_saves_lost_weights(tmp_path: Path) -> None:
    model, kept = diverging_classifier(), {}

    class Keep(lm.Callback):
        def on_epoch_end(self, model: lm.Sequential, epoch: int, logs: dict[str, Any]) -> None:
            if epoch == 0:
                kept.update(model.state_dict())

    checkpoint = lm.ModelCheckpoint(tmp_path, monitor="loss")
    with pytest.warns(DivergenceWarning) as caught:
        model.fit(*clouds(), epochs=3, callbacks=[Keep(), checkpoint], verbose=False)
    assert len(caught) == 1
    assert not model.is_finite()
    for name in ("last", "best"):
        saved = lm.load(tmp_path / f"{name}.safetensors")
        np.testing.assert_equal(saved.state_dict(), kept)
