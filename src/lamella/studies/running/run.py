"""One run: one arm of a study, trained with one seed."""

import math
import os
import socket
import time
import traceback
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

from lamella.backend.threads import single_threaded
from lamella.core.disk import finite_or_none
from lamella.core.seeds import Streams
from lamella.datasets import Samples
from lamella.models.sequential import Sequential
from lamella.network.trainable import Trainable
from lamella.studies.definition.experiment import Experiment
from lamella.studies.running.data import received
from lamella.training.callbacks import Callback
from lamella.training.environment import environment
from lamella.training.splits import split_rows


@dataclass(frozen=True)
class Task:
    """What is to be run: an arm and a seed, and the key of all that decides the numbers."""

    study: str
    arm: str
    seed: int
    key: str
    config: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, eq=False)
class Run:
    """What one arm gave with one seed.

    Attributes
    ----------
    study, arm : str
    seed : int
    key : str
        16 hexadecimal digits, of everything that decides the numbers.
    config : dict
        That everything, as JSON holds it: experiment, seed, checksums of the data, version.
    status : {"done", "diverged", "failed"}
        "diverged": the loss was no longer finite, and training ended after that epoch. "failed":
        there was an error, and there are no numbers.
    reason : str
        Why it is not done; empty if it is.
    epochs : list of dict
        One an epoch: epoch (from 1), loss, accuracy, val_loss, val_accuracy, learning_rate and,
        where there is one, penalty. Without a validation set its scores are not there.
    steps_per_epoch : int
    step_losses : float32 array
        Training loss of every batch, in order.
    scores : dict
        After the last epoch: loss and accuracy on the part trained on ("train_"), on the part
        held out ("val_") and on the test set ("test_"); best_val_accuracy, best_epoch (from 1)
        and best_test_accuracy, the test score of that epoch's weights.
    predictions : uint8 array (N_test,)
        The class predicted for each test sample after the last epoch.
    confidence : float32 array (N_test,)
        The probability given to it.
    seconds : float
        Training took. Not decided by the configuration, and kept apart from all else.
    """

    study: str
    arm: str
    seed: int
    key: str
    config: dict[str, Any]
    status: str
    reason: str
    epochs: list[dict[str, float]]
    steps_per_epoch: int
    step_losses: np.ndarray
    scores: dict[str, float]
    predictions: np.ndarray
    confidence: np.ndarray
    seconds: float

    @property
    def done(self) -> bool:
        """Whether it was trained to its end, and every loss was a number."""
        return self.status == "done"


def train_run(
    task: Task, experiment: Experiment, *arrays: np.ndarray | None
) -> tuple[Run, dict[str, Any]]:
    """Train and measure; what goes wrong is part of the result.

    Parameters
    ----------
    task : Task
    experiment : Experiment
        Of the task's arm.
    arrays
        As `StudyData.to_send` gives them.

    Returns
    -------
    run : Run
    log : dict
        When and where it ran, on what, and for how long.
    """
    log: dict[str, Any] = {
        "study": task.study,
        "arm": task.arm,
        "seed": task.seed,
        "began": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": socket.gethostname(),
        "process": os.getpid(),
    }
    # What overflows on the way shows in the losses.
    with single_threaded(), np.errstate(all="ignore"):
        try:
            model = experiment.compiled(task.seed)
            log |= environment(model.backend)
            run = _trained(task, experiment, model, *received(arrays))
        except Exception as error:
            log["traceback"] = traceback.format_exc()
            run = _failed(task, f"{type(error).__name__}: {error}")
    return run, {**log, "seconds": finite_or_none(run.seconds)}


def _trained(
    task: Task, experiment: Experiment, model: Sequential, train: Samples, test: Samples
) -> Run:
    parts = {**training_parts(experiment, model.streams, train), "test": test}
    watch = Watch()
    began = time.perf_counter()
    model.fit(
        *parts["train"],
        epochs=experiment.epochs,
        batch_size=experiment.batch_size,
        shuffle=experiment.shuffle,
        validation_data=parts.get("val"),
        callbacks=[watch],
        verbose=False,
    )
    seconds = time.perf_counter() - began

    scores = {
        f"{part}_{name}": value
        for part, samples in parts.items()
        for name, value in model.evaluate(*samples).items()
    }
    predictions, confidence = _predictions(model, test.x)
    if watch.best_weights is not None:
        model.load_state_dict(watch.best_weights)
        scores["best_val_accuracy"] = watch.best_accuracy
        scores["best_epoch"] = watch.best_epoch
        scores["best_test_accuracy"] = model.evaluate(*test)["accuracy"]
    return Run(
        **_names(task),
        status="diverged" if watch.trouble else "done",
        reason=watch.trouble,
        epochs=[_numbers(row) for row in model.history.rows],
        steps_per_epoch=len(watch.losses[0]),
        step_losses=np.concatenate(watch.losses).astype(np.float32),
        scores=_numbers(scores),
        predictions=predictions,
        confidence=confidence,
        seconds=seconds,
    )


def training_parts(experiment: Experiment, streams: Streams, train: Samples) -> dict[str, Samples]:
    """Return what is trained on and, if anything is held out, what is validated on."""
    rows = np.arange(len(train.y))
    if experiment.samples is not None:
        order = streams.generator("samples").permutation(rows)
        rows = np.sort(order[: experiment.samples])
    share, stream = experiment.validation_split, streams.generator("split")
    kept, held_out = (rows[part] for part in split_rows(train.y[rows], share, stream))
    parts = {"train": Samples(train.x[kept], train.y[kept])}
    if len(held_out):
        parts["val"] = Samples(train.x[held_out], train.y[held_out])
    return parts


class Watch(Callback):
    """Keeps the losses of all batches and the weights of the best epoch; ends what diverges."""

    def __init__(self) -> None:
        self.losses: list[np.ndarray] = []
        self.best_accuracy, self.best_epoch = -math.inf, 0
        self.best_weights: dict[str, np.ndarray] | None = None
        self.trouble = ""

    def on_epoch_end(self, model: Trainable, epoch: int, logs: dict[str, Any]) -> None:
        self.losses.append(model.epoch_log.losses())
        wrong = np.flatnonzero(~np.isfinite(self.losses[-1]))
        if len(wrong):
            self.trouble = (
                f"the loss was not finite in epoch {epoch + 1}, from batch {wrong[0] + 1} on: a "
                "smaller learning rate, or clip_norm, may help"
            )
            model.stop(self.trouble)
        elif logs.get("val_accuracy", -math.inf) > self.best_accuracy:
            self.best_accuracy, self.best_epoch = logs["val_accuracy"], epoch + 1
            self.best_weights = model.state_dict()


def _failed(task: Task, reason: str) -> Run:
    return Run(
        **_names(task),
        status="failed",
        reason=reason,
        epochs=[],
        steps_per_epoch=0,
        step_losses=np.zeros(0, np.float32),
        scores={},
        predictions=np.zeros(0, np.uint8),
        confidence=np.zeros(0, np.float32),
        seconds=math.nan,
    )


def _names(task: Task) -> dict[str, Any]:
    return {name: getattr(task, name) for name in ("study", "arm", "seed", "key", "config")}


def _predictions(model: Sequential, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the class of each sample, and the probability given to it."""
    classes = model.predict_classes(x)
    chances = model.predict_proba(x)
    if chances.shape[1] == 1:
        chances = np.hstack([1 - chances, chances])
    code = np.min_scalar_type(chances.shape[1] - 1)
    return classes.astype(code), chances[np.arange(len(x)), classes].astype(np.float32)


def _numbers(values: dict[str, Any]) -> dict[str, float]:
    """Return what the configuration decides; infinities as NaN, as they come back from a file."""
    return {
        name: value if math.isfinite(value) else math.nan
        for name, value in values.items()
        if name != "seconds"
    }
