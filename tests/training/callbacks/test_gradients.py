"""GradientNorms logs the gradients of the layers."""

import numpy as np

import lamella as lm


def test_logged_gradients_are_those_of_a_single_batch() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((20, 5)).astype(np.float32), rng.integers(0, 3, 20)
    layers = [lm.Dense(4), lm.ReLU(), lm.Dense(3)]
    model = lm.Sequential(layers, seed=0).compile(lm.SoftmaxCrossEntropy(), lm.SGD(0.1))
    model.inputs(x[:1])
    w, b = (np.array(p.value, np.float64) for p in model.layers[0].parameters)
    v, c = (np.array(p.value, np.float64) for p in model.layers[2].parameters)
    history = model.fit(
        x, y, epochs=1, batch_size=20, callbacks=[lm.GradientNorms()], verbose=False
    )

    z = x @ w + b
    a = np.maximum(z, 0)
    o = np.exp(a @ v + c)
    d = (o / o.sum(axis=1, keepdims=True) - np.eye(3)[y]) / 20
    last = np.concatenate([(a.T @ d).ravel(), d.sum(axis=0)])
    e = (d @ v.T) * (z > 0)
    first = np.concatenate([(x.T @ e).ravel(), e.sum(axis=0)])
    for place, gradient in ((0, first), (2, last)):
        expected = np.sqrt(np.mean(gradient**2))
        np.testing.assert_allclose(history[f"gradient_{place}"], expected, rtol=1e-4)
    assert "gradient_1" not in history.rows[0]
    assert history.rows[0]["gradient_0"] == history["gradient_0"][0]
