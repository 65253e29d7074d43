"""Penalties and their gradients, alone and as part of training."""

from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.backend.parameters import Parameter, ParameterStore
from lamella.core.config import from_json, to_json
from lamella.core.typing import Array
from lamella.layers import regularizers
from lamella.layers.initializers import zeros

W = np.array([[1.0, -2.0, 0.0], [0.5, 4.0, -0.25]])
CASES = {
    "L1": (lm.L1(0.1), 0.1 * 7.75, 0.1 * np.sign(W)),
    "L2": (lm.L2(0.1), 0.05 * 21.3125, 0.1 * W),
    "L1L2": (lm.L1L2(0.1, 0.4), 0.1 * 7.75 + 0.2 * 21.3125, 0.1 * np.sign(W) + 0.4 * W),
}
every_regularizer = pytest.mark.parametrize("name", CASES)


class Huber(lm.Regularizer):
    """A penalty as a user writes it: quadratic up to ``knee``, straight above."""

    def __init__(self, rate: float, knee: float) -> None:
        self.rate = rate
        self.knee = knee

    def penalty(self, w: Array) -> Array:
        size = abs(w)
        inside = size * (size < self.knee) + self.knee * (size >= self.knee)
        return self.rate * (inside * (size - inside / 2)).sum()

    @staticmethod
    def rule(w: Any, g: Any, rate: Any, knee: Any) -> Any:
        return g + rate * np.minimum(np.maximum(w, -knee), knee)


def parameter(backend: Backend, dtype: str = "float64") -> Parameter:
    made = Parameter("0.Bare.W", W.shape, zeros)
    ParameterStore([made], backend, np.dtype(dtype))
    made.value = backend.asarray(W, dtype)
    return made


def added_gradient(
    regularizer: lm.Regularizer, backend: Backend, dtype: str = "float64"
) -> np.ndarray:
    """Return the sum of a gradient of 1 and that of a regularizer."""
    made = parameter(backend, dtype)
    made.grad = 1.0
    regularizer.compile_rule(made, backend)()
    assert made.grad.dtype == dtype
    return backend.to_host(made.grad) - 1


def test_every_public_regularizer_has_a_case() -> None:
    public = {
        name
        for name, item in vars(regularizers).items()
        if isinstance(item, type) and issubclass(item, lm.Regularizer)
    }
    assert public - {"Regularizer"} == set(CASES)


@every_regularizer
def test_penalty_is_the_formula(name: str, backend: Backend) -> None:
    regularizer, penalty, _ = CASES[name]
    got = regularizer.penalty(parameter(backend).value)
    assert got.shape == ()
    np.testing.assert_allclose(float(got), penalty, rtol=1e-14)


@every_regularizer
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradient_is_added_to_the_present_one(name: str, dtype: str, backend: Backend) -> None:
    regularizer, _, gradient = CASES[name]
    tolerance = 1e-6 if dtype == "float32" else 1e-14
    np.testing.assert_allclose(
        added_gradient(regularizer, backend, dtype), gradient, rtol=tolerance, atol=tolerance
    )


@every_regularizer
def test_gradient_equals_central_differences_of_the_penalty(name: str, backend: Backend) -> None:
    regularizer = CASES[name][0]
    numeric = np.zeros_like(W)
    for index in np.ndindex(W.shape):
        for sign in (1, -1):
            moved = W.copy()
            moved[index] += sign * 1e-6
            numeric[index] += sign * float(regularizer.penalty(moved)) / 2e-6
    np.testing.assert_allclose(added_gradient(regularizer, backend), numeric, atol=1e-8)


def test_custom_regularizer_is_its_formula(backend: Backend) -> None:
    regularizer = Huber(0.1, knee=1.5)
    np.testing.assert_allclose(
        added_gradient(regularizer, backend), 0.1 * np.clip(W, -1.5, 1.5), rtol=1e-14
    )
    each = [0.5, 1.5 * (2 - 0.75), 0, 0.125, 1.5 * (4 - 0.75), 0.03125]
    np.testing.assert_allclose(
        float(regularizer.penalty(parameter(backend).value)), 0.1 * sum(each), rtol=1e-14
    )


def test_one_object_serves_many_parameters(backend: Backend) -> None:
    shared = lm.L2(0.5)
    model = lm.Sequential(
        [lm.Dense(3, regularizer=shared), lm.Dense(2, regularizer=shared)],
        seed=1,
        backend=backend,
        dtype="float64",
    )
    model.compile(lm.MeanSquaredError(), lm.SGD(0.1), in_shape=(4,))
    weights = [backend.to_host(p.value) for p in model.store if p.is_matrix]
    expected = 0.25 * sum((w**2).sum() for w in weights)
    np.testing.assert_allclose(model.penalty(), expected, rtol=1e-12)


def test_step_adds_the_penalty_to_the_gradient_of_weights_but_not_biases(
    backend: Backend, rng: np.random.Generator
) -> None:
    x, y = rng.normal(size=(6, 4)), rng.normal(size=(6, 2))
    after = []
    for rate in (0.0, 0.3):
        layer = lm.Dense(2, regularizer=lm.L2(rate), init="glorot_normal")
        model = lm.Sequential([layer], seed=1, backend=backend, dtype="float64")
        model.compile(lm.MeanSquaredError(), lm.SGD(0.1), in_shape=(4,))
        start = model.state_dict()
        model.train_step(x, y)
        after.append(model.state_dict())
    np.testing.assert_allclose(
        after[1]["0.Dense.W"], after[0]["0.Dense.W"] - 0.1 * 0.3 * start["0.Dense.W"], rtol=1e-12
    )
    np.testing.assert_array_equal(after[1]["0.Dense.b"], after[0]["0.Dense.b"])


def test_l1_drives_idle_weights_to_about_zero(backend: Backend) -> None:
    """An input that says nothing: its weights fall by lr rate a step, and stay within that of 0."""
    x = np.hstack([np.linspace(-1, 1, 16)[:, None], np.zeros((16, 1))])
    model = lm.Sequential(
        [lm.Dense(1, regularizer=lm.L1(0.1), init="ones")], backend=backend, dtype="float64"
    )
    model.compile(lm.MeanSquaredError(), lm.SGD(0.1), in_shape=(2,))
    for _ in range(150):
        model.train_step(x, x[:, :1])
    used, idle = backend.to_host(model.layers[0].W.value)[:, 0]
    assert abs(idle) <= 0.0101
    assert used > 0.8


def test_loss_and_penalty_are_reported_apart(rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(8, 3)), rng.normal(size=(8, 1))
    model = lm.Sequential([lm.Dense(1, regularizer=lm.L2(0.4))], seed=1, dtype="float64")
    model.compile(lm.MeanSquaredError(), lm.SGD(1e-12), in_shape=(3,))
    expected_loss = ((model.predict(x) - y) ** 2).mean()
    expected_penalty = 0.2 * (model.state_dict()["0.Dense.W"] ** 2).sum()
    history = model.fit(x, y, epochs=1, batch_size=4, verbose=False)
    np.testing.assert_allclose(history["loss"], [expected_loss], rtol=1e-9)
    np.testing.assert_allclose(history["penalty"], [expected_penalty], rtol=1e-9)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: lm.L1(-0.1), r"rate must be at least 0, got -0\.1"),
        (lambda: lm.L2(np.nan), "rate must be a finite number, got nan"),
        (lambda: lm.L2("small"), "rate must be a finite number, got 'small'"),
        (lambda: lm.L1L2(0.1, -1), "l2 must be at least 0, got -1"),
        (lambda: lm.L1L2(True, 1), "l1 must be a finite number, got True"),
        (lambda: lm.Dense(3, regularizer=0.1), r"must be a Regularizer such as L2\(1e-4\), got 0"),
        (lambda: lm.Dense(3, regularizer=lm.L2), r"got the class L2: add \(\)"),
    ],
)
def test_bad_rates_and_objects_are_refused(make: Any, text: str) -> None:
    with pytest.raises(lm.LamellaError, match=text):
        make()


@every_regularizer
def test_regularizers_survive_being_written_down(name: str) -> None:
    regularizer = CASES[name][0]
    again = from_json(to_json(regularizer), {name: type(regularizer)})
    assert repr(again) == repr(regularizer)
    assert again.config() == regularizer.config()
