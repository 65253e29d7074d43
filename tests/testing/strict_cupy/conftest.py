"""A small array on the emulated device."""

import numpy as np
import pytest

from lamella.testing import strict_cupy as cp
from lamella.testing.strict_cupy import counts


@pytest.fixture
def x() -> cp.ndarray:
    """Six numbers on the device, with all counts at 0 after that."""
    array = cp.asarray(np.arange(6.0, dtype=np.float32).reshape(2, 3))
    counts.reset()
    return array
