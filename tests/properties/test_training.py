"""Training beside the same in plain numpy and float64; batches of every size, the last one too."""

import math
from itertools import chain
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import lamella as lm
from lamella.backend import Backend
from tests.properties.values import back, backends, dtypes, seeds, tries

# One, primes, and a batch's multiples with one sample less and more (of batches of 8).
counts = st.sampled_from([1, 2, 3, 7, 8, 9, 15, 16, 17, 31])
batches = st.sampled_from([1, 2, 3, 7, 8, 16, 64])
widths = st.sampled_from([1, 2, 5])


class Seen(lm.Layer):
    """Pass inputs on, and record the first feature of each sample of each batch."""

    def forward(self, x: Any, training: bool) -> Any:
        if training:
            self.batches.append(back(self.backend, x)[:, 0].astype(int).tolist())
        return x

    def backward(self, dy: Any) -> Any:
        return dy


@tries(60)
@given(
    backend=backends,
    samples=counts,
    batch=batches,
    epochs=st.integers(1, 3),
    weighted=st.booleans(),
    seed=seeds,
)
def test_an_epoch_has_every_sample_once_and_its_loss_is_their_mean(
    backend: Backend, samples: int, batch: int, epochs: int, weighted: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    x = np.stack([np.arange(samples), rng.normal(size=samples)], axis=1)
    y = rng.integers(0, 3, samples)
    weights = rng.uniform(0.5, 2, samples) if weighted else np.ones(samples)
    seen = Seen()
    seen.batches = []
    model = lm.Sequential([seen, lm.Dense(3)], seed=seed, backend=backend, dtype="float64")
    model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(1e-3), ["accuracy"])
    options = {"sample_weight": weights} if weighted else {}
    history = model.fit(
        x, y, epochs=epochs, batch_size=batch, verbose=False, check=False, **options
    )

    steps = math.ceil(samples / batch)
    assert len(seen.batches) == steps * epochs == len(history.steps) == model.optimizer.t
    for epoch in range(epochs):
        rows = seen.batches[epoch * steps : (epoch + 1) * steps]
        assert sorted(chain(*rows)) == list(range(samples))
        assert [len(row) for row in rows[:-1]] == [batch] * (steps - 1)
        losses = history.steps[epoch * steps : (epoch + 1) * steps]
        shares = [float(weights[row].sum()) for row in rows]
        mean = math.fsum(a * b for a, b in zip(losses, shares, strict=True)) / math.fsum(shares)
        np.testing.assert_allclose(history["loss"][epoch], mean, rtol=1e-12)


@tries(60)
@given(backend=backends, dtype=dtypes, samples=counts, batch=batches, other=batches, width=widths)
def test_scores_and_predictions_do_not_depend_on_the_batch_size(
    backend: Backend, dtype: str, samples: int, batch: int, other: int, width: int
) -> None:
    rng = np.random.default_rng(samples)
    x, y = rng.normal(size=(samples, width)), rng.integers(0, 2, samples)
    layers = [lm.Dense(width), lm.Tanh(), lm.Dense(2)]
    model = lm.Sequential(layers, seed=1, backend=backend, dtype=dtype)
    model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(0.1), ["accuracy"], in_shape=(width,))
    tolerance = {"rtol": 0, "atol": 50 * np.finfo(dtype).eps}
    together = model.predict(x)
    np.testing.assert_allclose(model.predict(x, batch_size=batch), together, **tolerance)
    scores, others = (model.evaluate(x, y, batch_size=size) for size in (batch, other))
    np.testing.assert_allclose(scores["loss"], others["loss"], **tolerance)
    assert scores["accuracy"] == others["accuracy"]
    pred = together.astype(float)
    surprises = np.log(np.exp(pred).sum(axis=1)) - pred[np.arange(samples), y]
    np.testing.assert_allclose(scores["loss"], surprises.mean(), **tolerance)


class Plain:
    """A network of one hidden layer, trained by momentum with an L2 penalty: plain numpy."""

    def __init__(self, arrays: dict[str, np.ndarray], lr: float, beta: float, l2: float) -> None:
        self.w = {name: array.astype(float) for name, array in arrays.items()}
        self.v = {name: np.zeros_like(array) for name, array in self.w.items()}
        self.lr, self.beta, self.l2 = lr, beta, l2

    def step(self, x: np.ndarray, y: np.ndarray) -> float:
        w1, b1, w2, b2 = self.w.values()
        hidden = np.maximum(x @ w1 + b1, 0)
        z = hidden @ w2 + b2
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        dz = (p - np.eye(z.shape[1])[y]) / len(x)
        dh = dz @ w2.T * (hidden > 0)
        gradients = [x.T @ dh, dh.sum(axis=0), hidden.T @ dz, dz.sum(axis=0)]
        for (name, w), g in zip(self.w.items(), gradients, strict=True):
            g = g + self.l2 * w if w.ndim == 2 else g
            self.v[name] = self.beta * self.v[name] + g
            self.w[name] = w - self.lr * self.v[name]
        return float(-np.log(p[np.arange(len(y)), y]).mean())


@tries(60)
@given(
    backend=backends,
    dtype=dtypes,
    samples=counts,
    batch=batches,
    features=widths,
    width=widths,
    classes=st.integers(2, 4),
    l2=st.sampled_from([0.0, 0.01]),
)
def test_training_is_that_of_plain_numpy(
    backend: Backend,
    dtype: str,
    samples: int,
    batch: int,
    features: int,
    width: int,
    classes: int,
    l2: float,
) -> None:
    rng = np.random.default_rng(samples + batch)
    x = rng.normal(size=(samples, features)).astype(dtype)
    y = rng.integers(0, classes, samples)
    penalty = lm.L2(l2) if l2 else None
    hidden, last = lm.Dense(width, regularizer=penalty), lm.Dense(classes, regularizer=penalty)
    model = lm.Sequential([hidden, lm.ReLU(), last], seed=2, backend=backend, dtype=dtype)
    model.compile(lm.SoftmaxCrossEntropy(), lm.Momentum(0.05), in_shape=(features,))
    plain = Plain(model.state_dict(), 0.05, 0.9, l2)
    history = model.fit(x, y, epochs=2, batch_size=batch, shuffle=False, verbose=False, check=False)
    starts = 2 * list(range(0, samples, batch))
    steps = [plain.step(x[at : at + batch].astype(float), y[at : at + batch]) for at in starts]
    tolerance = {"rtol": 0, "atol": 2e-5 if dtype == "float32" else 1e-12}
    np.testing.assert_allclose(history.steps, steps, **tolerance)
    for name, array in model.state_dict().items():
        np.testing.assert_allclose(array, plain.w[name], err_msg=name, **tolerance)


@tries(30)
@given(
    backend=backends,
    samples=st.integers(2, 40),
    batch=st.integers(2, 12),
    share=st.floats(0.01, 0.6),
)
def test_held_out_samples_are_never_trained_on(
    backend: Backend, samples: int, batch: int, share: float
) -> None:
    seen = Seen()
    seen.batches = []
    x = np.stack([np.arange(samples), np.ones(samples)], axis=1)
    model = lm.Sequential([seen, lm.Dense(1)], seed=0, backend=backend)
    model.compile(lm.MeanSquaredError(), lm.SGD(1e-6))
    held = round(share * samples)
    if not 0 < held < samples:
        return
    model.fit(
        x,
        np.ones((samples, 1)),
        epochs=2,
        batch_size=batch,
        validation_split=share,
        verbose=False,
        check=False,
    )
    rows = list(chain(*seen.batches))
    assert len(rows) == 2 * len(set(rows))
    assert len(set(rows)) == samples - held
