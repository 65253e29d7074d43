"""Every layer beside its formula in float64, from denormal to the largest numbers."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lamella as lm
from lamella import layers
from tests.properties.values import (
    BACKENDS,
    alone,
    arrays,
    back,
    backends,
    dtypes,
    exact_sum,
    few,
    seeds,
    there,
    tries,
)

Formula = Callable[[np.ndarray], np.ndarray]


def sigmoid(x: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-x))


def sigmoid_slope(x: np.ndarray) -> np.ndarray:
    return sigmoid(x) * sigmoid(-x)


def gelu_slope(x: np.ndarray) -> np.ndarray:
    c = np.clip(x, -50, 50)
    z = np.sqrt(8 / np.pi) * (c + 0.044715 * c**3)
    return sigmoid(z) + c * sigmoid_slope(z) * np.sqrt(8 / np.pi) * (1 + 0.134145 * c**2)


# Class: how to make one, y of x, dy/dx of x.
ACTIVATIONS: dict[type[lm.Layer], tuple[Callable[[], lm.Layer], Formula, Formula]] = {
    lm.ReLU: (lm.ReLU, lambda x: np.maximum(x, 0), lambda x: (x > 0) * 1.0),
    lm.LeakyReLU: (
        lambda: lm.LeakyReLU(0.25),
        lambda x: np.where(x > 0, x, 0.25 * x),
        lambda x: np.where(x > 0, 1.0, 0.25),
    ),
    lm.Sigmoid: (lm.Sigmoid, sigmoid, sigmoid_slope),
    lm.Tanh: (lm.Tanh, np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    lm.ELU: (
        lambda: lm.ELU(0.5),
        lambda x: np.where(x > 0, x, 0.5 * np.expm1(np.minimum(x, 0))),
        lambda x: np.where(x > 0, 1.0, 0.5 * np.exp(np.minimum(x, 0))),
    ),
    lm.Softplus: (lm.Softplus, lambda x: np.logaddexp(0, x), sigmoid),
    lm.SiLU: (
        lm.SiLU,
        lambda x: x * sigmoid(x),
        lambda x: sigmoid(x) + np.clip(x, -1e3, 1e3) * sigmoid_slope(x),
    ),
    lm.GELU: (
        lm.GELU,
        lambda x: x * sigmoid(np.sqrt(8 / np.pi) * np.clip(x + 0.044715 * x * x * x, -1e3, 1e3)),
        gelu_slope,
    ),
}
OTHERS: dict[type[lm.Layer], Callable[[], lm.Layer]] = {
    lm.BatchNorm: lm.BatchNorm,
    lm.Dense: lambda: lm.Dense(3),
    lm.Dropout: lambda: lm.Dropout(0.5),
    lm.Flatten: lm.Flatten,
    lm.LayerNorm: lm.LayerNorm,
    lm.Softmax: lm.Softmax,
}
MAKERS = {**OTHERS, **{kind: made[0] for kind, made in ACTIVATIONS.items()}}


def test_every_layer_has_properties_here() -> None:
    found = {getattr(layers, name) for name in layers.__all__} - {lm.Layer, lm.Activation}
    assert set(MAKERS) == found


@pytest.mark.parametrize("kind", ACTIVATIONS, ids=lambda kind: kind.__name__)
@tries(60)
@given(backend=backends, dtype=dtypes, samples=few, features=few, data=st.data())
def test_activation_is_its_formula_up_to_the_largest_numbers(
    kind: type[lm.Layer],
    backend: object,
    dtype: str,
    samples: int,
    features: int,
    data: st.DataObject,
) -> None:
    make, formula, slope = ACTIVATIONS[kind]
    x = data.draw(arrays(dtype, (samples, features)))
    dy = data.draw(arrays(dtype, (samples, features), limit=100))
    about = np.finfo(dtype)
    layer = alone(make(), (features,), dtype, backend)
    y = back(backend, layer.forward(there(backend, x), training=True))
    with np.errstate(over="ignore"):
        exact = formula(x.astype(float))
    # GELU's exp is that of a rounded polynomial: its tail is right to eps, not to its digits.
    close = {"rtol": 4 * about.eps, "atol": 4 * about.eps if kind is lm.GELU else about.tiny}
    np.testing.assert_allclose(y, exact, **close)
    dx = back(backend, layer.backward(there(backend, dy)))
    # The slopes 1 - y^2 and y (1 - y) are taken of a rounded y, those of SiLU and GELU cross 0:
    # they are right to eps, not to their digits.
    right = dy.astype(float) * slope(x.astype(float))
    size = abs(dy.astype(float)) if kind in (lm.Sigmoid, lm.Tanh, lm.SiLU, lm.GELU) else abs(right)
    assert (abs(dx - right) <= 4 * about.eps * size + about.tiny).all()


@pytest.mark.parametrize("kind", MAKERS, ids=lambda kind: kind.__name__)
@tries(40)
@given(backend=backends, dtype=dtypes, samples=few, features=few, data=st.data())
def test_a_batch_gives_the_results_of_its_samples_one_by_one(
    kind: type[lm.Layer],
    backend: object,
    dtype: str,
    samples: int,
    features: int,
    data: st.DataObject,
) -> None:
    features += kind is lm.LayerNorm
    x = data.draw(arrays(dtype, (samples, features), limit=1e15))
    layer = alone(MAKERS[kind](), (features,), dtype, backend)
    together = back(backend, layer.forward(there(backend, x), training=False))
    each = [
        back(backend, layer.forward(there(backend, x[i : i + 1]), training=False))
        for i in range(samples)
    ]
    # A product of another shape may add in another order, so its terms decide the tolerance.
    scale = max(1.0, float(np.abs(x).max())) * 8 * features if kind is lm.Dense else 1.0
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(together, np.concatenate(each), rtol=4 * eps, atol=scale * eps)


@tries(60)
@given(backend=backends, dtype=dtypes, samples=few, inner=few, units=few, data=st.data())
def test_dense_and_its_gradients_are_right_to_rounding(
    backend: object, dtype: str, samples: int, inner: int, units: int, data: st.DataObject
) -> None:
    """The error of a sum of n products is at most n eps times the sum of their sizes."""
    x, w = (data.draw(arrays(dtype, shape, 1e15)) for shape in [(samples, inner), (inner, units)])
    b, dy = (data.draw(arrays(dtype, shape, 1e15)) for shape in [(units,), (samples, units)])
    layer = alone(lm.Dense(units), (inner,), dtype, backend)
    layer.W.value, layer.b.value = there(backend, w), there(backend, b)
    y = back(backend, layer.forward(there(backend, x), training=True))
    dx = back(backend, layer.backward(there(backend, dy)))
    eps, tiny = np.finfo(dtype).eps, np.finfo(dtype).tiny

    def expect(got: np.ndarray, left: np.ndarray, right: np.ndarray, plus: np.ndarray) -> None:
        terms = left[:, :, None].astype(float) * right[None].astype(float)
        terms = np.concatenate([terms, np.broadcast_to(plus, terms[:, :1].shape)], axis=1)
        bound = terms.shape[1] * (eps * exact_sum(abs(terms), 1) + tiny)
        assert (abs(got - exact_sum(terms, 1)) <= bound).all()

    expect(y, x, w, b.astype(float))
    expect(back(backend, layer.W.grad), x.T, dy, np.zeros(1))
    expect(back(backend, layer.b.grad)[None], np.ones((1, samples)), dy, np.zeros(1))
    expect(dx, dy, w.T, np.zeros(1))


@tries(60)
@given(
    backend=backends,
    dtype=dtypes,
    samples=few,
    features=few,
    scale=st.integers(-20, 20),
    data=st.data(),
)
def test_dense_without_bias_is_linear(
    backend: object, dtype: str, samples: int, features: int, scale: int, data: st.DataObject
) -> None:
    """f(2^k x) is 2^k f(x) in every bit, and f(-x) is -f(x): powers of 2 round nothing."""
    x = data.draw(arrays(dtype, (samples, features), limit=4)).round(6)
    layer = alone(lm.Dense(3, use_bias=False), (features,), dtype, backend)
    plain = back(backend, layer.forward(there(backend, x), training=False))
    factor = np.dtype(dtype).type(2.0**scale)
    scaled = back(backend, layer.forward(there(backend, x * factor), training=False))
    np.testing.assert_array_equal(scaled, plain * factor)
    np.testing.assert_array_equal(back(backend, layer.forward(there(backend, -x), False)), -plain)


@tries(100)
@given(backend=backends, dtype=dtypes, samples=few, classes=few, data=st.data())
def test_softmax_gives_fractions_of_one_in_the_order_of_the_scores(
    backend: object, dtype: str, samples: int, classes: int, data: st.DataObject
) -> None:
    half = float(np.finfo(dtype).max) / 2  # so that differences are finite
    x = data.draw(arrays(dtype, (samples, classes), limit=half))
    layer = alone(lm.Softmax(), (classes,), dtype, backend)
    y = back(backend, layer.forward(there(backend, x), training=True))
    eps, tiny = np.finfo(dtype).eps, np.finfo(dtype).tiny
    exact = np.exp(x.astype(float) - x.max(axis=1, keepdims=True).astype(float))
    exact /= exact_sum(exact, 1)[:, None]
    # exp of a difference d that was rounded is right to d eps; beyond 100 it is 0.
    np.testing.assert_allclose(y, exact, rtol=(110 + classes) * eps, atol=tiny)
    assert (y >= 0).all()
    assert (abs(exact_sum(y, 1) - 1) <= 2 * classes * eps).all()
    order = np.take_along_axis(y, x.argsort(axis=1), axis=1)
    assert (np.diff(order, axis=1) >= 0).all()
    dx = back(backend, layer.backward(there(backend, data.draw(arrays(dtype, y.shape, limit=8)))))
    assert (abs(exact_sum(dx, 1)) <= 16 * classes * eps).all()


@tries(60)
@given(
    backend=backends, dtype=dtypes, classes=few, shift=st.integers(-(2**20), 2**20), data=st.data()
)
def test_softmax_does_not_notice_a_shift(
    backend: object, dtype: str, classes: int, shift: int, data: st.DataObject
) -> None:
    """Whole numbers are shifted without rounding, so every bit must be the same."""
    whole = st.lists(st.integers(-100, 100), min_size=classes, max_size=classes)
    x = np.array([data.draw(whole)], dtype)
    layer = alone(lm.Softmax(), (classes,), dtype, backend)
    before = back(backend, layer.forward(there(backend, x), training=True))
    after = back(backend, layer.forward(there(backend, x + np.dtype(dtype).type(shift)), True))
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("name", BACKENDS)
def test_softmax_of_scores_as_far_apart_as_can_be(name: str) -> None:
    backend, largest = BACKENDS[name], np.finfo(np.float32).max
    layer = alone(lm.Softmax(), (2,), "float32", backend)
    y = layer.forward(there(backend, np.array([[largest, -largest]])), training=True)
    np.testing.assert_array_equal(back(backend, y), [[1, 0]])


@tries(60)
@given(
    backend=backends,
    dtype=dtypes,
    samples=st.sampled_from([2, 3, 7, 64, 257]),
    features=few,
    mean=st.sampled_from([0.0, -1.0, 100.0]),
    size=st.sampled_from([1e-3, 1.0, 1e6, 1e15]),
    seed=seeds,
)
def test_batchnorm_is_its_formula(
    backend: object, dtype: str, samples: int, features: int, mean: float, size: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    x = ((rng.standard_normal((samples, features)) + mean) * size).astype(dtype)
    dy = rng.standard_normal((samples, features)).astype(dtype)
    gamma, beta = (rng.uniform(0.5, 2, features).astype(dtype) for _ in range(2))
    layer = alone(lm.BatchNorm(), (features,), dtype, backend)
    layer.gamma.value, layer.beta.value = there(backend, gamma), there(backend, beta)
    y = back(backend, layer.forward(there(backend, x), training=True))
    dx = back(backend, layer.backward(there(backend, dy)))

    exact = x.astype(float)
    centre, var = exact.mean(axis=0), exact.var(axis=0)
    n = (exact - centre) / np.sqrt(var + 1e-5)
    # Two samples may lie close to each other and far from 0: then their difference has few digits.
    lost = np.abs(exact).max(axis=0) / np.sqrt(var + 1e-5)
    tolerance = float((20 * samples * lost).max() + 20) * np.finfo(dtype).eps
    np.testing.assert_allclose(y, gamma * n + beta, rtol=0, atol=4 * tolerance)
    sums = dy.mean(axis=0, dtype=float), (dy * n).mean(axis=0)
    slope = gamma / np.sqrt(var + 1e-5)
    right = slope * (dy - sums[0] - n * sums[1])
    close = {"rtol": 0, "atol": 40 * tolerance * float(slope.max())}
    np.testing.assert_allclose(dx, right, **close)
    # A part equal for all samples cannot change y; one in proportion to n only by eps.
    np.testing.assert_allclose(dx.mean(axis=0, dtype=float), 0, **close)
    rest = slope * sums[1] * 1e-5 / (var + 1e-5)
    np.testing.assert_allclose((dx * n).mean(axis=0), rest, **close)
    running = {"rtol": max(1e-6, tolerance), "atol": tolerance * size}
    np.testing.assert_allclose(back(backend, layer.running_mean.value), 0.1 * centre, **running)
    unbiased = 0.9 + 0.1 * var * samples / (samples - 1)
    np.testing.assert_allclose(
        back(backend, layer.running_var.value), unbiased, rtol=max(1e-6, 4 * tolerance)
    )


@tries(60)
@given(
    backend=backends,
    dtype=dtypes,
    samples=st.sampled_from([2, 3, 64, 257]),
    features=few,
    data=st.data(),
)
def test_batchnorm_of_features_that_never_change_gives_nearly_beta(
    backend: object, dtype: str, samples: int, features: int, data: st.DataObject
) -> None:
    """The rest is the rounding of the mean, at most N eps of it, over sqrt(eps)."""
    row = data.draw(arrays(dtype, (features,), limit=1e15))
    layer = alone(lm.BatchNorm(), (features,), dtype, backend)
    x = np.broadcast_to(row, (samples, features))
    y = back(backend, layer.forward(there(backend, x), training=True))
    assert (y == y[0]).all()
    left = samples * np.finfo(dtype).eps * np.abs(row.astype(float)) / np.sqrt(1e-5)
    assert (np.abs(y) <= np.minimum(left, 1)).all()


@tries(60)
@given(
    backend=backends,
    dtype=dtypes,
    shape=st.sampled_from([(1, 1), (1, 7), (13, 3), (64, 129)]),
    rate=st.floats(0.01, 0.99),
)
def test_dropout_keeps_or_drops_and_the_gradient_goes_where_the_numbers_went(
    backend: object, dtype: str, shape: tuple[int, int], rate: float
) -> None:
    layer = alone(lm.Dropout(rate), shape[1:], dtype, backend)
    x = np.linspace(-3, 5, shape[0] * shape[1]).reshape(shape).astype(dtype)
    y = back(backend, layer.forward(there(backend, x), training=True))
    dx = back(backend, layer.backward(there(backend, np.ones(shape, dtype))))
    kept = dx != 0
    chance = round((1 - rate) * 65536) / 65536  # the drawn numbers have 16 bits
    np.testing.assert_array_equal(dx[kept], np.dtype(dtype).type(1 / chance))
    np.testing.assert_array_equal(y, x * dx)
    spread = np.sqrt(rate * (1 - rate) / x.size)
    assert abs(kept.mean() - (1 - rate)) <= 5 * spread + 1 / x.size
    again = back(backend, layer.forward(there(backend, x), training=False))
    np.testing.assert_array_equal(again, x)


@tries(40)
@given(dtype=dtypes, samples=few, shape=st.lists(few, min_size=1, max_size=3), data=st.data())
def test_flatten_changes_no_number_there_and_back(
    dtype: str, samples: int, shape: list[int], data: st.DataObject
) -> None:
    backend = BACKENDS["blocks"]
    x = np.random.default_rng(0).standard_normal((samples, *shape)).astype(dtype)
    layer = alone(lm.Flatten(), tuple(shape), dtype, backend)
    y = back(backend, layer.forward(x, training=True))
    np.testing.assert_array_equal(y, x.reshape(samples, -1))
    np.testing.assert_array_equal(back(backend, layer.backward(y)), x)
