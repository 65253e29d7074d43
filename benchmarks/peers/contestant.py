"""What every contestant can do; each file ``with_*.py`` holds one way of doing it."""

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
    """What a contestant is given, the same for all of them.

    Attributes
    ----------
    weights : list of ndarray
        Where training starts: (in, out) for each dense layer; biases start at 0.
    images, labels, test_images, test_labels : ndarray
        MNIST: uint8 (N, 28, 28) and int64 (N,).
    threads : int
    """

    task: Task
    weights: list[np.ndarray]
    images: np.ndarray
    labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    threads: int


def order(key: int, samples: int) -> np.ndarray:
    """Return the order of an epoch: every contestant draws it alike, and pays for it alike."""
    return np.random.Generator(np.random.Philox(key=key)).permutation(np.arange(samples))


def pools() -> list[dict[str, Any]]:
    """Return the thread pools of the libraries that are loaded, as they are now."""
    keys = ("user_api", "internal_api", "version", "num_threads", "architecture")
    return [{key: pool[key] for key in keys if key in pool} for pool in threadpool_info()]


def as_rows(images: np.ndarray) -> np.ndarray:
    """Return images as float32 rows in [0, 1], as the peers' users keep them."""
    rows = images.reshape(len(images), -1).astype(np.float32)
    rows /= 255
    return rows


class Contestant(ABC):
    """Trains one network and predicts with it. A subclass writes the four methods below."""

    own_order = False  # whether it shuffles by itself and cannot be told how
    few_steps: int | None = None  # how many make a round, where a step takes very long
    pools_at_work: Sequence[Mapping[str, Any]] = ()  # thread pools as they were within a step
    parts: Mapping[str, float] = MappingProxyType({})  # what the last round's time is made of

    @abstractmethod
    def train(self, samples: int, epoch: int, key: int) -> None:
        """Train one epoch on the first ``samples`` images, in the order that belongs to ``key``."""

    @abstractmethod
    def loss(self, samples: int) -> float:
        """Return the mean cross-entropy of the first ``samples`` test images."""

    @abstractmethod
    def predict(self, samples: int) -> np.ndarray:
        """Return the classes of the first ``samples`` test images."""

    def time_train(self, samples: int, epoch: int, key: int) -> float:
        """Return how many seconds `train` takes."""
        began = time.perf_counter()
        self.train(samples, epoch, key)
        return time.perf_counter() - began

    def time_predict(self, samples: int, repeat: int) -> float:
        """Return how many seconds one of ``repeat`` calls of `predict` takes."""
        began = time.perf_counter()
        for _ in range(repeat):
            self.predict(samples)
        return (time.perf_counter() - began) / repeat
