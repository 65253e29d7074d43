"""Fixtures of all tests: the three backends, random numbers and MNIST."""

import signal
from collections.abc import Generator

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend, CupyBackend, cupy_problem
from lamella.backend.cupy.graph_backend import GraphBackend
from lamella.backend.selection import host_backend
from lamella.testing import strict_cupy
from lamella.testing.strict_cupy.raw_kernels import CompilerMissingError

# A shell that starts the tests in the background has them ignore Ctrl-C, and so all they start.
signal.signal(signal.SIGINT, signal.default_int_handler)
LEFT_OUT = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    text = "run the tests on the strict cupy stand-in with lamella's own kernels, through g++"
    parser.addoption("--kernels", action="store_true", help=text)


@pytest.fixture(params=["numpy", "strict", pytest.param("cupy", marks=pytest.mark.gpu)])
def backend(request: pytest.FixtureRequest) -> Backend:
    """numpy, the strict stand-in for cupy, and cupy itself if there is a GPU."""
    if request.param == "numpy":
        return host_backend()
    if request.param == "strict":
        strict_cupy.counts.reset()
        kind = GraphBackend if request.config.getoption("kernels") else CupyBackend
        return kind(strict_cupy, "stand-in")
    return lm.get_backend("cupy")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture(scope="session")
def digits() -> tuple[lm.datasets.Samples, lm.datasets.Samples]:
    """MNIST, read once."""
    return lm.datasets.mnist()


def pytest_report_header() -> str:
    return f"GPU: {cupy_problem() or 'cupy works here'}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Skip the tests of kernels where none can run on the CPU."""
    try:
        return (yield)
    except CompilerMissingError as error:
        return pytest.skip(str(error))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that need a GPU if there is none, with one line instead of hundreds."""
    if not cupy_problem():
        return
    left_out = [item for item in items if item.get_closest_marker("gpu")]
    items[:] = [item for item in items if not item.get_closest_marker("gpu")]
    config.hook.pytest_deselected(items=left_out)
    config.stash[LEFT_OUT] = len(left_out)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if config.stash.get(LEFT_OUT, 0):
        count = config.stash[LEFT_OUT]
        terminalreporter.write_line(f"{count} tests on a GPU were left out: {cupy_problem()}")
