"""Runs tasks on arrays that lie between guards, and compares them with numpy."""

from typing import Any

import numpy as np

from lamella.backend import CupyBackend
from lamella.backend.cupy.kernels import Kernels
from lamella.backend.cupy.task import THREADS, Function, Task
from lamella.testing import strict_cupy

GUARD = {"f": np.nan, "i": 77, "u": 77}


class Bench:
    """Tasks of one dtype on one device.

    Parameters
    ----------
    backend : CupyBackend
    dtype : dtype
    guards : int
        Numbers before and after each array, which no task may write, or read and use. NaN among
        them spoils results. With 0 a sanitizer sees the ends of arrays.
    """

    def __init__(self, backend: CupyBackend, dtype: Any, guards: int = 64) -> None:
        self.backend, self.dtype, self.guards = backend, np.dtype(dtype), guards
        self.kernels = Kernels(backend.xp, dtype)
        self.exact = backend.xp is strict_cupy  # a GPU rounds a product and a sum together
        self.rng = np.random.default_rng(3)
        self._guarded: list[tuple[Any, np.ndarray]] = []

    def normal(self, *shape: int) -> np.ndarray:
        return self.rng.standard_normal(shape).astype(self.dtype)

    def array(self, host: np.ndarray) -> Any:
        """Return a device array with these values, between guards."""
        padded = np.pad(host.ravel(), self.guards, constant_values=GUARD[host.dtype.kind])
        whole = self.backend.asarray(padded)
        self._guarded.append((whole, padded))
        return whole[self.guards : self.guards + host.size].reshape(host.shape)

    def out(self, *shape: int, dtype: Any = None) -> Any:
        """Return a device array of values that a task must overwrite."""
        dtype = np.dtype(dtype or self.dtype)
        return self.array(np.full(shape, GUARD[dtype.kind], dtype))

    def launch(self, name: str, count: int, *values: Any) -> None:
        self.kernels.launch(Task(Function(name), self.dtype, -(-count // THREADS), values, []))
        if not self.guards:
            return
        for whole, before in self._guarded:
            after = self.backend.to_host(whole)
            for side in (slice(None, self.guards), slice(-self.guards, None)):
                np.testing.assert_array_equal(after[side], before[side], f"{name}: out of bounds")

    def expect(self, got: Any, expected: np.ndarray, what: str, rounding: float = 0) -> None:
        """Expect these bits on the stand-in, or values within ``rounding`` epsilons."""
        got = self.backend.to_host(got)
        if self.exact and not rounding:
            assert got.dtype == expected.dtype, what
            np.testing.assert_array_equal(got, expected, what)
        else:
            tolerance = (rounding or 64) * np.finfo(self.dtype).eps
            np.testing.assert_allclose(got, expected, tolerance, 8 * tolerance, err_msg=what)
