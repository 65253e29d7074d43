"""Layers that only change shapes."""

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.core.errors import ShapeError
from tests.layers.bench import Bench, assert_gradients

IMAGES = np.arange(2 * 28 * 28.0).reshape(2, 28, 28)


@pytest.mark.parametrize("in_shape", [(28, 28), (784,), (1, 28, 28), (4, 14, 14)])
def test_flatten_lays_each_sample_in_a_row(backend: Backend, in_shape: tuple[int, ...]) -> None:
    bench = Bench(lm.Flatten(), in_shape, backend)
    x = IMAGES.reshape(2, *in_shape)
    assert bench.out_shape == (784,)
    np.testing.assert_array_equal(bench.forward(x), IMAGES.reshape(2, 784))
    np.testing.assert_array_equal(bench.backward(-IMAGES.reshape(2, 784)), -x)


def test_flatten_gradients_equal_differences(backend: Backend) -> None:
    assert_gradients(Bench(lm.Flatten(), (2, 3), backend), np.ones((3, 2, 3)))


def test_flatten_copies_nothing(backend: Backend) -> None:
    layer = Bench(lm.Flatten(), (28, 28), backend).layer
    x = backend.asarray(IMAGES)
    layer.forward(x, True)[0, 0] = -5
    assert float(x[0, 0, 0]) == -5


def test_images_and_rows_give_the_same_model(backend: Backend) -> None:
    rng = np.random.default_rng(1)
    x = rng.random((12, 28, 28)).astype("float32")
    y = rng.integers(0, 3, 12)
    results = []
    for inputs in (x, x.reshape(12, 784)):
        model = lm.Sequential([lm.Flatten(), lm.Dense(3)], seed=5, backend=backend)
        model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(0.1))
        model.fit(inputs, y, epochs=2, batch_size=5, verbose=False)
        results.append(model)
    for name, array in results[0].state_dict().items():
        np.testing.assert_array_equal(array, results[1].state_dict()[name])
    for model in results:  # each takes the other's shape, too
        np.testing.assert_array_equal(model.predict(x), model.predict(x.reshape(12, 784)))


def test_another_number_of_features_is_still_refused(backend: Backend) -> None:
    model = lm.Sequential([lm.Flatten(), lm.Dense(3)], backend=backend).build((28, 28))
    with pytest.raises(ShapeError, match=r"\(783,\), but layer 0 Flatten was built for \(28, 28\)"):
        model.predict(np.zeros((2, 783)))
