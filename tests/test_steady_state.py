"""A warmed-up step of training: its allocations and launches, and no waits for the device.

Batches of many sizes take no more memory than the largest.
"""

import sys
import tracemalloc

import numpy as np
import pytest

import lamella as lm
from lamella.backend import CupyBackend
from lamella.backend import numba as compiled
from lamella.testing import strict_cupy

pytestmark = pytest.mark.slow


def model(width: int, backend: object = "numpy") -> lm.Sequential:
    """Every kind of layer that the report's networks have, with a penalty and clipping."""
    layers = [
        lm.Flatten(),
        lm.Dense(width, regularizer=lm.L2(1e-4)),
        lm.BatchNorm(),
        lm.ReLU(),
        lm.Dropout(0.1),
        lm.Dense(10),
    ]
    network = lm.Sequential(layers, seed=1, backend=backend)
    optimizer = lm.AdamW(lm.CosineDecay(1e-3, epochs=5), clip_norm=1.0)
    return network.compile(lm.SoftmaxCrossEntropy(), optimizer, ["accuracy"])


def batch(samples: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (samples, 28, 28), dtype=np.uint8), rng.integers(0, 10, samples)


def peak_of_a_step(width: int, samples: int) -> int:
    """Return the peak of the bytes allocated by warmed-up steps (17 steps: past a flush)."""
    network, (x, y) = model(width), batch(samples)
    for _ in range(17):
        network.train_step(x, y)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(17):
        network.train_step(x, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak - before


@pytest.mark.parametrize(("width", "samples"), [(256, 16), (256, 1024), (4096, 16), (4096, 1024)])
def test_step_allocates_under_256_kib_for_any_size(width: int, samples: int) -> None:
    assert peak_of_a_step(width, samples) < 256 * 1024


def test_step_allocates_no_more_for_a_wider_model_or_a_larger_batch() -> None:
    small, large = peak_of_a_step(64, 16), peak_of_a_step(2048, 512)
    assert large - small < 64 * 1024


def test_step_makes_no_more_calls_of_python_than_it_did() -> None:
    """Features that a network does not use cost its steps no call; replayed steps make few."""
    layers = [lm.Dense(256), lm.ReLU(), lm.Dense(30, regularizer=lm.L2(1e-4)), lm.Tanh()]
    network = lm.Sequential([*layers, lm.Dropout(0.1), lm.Dense(10)], seed=1, backend="numpy")
    network.compile(lm.SoftmaxCrossEntropy(), lm.Adam(1e-3, clip_norm=1.0), in_shape=(784,))
    x, y = np.ones((64, 784), "f4"), np.arange(64) % 10
    for _ in range(32):
        network.step(x, y)
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        for _ in range(16):
            network.step(x, y)
    finally:
        sys.setprofile(None)
    assert calls <= 16 * (140 if compiled.products_problem() else 36)


@pytest.fixture
def device() -> CupyBackend:
    return CupyBackend(strict_cupy, "stand-in")


def counts_of_an_epoch(device: CupyBackend, batches: int) -> tuple[int, int]:
    network, (x, y) = model(32, device), batch(16 * batches)
    network.fit(x, y, epochs=1, batch_size=16, verbose=False)
    strict_cupy.counts.reset()
    network.fit(x, y, epochs=1, batch_size=16, verbose=False)
    return strict_cupy.counts.launches, strict_cupy.counts.syncs


def test_number_of_waits_for_the_device_does_not_depend_on_the_batches(
    device: CupyBackend,
) -> None:
    _, few = counts_of_an_epoch(device, 2)
    _, many = counts_of_an_epoch(device, 12)
    assert few == many


def test_batch_launches_at_most_80_kernels(device: CupyBackend) -> None:
    few, _ = counts_of_an_epoch(device, 2)
    many, _ = counts_of_an_epoch(device, 12)
    # With Dense, BatchNorm, ReLU, Dropout, Dense, cross-entropy, accuracy, L2, clipping, AdamW.
    assert (many - few) / 10 <= 80


def test_plain_mlp_launches_at_most_50_kernels_a_batch(device: CupyBackend) -> None:
    def launches(batches: int) -> int:
        x, y = batch(16 * batches)
        network = lm.MLP([256, 30], backend=device, seed=1)
        network.fit(x, y, epochs=1, batch_size=16, verbose=False)
        strict_cupy.counts.reset()
        network.fit(x, y, epochs=1, batch_size=16, verbose=False)
        return strict_cupy.counts.launches

    assert (launches(12) - launches(2)) / 10 <= 50


def test_step_in_float32_makes_no_float64_on_the_device(device: CupyBackend) -> None:
    network, (x, y) = model(32, device), batch(16)
    network.train_step(x, y)
    strict_cupy.counts.reset()
    with strict_cupy.forbid(np.float64):
        network.train_step(x, y)


def test_gather_of_an_epoch_leaves_the_data_as_they_were() -> None:
    x, y = batch(50)
    before = x.copy()
    model(8).fit(x, y, epochs=1, batch_size=16, verbose=False)
    np.testing.assert_array_equal(x, before)


# Every layer, and the losses and penalties that need memory of their own.
NETWORKS = {
    "cross-entropy": (
        [lm.Sigmoid, lm.BatchNorm, lambda: lm.Dropout(0.1)],
        lm.SoftmaxCrossEntropy,
        [],
    ),
    "yes or no": ([lm.Tanh], lm.BinaryCrossEntropy, [lm.Sigmoid]),
    "normalized": (
        [lm.LayerNorm, lm.GELU, lm.SiLU, lm.ELU, lambda: lm.Dense(50, max_norm=1.0)],
        lm.Huber,
        [lm.Softplus],
    ),
    "margins": ([lm.ReLU], lm.Hinge, []),
    "distances": ([lambda: lm.LeakyReLU(0.1)], lm.MeanSquaredError, [lm.Softmax]),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_batches_of_any_sizes_need_the_memory_of_the_largest(name: str) -> None:
    inner, loss, last = NETWORKS[name]
    layers = [lm.Dense(1000), *(make() for make in inner), lm.Dense(5), *(make() for make in last)]
    network = lm.Sequential(layers, seed=1, backend="numpy")
    network.compile(loss(), lm.SGD(1e-3), in_shape=(10,))
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((512, 10)).astype("f4"), rng.integers(0, 5, 512)
    if name != "cross-entropy":
        y = np.eye(5, dtype="f4")[y]
    for n in (2, 2, 3, 3):
        network.train_step(x[:n], y[:n])
        network.predict(x[:n])
    tracemalloc.start()
    try:
        for _ in range(3):
            network.train_step(x, y)
            network.predict(x)
        largest = tracemalloc.get_traced_memory()[0]
        for n in rng.integers(2, 513, 1000):
            network.train_step(x[:n], y[:n])
            network.predict(x[: 514 - n])
        assert tracemalloc.get_traced_memory()[0] < 1.1 * largest
    finally:
        tracemalloc.stop()
