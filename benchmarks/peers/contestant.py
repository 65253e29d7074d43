"""Interface of all contestants; each file ``with_*.py`` implements one."""

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info

from benchmarks.peers.tasks import Task


@dataclass
class Material:
    """Data and start weights, the same for all contestants.

    Attributes
    ----------
    weights : list of ndarray
        Start weights (in, out) of each dense layer; biases start at 0.
    images, labels, test_images, test_labels : ndarray
        MNIST: uint8 (N, 28, 28) and int64 (N,).
    threads : int
    device : {"cpu", "gpu"}
    """

    task: Task
    weights: list[np.ndarray]
    images: np.ndarray
    labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    threads: int
    device: str = "cpu"


def order(key: int, samples: int) -> np.ndarray:
    """Return the order of an epoch; every contestant draws it in the same way and timed."""
    return np.random.Generator(np.random.Philox(key=key)).permutation(np.arange(samples))


def pools() -> list[dict[str, Any]]:
    """Return the thread pools of the loaded libraries, with their present settings."""
    keys = ("user_api", "internal_api", "version", "num_threads", "architecture")
    return [{key: pool[key] for key in keys if key in pool} for pool in threadpool_info()]


def as_rows(images: np.ndarray) -> np.ndarray:
    """Return images as float32 rows in [0, 1], as the peers' users keep them."""
    rows = images.reshape(len(images), -1).astype(np.float32)
    rows /= 255
    return rows


class Contestant(ABC):
    """One way to train a network and predict; a subclass implements the abstract methods."""

    own_order = False  # whether it always shuffles in its own order
    few_steps: int | None = None  # number of steps in a round, if a step takes very long
    pools_at_work: Sequence[Mapping[str, Any]] = ()  # thread pools within a step
    parts: Mapping[str, float] = MappingProxyType({})  # components of the last round's time

    @property
    def remark(self) -> str:
        """Clause for the notes under the table, known after training."""
        return ""

    @abstractmethod
    def train(self, samples: int, epoch: int, key: int) -> None:
        """Train one epoch on the first ``samples`` images, in the order given by ``key``."""

    @abstractmethod
    def loss(self, samples: int) -> float:
        """Return the mean cross-entropy of the first ``samples`` test images."""

    @abstractmethod
    def predict(self, samples: int) -> np.ndarray:
        """Return the classes of the first ``samples`` test images."""

    def time_train(self, samples: int, epoch: int, key: int) -> float:
        """Return the seconds that `train` takes."""
        began = time.perf_counter()
        self.train(samples, epoch, key)
        return time.perf_counter() - began

    def time_predict(self, samples: int, repeat: int) -> float:
        """Return the mean seconds of ``repeat`` calls of `predict`."""
        began = time.perf_counter()
        for _ in range(repeat):
            self.predict(samples)
        return (time.perf_counter() - began) / repeat
