"""What all tests share: the three backends, and a few small things to train on."""

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend, CupyBackend, NumpyBackend, cupy_problem
from lamella.testing import strict_cupy


@pytest.fixture(params=["numpy", "strict", pytest.param("cupy", marks=pytest.mark.gpu)])
def backend(request: pytest.FixtureRequest) -> Backend:
    """numpy, the strict stand-in for cupy, and cupy itself where a GPU is."""
    if request.param == "numpy":
        return NumpyBackend()
    if request.param == "strict":
        strict_cupy.counts.reset()
        return CupyBackend(strict_cupy, "stand-in")
    if cupy_problem():
        pytest.skip(f"no GPU: {cupy_problem()}")
    return lm.get_backend("cupy")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture(scope="session")
def digits() -> tuple[lm.datasets.Samples, lm.datasets.Samples]:
    """MNIST, read once."""
    return lm.datasets.mnist()


def pytest_report_header() -> str:
    problem = cupy_problem()
    return f"GPU: {'none was used: ' + problem if problem else 'cupy works here'}"
