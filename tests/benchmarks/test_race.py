"""Contestants of the benchmark in separate processes: steps, accuracy and memory."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks import memory
from benchmarks.peers.measure import Race, accuracies, check, mnist_folder, prepare
from benchmarks.peers.tasks import Task
from benchmarks.peers.with_lamella import build

pytestmark = pytest.mark.slow

TASK = Task((784, 16, 10), 32)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with mnist_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def race(folder: Path) -> Iterator[Race]:
    race = Race(TASK, ["plain numpy", "the report's way"], folder, 1)
    yield race
    race.close()


def test_every_contestant_does_all_steps_of_the_check(race: Race) -> None:
    losses = check(race)
    assert losses["the report's way"] == pytest.approx(losses["plain numpy"], rel=1e-4)


def test_a_slow_contestant_does_few_steps_of_a_round(race: Race) -> None:
    answers = race.train(TASK.batch * 10)
    steps = {name: one["seconds"] / one["step_seconds"] for name, one in answers.items()}
    assert steps == pytest.approx({"plain numpy": 10, "the report's way": 4})


def test_accuracy_is_reported_only_after_all_steps(race: Race, folder: Path) -> None:
    labels = np.load(folder / "test_labels.npy")
    assert list(accuracies(race, labels)) == ["plain numpy"]


def test_memory_counts_the_images_that_peers_keep(folder: Path) -> None:
    model = build(TASK)
    setup = prepare(TASK, model, folder, 1)
    peaks = memory.measure("plain numpy", setup, 320, model.streams.key("shuffle", 0))
    float_images = 4 * 784 * 70_000
    assert peaks["loaded"] - peaks["imported"] > float_images
    assert peaks["trained"] >= peaks["loaded"]
