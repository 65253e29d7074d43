"""Random arrays on a GPU: the kernels, and the distributions made from their words."""

import ctypes
from typing import Any

import numpy as np
import pytest

from lamella.backend import Backend, CupyBackend
from lamella.backend.cupy.random import PHILOX, DeviceNoise
from lamella.testing import strict_cupy
from lamella.testing.strict_cupy import kernels
from tests.c_kernels import compile_kernels

on_devices = pytest.mark.parametrize(
    "backend", ["strict", pytest.param("cupy", marks=pytest.mark.gpu)], indirect=True
)
KEY = 0x299F31D0A4093822


def numbers(draw: int, size: int) -> np.ndarray:
    """The first words of a draw under `KEY`, from the emulation."""
    return kernels.philox(KEY, draw, np.arange(size))


@on_devices
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_uniform_numbers_are_the_upper_24_bits(backend: Backend, dtype: type) -> None:
    noise = backend.noise(KEY)
    for draw in range(3):
        out = noise.uniform(backend.xp.empty((40, 25), dtype))
        expected = (numbers(draw, 1000) >> 8).astype(dtype) / dtype(2**24)
        np.testing.assert_array_equal(backend.to_host(out).ravel(), expected)


@on_devices
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9, 1.0])
def test_masks_keep_where_the_upper_16_bits_are_small(
    backend: Backend, keep: float, dtype: type
) -> None:
    noise, threshold = backend.noise(KEY), round(65536 * keep)
    for draw in range(3):
        out = noise.dropout_mask(keep, backend.xp.empty((40, 25), dtype))
        kept = (numbers(draw, 1000) >> 16) < threshold
        expected = np.where(kept, dtype(65536 / threshold), dtype(0))
        np.testing.assert_array_equal(backend.to_host(out).ravel(), expected)


def box_muller(words: np.ndarray) -> np.ndarray:
    u, v = ((words[0::2] >> 8) + 1) / 2**24, (words[1::2] >> 8) / 2**24
    return np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * v)


@on_devices
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_normal_numbers_are_those_of_box_and_muller(backend: Backend, dtype: type) -> None:
    noise = backend.noise(KEY)
    out = noise.normal(backend.xp.empty((40, 25), dtype))
    expected = box_muller(numbers(0, 2000))
    tolerance = 100 * np.finfo(dtype).eps
    np.testing.assert_allclose(
        backend.to_host(out).ravel(), expected, rtol=tolerance, atol=tolerance
    )


@on_devices
def test_only_the_lower_64_bits_of_a_key_are_used(backend: Backend) -> None:
    results = [
        backend.to_host(backend.noise(key).uniform(backend.zeros(100, "float32")))
        for key in (KEY, KEY + (5 << 64))
    ]
    np.testing.assert_array_equal(*results)


def test_a_draw_is_one_launch_without_wait_or_allocation() -> None:
    noise = CupyBackend(strict_cupy).noise(KEY)
    out = strict_cupy.zeros(100, "float32")
    for draw in (noise.uniform, noise.normal, lambda out: noise.dropout_mask(0.5, out)):
        strict_cupy.counts.reset()
        draw(out)
        assert strict_cupy.counts == strict_cupy.Counts(launches=1)


KERNELS = {
    "_uniform": "unsigned long long key, unsigned long long draw",
    "_normal": "unsigned long long key, unsigned long long draw",
    "_dropout_mask": "unsigned long long key, unsigned long long draw, unsigned threshold, T scale",
}


@pytest.fixture(scope="module", params=[np.float32, np.float64], ids=["float32", "float64"])
def compiled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The text of the three kernels as machine code, with the dtype they were compiled for."""
    kind = {np.float32: "float", np.float64: "double"}[request.param]
    noise = DeviceNoise(KEY, strict_cupy)
    source = [PHILOX, f"typedef {kind} T;"]
    for name, arguments in KERNELS.items():
        body = f"T out; {getattr(noise, name).operation} result[i] = out;"
        loop = f"for (long i = 0; i < n; ++i) {{ {body} }}"
        source.append(f'extern "C" void kernel{name}(long n, T* result, {arguments}) {{ {loop} }}')
    return compile_kernels("\n".join(source), tmp_path_factory.mktemp(kind)), request.param


def run_compiled(compiled: Any, name: str, draw: int, *more: Any) -> np.ndarray:
    library, dtype = compiled
    result = np.full(1000, np.nan, dtype)
    getattr(library, f"kernel{name}")(
        ctypes.c_long(result.size),
        ctypes.c_void_p(result.ctypes.data),
        ctypes.c_ulonglong(KEY),
        ctypes.c_ulonglong(draw),
        *more,
    )
    return result


@pytest.mark.parametrize("draw", [0, 1, 2**32 + 5, 2**64 - 1])
def test_compiled_uniform_text_equals_the_emulation(compiled: Any, draw: int) -> None:
    expected = (numbers(draw, 1000) >> 8) / 2**24
    np.testing.assert_array_equal(run_compiled(compiled, "_uniform", draw), expected)


def test_compiled_mask_text_equals_the_emulation(compiled: Any) -> None:
    scalar = {np.float32: ctypes.c_float, np.float64: ctypes.c_double}[compiled[1]]
    got = run_compiled(compiled, "_dropout_mask", 3, ctypes.c_uint(58982), scalar(1.25))
    kept = (numbers(3, 1000) >> 16) < 58982
    np.testing.assert_array_equal(got, np.where(kept, 1.25, 0))


def test_compiled_normal_text_equals_the_emulation(compiled: Any) -> None:
    tolerance = 100 * np.finfo(compiled[1]).eps
    np.testing.assert_allclose(
        run_compiled(compiled, "_normal", 3),
        box_muller(numbers(3, 2000)),
        rtol=tolerance,
        atol=tolerance,
    )
