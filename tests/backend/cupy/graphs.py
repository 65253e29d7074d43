"""The devices on which steps are captured here, and trainings on them in several ways."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.backend.cupy import graphs
from lamella.backend.cupy.graph_backend import GraphBackend
from lamella.testing import strict_cupy

EPOCHS, BATCH = 4, 9  # of 40 samples: 4 whole batches in an epoch, and a rest of 4 samples
WAYS = ("joined", "single", "eager")


def graph_backend(device: str = "strict") -> GraphBackend:
    """Return the backend of kernels and graphs, on the stand-in or on the GPU."""
    if device == "strict":
        strict_cupy.counts.reset()
        return GraphBackend(strict_cupy, "stand-in")
    return GraphBackend.open()


@contextmanager
def launched(way: str) -> Iterator[None]:
    """Launch steps as joined graphs, as graphs with a node for each task, or task by task."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAMELLA_CAPTURE", "0" if way == "eager" else "1")
        if way == "single":
            patch.setattr(graphs, "join", list)
        yield


def numbers_of(model: lm.Sequential) -> dict[str, np.ndarray]:
    """Return all that a training has made of a model."""
    found: dict[str, Any] = {f"weights {k}": v for k, v in model.state_dict().items()}
    found |= {f"slots {k}": v for k, v in model.optimizer.state_dict().items()}
    found["draws"] = np.array([layer.rng.draws for layer in model.layers])
    found["steps"] = np.array(model.history.steps)
    for name in model.history.rows[0]:
        if name != "seconds":
            found[f"epochs {name}"] = np.array([row[name] for row in model.history.rows])
    return found


def assert_same(some: dict[str, np.ndarray], others: dict[str, np.ndarray]) -> None:
    assert some.keys() == others.keys()
    for name, array in some.items():
        np.testing.assert_array_equal(array, others[name], name)


def obstacles(backend: Backend) -> str:
    """Return why work is launched task by task, as users see it."""
    text = repr(backend).removesuffix(")")
    return text.partition("; ")[2]
