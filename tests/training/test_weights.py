"""Weights of samples in training, validation and early stopping, and batches without weight."""

from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.training.splits import split_rows
from tests.data import clouds
from tests.networks import small_classifier, state_of, without_times

X, Y = clouds(60)
W = np.random.default_rng(1).uniform(0, 3, 60)


def softmax(backend: Backend | str = "numpy", lr: float = 1e-9) -> lm.Sequential:
    model = lm.Sequential([lm.Dense(3)], seed=4, backend=backend, dtype="float64")
    return model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(lr), ["accuracy", "top_2"])


def means(model: lm.Sequential, rows: Any, weight: np.ndarray) -> dict[str, float]:
    """Return loss and scores of samples, as numpy has them."""
    x, y, w = X[rows], Y[rows], weight[rows]
    z = model.predict(x)
    own = z[np.arange(len(y)), y]
    losses = np.log(np.exp(z).sum(axis=1)) - own
    scores = {"loss": losses, "accuracy": z.argmax(axis=1) == y}
    scores["top_2"] = (z > own[:, None]).sum(axis=1) < 2
    return {name: float(np.average(values, weights=w)) for name, values in scores.items()}


ALL = np.arange(60)


def test_validation_data_are_weighted_by_their_own_weights(backend: Backend) -> None:
    model = softmax(backend)
    history = model.fit(
        X,
        Y,
        epochs=1,
        batch_size=16,
        validation_data=(X, Y, W),
        class_weight={0: 9.0},
        verbose=False,
    )
    weighted, plain = means(model, ALL, W), means(model, ALL, np.ones(60))
    for name, value in weighted.items():
        assert history[f"val_{name}"] == [pytest.approx(value, rel=1e-9)]
        assert abs(value - plain[name]) > 1e-3
    history = model.fit(X, Y, epochs=1, validation_data=(X, Y), sample_weight=W, verbose=False)
    for name, value in plain.items():
        assert history[f"val_{name}"] == [pytest.approx(value, rel=1e-6)]


def test_held_out_samples_keep_their_weights(backend: Backend) -> None:
    model = softmax(backend)
    rows, held_out = split_rows(Y, 0.25, model.streams)
    history = model.fit(
        X,
        Y,
        epochs=1,
        batch_size=16,
        validation_split=0.25,
        sample_weight=W,
        class_weight={1: 4.0},
        verbose=False,
    )
    weight = W * np.where(Y == 1, 4.0, 1.0)
    for part, prefix in ((rows, ""), (held_out, "val_")):
        for name, value in means(model, part, weight).items():
            assert history[f"{prefix}{name}"] == [pytest.approx(value, rel=1e-6)]


def test_early_stopping_follows_the_weighted_loss() -> None:
    # By weight, validation is all class 0 with the labels of class 1: each epoch is worse.
    x, y = X[Y == 0], np.ones(20, int)
    everyone, labels = np.concatenate([X, x]), np.concatenate([Y, y])
    weight = np.repeat([1e-3, 1.0], [60, 20])
    ends = []
    for data in ((everyone, labels), (everyone, labels, weight)):
        model, stopping = softmax(lr=0.5), lm.EarlyStopping(patience=3)
        model.fit(X, Y, epochs=8, validation_data=data, callbacks=[stopping], verbose=False)
        ends.append(stopping.best_epoch)
    assert ends[0] > 1
    assert ends[1] == 1


def test_a_batch_without_weight_changes_nothing(backend: Backend) -> None:
    weight = np.ones(60)
    weight[20:40] = 0
    by_fit, by_step, without = (
        lm.Sequential(
            [lm.Dense(4, regularizer=lm.L2(0.1)), lm.BatchNorm(), lm.Dense(3)],
            seed=1,
            backend=backend,
        ).compile(lm.SoftmaxCrossEntropy(), lm.Adam(0.1), ["accuracy"])
        for _ in range(3)
    )
    history = by_fit.fit(
        X, Y, epochs=1, batch_size=20, shuffle=False, sample_weight=weight, verbose=False
    )
    losses = []
    for start in (0, 20, 40):
        part = slice(start, start + 20)
        losses.append(float(by_step.train_step(X[part], Y[part], weight[part])))
    for start in (0, 40):
        part = slice(start, start + 20)
        without.train_step(X[part], Y[part], weight[part])
    np.testing.assert_equal(state_of(by_fit), state_of(by_step))
    np.testing.assert_equal(state_of(by_step), state_of(without))
    assert by_fit.optimizer.t == 2
    assert history.steps == losses
    assert losses[1] == 0
    assert history["loss"] == [pytest.approx((losses[0] + losses[2]) / 2)]


def test_a_first_step_without_weight_leaves_the_weights_as_they_are() -> None:
    model = small_classifier().build((6,))
    before = state_of(model)
    assert float(model.train_step(X, Y, np.zeros(60))) == 0
    np.testing.assert_equal(state_of(model), before)


def test_the_schedule_counts_batches_without_weight() -> None:
    class Rates(lm.Callback):
        def __init__(self) -> None:
            self.rates: list[float] = []

        def on_batch_end(self, model: lm.Sequential, batch: int, log: Any) -> None:
            self.rates.append(model.optimizer.learning_rate)

    weight = np.ones(60)
    weight[10:20] = 0
    seen = []
    for given in (weight, np.ones(60)):
        rates, model = Rates(), softmax()
        model.optimizer.lr = lm.CosineDecay(0.1, epochs=2)
        model.fit(
            X,
            Y,
            epochs=2,
            batch_size=10,
            shuffle=False,
            sample_weight=given,
            callbacks=[rates],
            verbose=False,
        )
        seen.append(rates.rates)
    assert [a for i, a in enumerate(seen[0]) if i % 6 != 1] == pytest.approx(
        [a for i, a in enumerate(seen[1]) if i % 6 != 1]
    )


def test_a_training_with_batches_without_weight_resumes_with_the_same_bits(tmp_path: Any) -> None:
    weight = np.ones(60)
    weight[:40] = 0  # with batches of 10, some have no weight

    class Interrupt(lm.Callback):
        def on_batch_end(self, model: lm.Sequential, batch: int, log: Any) -> None:
            if not done and model.epochs_done == 1 and batch == 4:
                done.append(True)
                raise KeyboardInterrupt

    def fit(model: lm.Sequential, **options: Any) -> lm.History:
        model.optimizer.lr = lm.CosineDecay(0.1, epochs=3)
        return model.fit(
            X,
            Y,
            epochs=3,
            batch_size=10,
            shuffle=False,
            sample_weight=weight,
            callbacks=[Interrupt()],
            verbose=False,
            **options,
        )

    done = [True]
    alone = softmax(lr=0.1)
    expected = fit(alone)
    done.clear()
    resume = lm.ResumeFolder(tmp_path / "resume", seconds=0)
    with pytest.raises(KeyboardInterrupt):
        fit(softmax(lr=0.1), checkpoint=resume)
    resumed = softmax(lr=0.1)
    history = fit(resumed, checkpoint=resume)
    np.testing.assert_equal(state_of(resumed), state_of(alone))
    assert without_times(history.rows) == without_times(expected.rows)
