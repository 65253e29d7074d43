"""Measure one network: start all contestants, check that they agree, and time them in turn."""

import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import lamella as lm
from benchmarks.peers.machine import busy_share, processors
from benchmarks.peers.process import Left, Worker
from benchmarks.peers.tasks import Task
from benchmarks.peers.with_lamella import build, start_weights

IMAGES = 60_000
PAUSE = 0.2  # seconds after each turn, until spinning thread pools sleep
# In some dozens of steps Adam amplifies rounding differences to the third digit.
CHECK_STEPS, CHECK_SAMPLES = 16, 1000
TRIAL_STEPS = 64
LOSS_TOLERANCE, ACCURACY_TOLERANCE = 1e-3, 0.006
PREDICTIONS = (10_000, 1)


@contextlib.contextmanager
def mnist_folder(darkest: int = 0, images: int = IMAGES) -> Iterator[Path]:
    """Yield a temporary folder with MNIST's four arrays; start weights can be added to it.

    No byte of an image is less than ``darkest``: with 1 there are no zeros to skip. Of each part
    of MNIST the folder has the first ``images``.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, samples in zip(("", "test_"), lm.datasets.mnist(), strict=True):
            np.save(folder / f"{name}images.npy", np.maximum(samples.x[:images], np.uint8(darkest)))
            np.save(folder / f"{name}labels.npy", samples.y[:images])
        yield folder


def prepare(task: Task, model: lm.Sequential, folder: Path, threads: int) -> dict[str, Any]:
    """Write the start weights of ``model`` to ``folder`` and return the setup of the workers."""
    files = []
    for i, weights in enumerate(start_weights(model)):
        files.append(f"{task.name}-{task.optimizer}-{i}.npy")
        np.save(folder / files[-1], weights)
    return {
        "task": task.to_json(),
        "folder": str(folder),
        "weights": files,
        "data": ["images", "labels", "test_images", "test_labels"],
        "threads": threads,
        "processors": processors()[-threads:] if threads < len(processors()) else None,
        "device": "cpu",
        "environment": {"JAX_PLATFORMS": "cpu"},
    }


class Race:
    """The contestants of one task; one that fails is dropped, with its reason in ``left``.

    ``module`` is that of the workers, and ``changes`` are entries of the setup to override.
    """

    def __init__(
        self,
        task: Task,
        names: list[str],
        folder: Path,
        threads: int,
        module: str = "benchmarks.peers.worker",
        **changes: Any,
    ) -> None:
        self.task = task
        self.model = build(task)
        setup = prepare(task, self.model, folder, threads) | changes
        self.workers: dict[str, Worker] = {}
        self.left: dict[str, str] = {}
        for name in names:
            try:
                self.workers[name] = Worker(name, setup, module)
            except Left as reason:
                self.left[name] = str(reason)
        self.epoch = 0

    def turn(
        self, own: dict[str, dict[str, Any]] | None = None, **command: Any
    ) -> dict[str, dict[str, Any]]:
        """Send a command to all contestants in turn and return their answers.

        The entry of a contestant in ``own`` overrides parts of the command for that one.
        """
        answers = {}
        for name, worker in list(self.workers.items()):
            try:
                answers[name] = worker.ask(**{**command, **(own or {}).get(name, {})})
            except Left as reason:
                self.left[name] = str(reason)
                del self.workers[name]
            time.sleep(PAUSE)
        return answers

    def train(
        self, samples: int, *, all_steps: bool = False, warm: bool = False
    ) -> dict[str, dict[str, Any]]:
        """Train all contestants for an epoch on the first ``samples`` images.

        With ``warm`` each first trains the same untimed: caches and the system evict the memory of
        a process while the others have their turns, and the first access to a page of the images
        would be slower. A very slow contestant trains only on the images of its few steps, unless
        ``all_steps``. Answers get the key ``step_seconds``: the time divided by the steps.
        """
        taken = {
            name: samples if all_steps else min(samples, few * self.task.batch)
            for name, worker in self.workers.items()
            if (few := worker.about["few_steps"])
        }
        own = {name: {"samples": number, "warm_up": None} for name, number in taken.items()}
        warm_up = None
        if warm:
            warm_up = {"samples": samples, **self._next()}
        answers = self.turn(own, do="train", warm_up=warm_up, samples=samples, **self._next())
        for name, answer in answers.items():
            answer["step_seconds"] = answer["seconds"] / self.task.steps(taken.get(name, samples))
        return answers

    def _next(self) -> dict[str, int]:
        """Return number and key of the next epoch."""
        epoch = self.epoch
        self.epoch += 1
        return {"epoch": epoch, "key": self.model.streams.key("shuffle", epoch)}

    def close(self) -> None:
        for worker in self.workers.values():
            worker.close()


def measure(
    task: Task,
    names: list[str],
    folder: Path,
    *,
    threads: int,
    rounds: int,
    seconds: float,
    samples: int | None = None,
    **race_options: Any,
) -> dict[str, Any]:
    """Return all measurements of a task as JSON data.

    Parameters
    ----------
    task : Task
    names : list of str
        The contestants; the first that runs is the baseline.
    folder : Path
        Folder with the data.
    threads, rounds : int
    seconds : float
        Duration of a round of the first contestant; determines the number of images.
    samples : int, optional
        Number of images of a round.
    **race_options
        As for `Race`: module of the workers, changes of their setup.
    """
    race = Race(task, names, folder, threads, **race_options)
    if not race.workers:
        raise SystemExit(f"no contestant can run: {race.left}")
    try:
        losses = check(race)
        samples = samples or fitting_samples(race, seconds)
        race.train(samples)  # lets compilers specialize on the length, and moments settle
        busy = busy_share()
        trained = [race.train(samples, warm=True) for _ in range(rounds)]
        accuracy = accuracies(race, np.load(folder / "test_labels.npy"))
        predicted = {n: predictions(race, n, rounds, seconds) for n in PREDICTIONS}
        contestants = {
            name: {
                **worker.about,
                "step_seconds": [answers[name]["step_seconds"] for answers in trained],
                "predict_seconds": {str(n): predicted[n][name] for n in PREDICTIONS},
                "peak_bytes": trained[-1][name]["peak_bytes"],
                "pools_at_work": trained[-1][name]["pools"],
                "parts": [answers[name]["parts"] for answers in trained],
                "remark": trained[-1][name]["remark"],
            }
            for name, worker in race.workers.items()
        }
    finally:
        race.close()
    return {
        "task": task.to_json(),
        "name": task.name,
        "threads": threads,
        "samples": samples,
        "steps": task.steps(samples),
        "busy_share_before": busy,
        "losses_after_16_steps": losses,
        "accuracy": accuracy,
        "differences": differences(race, losses, accuracy),
        "left_out": race.left,
        "contestants": contestants,
    }


def check(race: Race) -> dict[str, float]:
    """Train all contestants for the same few steps; return the losses on a fixed batch."""
    race.train(CHECK_STEPS * race.task.batch, all_steps=True)
    answers = race.turn(do="loss", samples=CHECK_SAMPLES)
    return {name: answer["loss"] for name, answer in answers.items() if name != "floor"}


def fitting_samples(race: Race, seconds: float) -> int:
    """Return the number of images on which the first contestant trains for ``seconds``."""
    first = next(iter(race.train(min(TRIAL_STEPS * race.task.batch, IMAGES)).values()))[
        "step_seconds"
    ]
    steps = max(round(seconds / first), 1)
    # A whole epoch if it takes less than twice the time: it includes all costs of a user.
    whole = first * race.task.steps(IMAGES) <= 2 * seconds
    return IMAGES if whole else min(steps * race.task.batch, IMAGES)


def accuracies(race: Race, labels: np.ndarray) -> dict[str, float]:
    """Return the test accuracy of the contestants that trained on all images."""
    answers = race.turn(do="classes", samples=len(labels))
    return {
        name: float((np.array(answer["classes"]) == labels).mean())
        for name, answer in answers.items()
        if name != "floor" and not race.workers[name].about["few_steps"]
    }


def predictions(race: Race, samples: int, rounds: int, seconds: float) -> dict[str, list[float]]:
    """Return each contestant's seconds for predicting ``samples`` images, in each round."""
    race.turn(do="predict", samples=samples, repeat=2)
    once = race.turn(do="predict", samples=samples, repeat=10)
    repeat = {
        name: {"repeat": max(1, min(round(0.3 * seconds / answer["seconds"]), 10_000))}
        for name, answer in once.items()
    }
    answers = [race.turn(repeat, do="predict", samples=samples) for _ in range(rounds)]
    return {name: [answer[name]["seconds"] for answer in answers] for name in race.workers}


def differences(race: Race, losses: dict[str, float], accuracy: dict[str, float]) -> list[str]:
    """Return sentences on results that differ from those of the first contestant."""
    found = []
    base = next(iter(losses))
    for name, loss in losses.items():
        worker = race.workers.get(name)
        # Dropout masks differ between contestants, so losses differ by more than rounding.
        own = race.task.regularized or worker is None or worker.about["own_order"]
        if not own and not abs(loss - losses[base]) <= LOSS_TOLERANCE:
            found.append(
                f"{name}: loss {loss:.5f} after {CHECK_STEPS} steps, {base} {losses[base]:.5f}"
            )
    for name, value in accuracy.items():
        if not abs(value - accuracy[base]) <= ACCURACY_TOLERANCE:
            found.append(f"{name}: accuracy {value:.4f}, {base} {accuracy[base]:.4f}")
    return found
