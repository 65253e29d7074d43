"""Random arrays on a GPU have the bits of the CPU's, which are those of numpy's Philox."""

import functools
from typing import Any

import numpy as np
import pytest

from lamella.backend import Backend, CupyBackend
from lamella.backend.cupy.graph_backend import GraphBackend
from lamella.backend.cupy.kernels import Kernels
from lamella.backend.cupy.task import Function, Task
from lamella.backend.random import HostNoise, Noise
from lamella.core.errors import UsageError
from lamella.testing import strict_cupy
from tests.backend.cupy.device import on_devices

KEYS = [0, 5 << 64 | 7, 0x299F31D0A4093822_85A308D313198A2E, 2**128 - 1]
SIZES = [1, 3, 4, 7, 8, 15, 16, 17, 4099, 16384 + 5]


KINDS = ("uniform", "normal", 1e-9, 0.1, 0.5, 0.9, 1.0)


def drawn(noise: Noise, kind: str | float, out: Any) -> Any:
    """Draw uniform or normal numbers, or a mask that keeps this fraction."""
    return noise.dropout_mask(kind, out) if isinstance(kind, float) else getattr(noise, kind)(out)


@on_devices
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_numbers_are_those_of_the_host_bit_for_bit(
    backend: Backend, kind: str | float, dtype: type
) -> None:
    for key in KEYS:
        host = HostNoise(key)
        for device in (CupyBackend(backend.xp), GraphBackend(backend.xp)):
            host.draws, noise = 0, device.noise(key)
            for size in SIZES:
                expected = drawn(host, kind, np.empty(size, dtype))
                got = backend.to_host(drawn(noise, kind, backend.zeros(size, dtype)))
                assert got.tobytes() == expected.tobytes(), (key, size)
            assert noise.draws == host.draws == len(SIZES)


@on_devices
@pytest.mark.parametrize("draws", [2**32 + 5, 2**63 + 1, 2**64 - 1])
def test_late_draws_are_those_of_the_host(backend: Backend, draws: int) -> None:
    host, device = HostNoise(KEYS[2]), backend.noise(KEYS[2])
    host.draws = device.draws = draws
    expected = host.uniform(np.empty((5, 7), np.float32))
    got = device.uniform(backend.xp.empty((5, 7), np.float32))
    np.testing.assert_array_equal(backend.to_host(got), expected)


@on_devices
@pytest.mark.parametrize("task", ["keep_mask", "uniform"])
def test_the_number_of_the_draw_can_come_from_a_table(backend: Backend, task: str) -> None:
    host, kernels = HostNoise(KEYS[2]), Kernels(backend.xp, np.float32)
    table = np.zeros((4, 3))
    table[:, 1] = [9, 0, 2**40, 3]
    table, count = backend.asarray(table), backend.asarray(np.array([2], np.int32))
    out = backend.zeros(100, np.float32)
    low, high = KEYS[2] & (2**64 - 1), KEYS[2] >> 64
    threshold, scale = 32768, 2.0
    values = out, table, count, 3, 1, 100, 77, low, high, threshold, scale
    kernels.launch(Task(Function(task), out.dtype, 1, values, [out]))
    host.draws = 2**40
    expected = np.empty(100, np.float32)
    host.uniform(expected) if task == "uniform" else host.dropout_mask(0.5, expected)
    np.testing.assert_array_equal(backend.to_host(out), expected)


def test_a_draw_is_one_launch_without_wait_or_allocation() -> None:
    noise = GraphBackend(strict_cupy).noise(KEYS[1])
    out = strict_cupy.zeros(100, "float32")
    for draw in (noise.uniform, lambda out: noise.dropout_mask(0.5, out)):
        strict_cupy.counts.reset()
        draw(out)
        assert strict_cupy.counts == strict_cupy.Counts(launches=1)


@pytest.mark.parametrize("name", ["uniform", "dropout_mask"])
def test_a_view_or_another_dtype_is_refused_and_not_counted(name: str) -> None:
    noise = GraphBackend(strict_cupy).noise(KEYS[1])
    draw = noise.uniform if name == "uniform" else functools.partial(noise.dropout_mask, 0.5)
    view, halves = strict_cupy.zeros((4, 6), "float32")[:, ::2], strict_cupy.zeros(4, "float16")
    for out in (view, halves):
        with pytest.raises(UsageError, match="need a whole array"):
            draw(out)
    assert noise.draws == 0
