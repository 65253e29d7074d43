"""Run: one arm of a study, trained with one seed."""

import math
import os
import socket
import time
import traceback
import warnings
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

from lamella.backend.threads import single_threaded
from lamella.core.disk import finite_or_none
from lamella.core.errors import DivergenceWarning, UsageError
from lamella.core.names import expect_known
from lamella.datasets import Samples
from lamella.losses.labels import holds_classes
from lamella.losses.metrics import fitting_metrics
from lamella.models.loading import load
from lamella.models.sequential import Sequential
from lamella.network.batches import check_targets
from lamella.studies.definition.experiment import Experiment
from lamella.studies.running.data import unpack_arrays
from lamella.studies.running.fitting import (
    RunMonitor,
    class_weights,
    file_of,
    fit,
    training_parts,
    warm_up,
)
from lamella.training.environment import environment

YES = 0.5  # a target above it is a yes, as in the metric
SCORES = ("accuracy", "r2")  # the first that fits the targets is logged; of both, higher is better


@dataclass(frozen=True)
class Task:
    """A run to do: arm, seed, configuration and its key."""

    study: str
    arm: str
    seed: int
    key: str
    config: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, eq=False)
class Run:
    """Result of training one arm with one seed.

    Attributes
    ----------
    study, arm : str
    seed : int
    key : str
        Hash of ``config``, 16 hexadecimal digits.
    config : dict
        Everything that determines the numbers: experiment, seed, checksums of the data, and
        fingerprints of lamella's code; and the version of lamella, which is not in the key.
    status : {"done", "diverged", "failed"}
        "diverged": the loss became infinite or NaN, and training ended after that epoch.
        "failed": there was an error, and there are no numbers.
    reason : str
        Why the run is not done; empty if it is.
    epochs : list of dict
        One per epoch: epoch (from 1), loss, score, learning_rate, with a validation set val_loss
        and validation score, and with regularizers penalty. The score is accuracy for classes and
        yes-or-no answers, r2 for numbers.
    steps_per_epoch : int
    step_losses : float32 array
        Training loss of every batch, in order.
    scores : dict
        After the last epoch: loss and score on the training part ("train_"), on the validation
        part ("val_") and on the test set ("test_"), of numbers also mae; best_val_accuracy,
        best_epoch (from 1) and best_test_accuracy, the test accuracy with the weights of that epoch
        (or of r2).
    predictions : uint8 array (N_test,)
        Predicted class of each test sample after the last epoch; empty without classes.
    confidence : float32 array (N_test,)
        Probability of the predicted class; empty without classes.
    seconds : float
        Training time. The configuration does not determine it, so it is stored in the log.
    correct : bool array (N_test,)
        Whether the predicted class is the right one; empty without classes.
    models : dict of str to path
        Files of the trained models that were kept, by name: "best", "last", or "epoch-1" and so on.
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
    correct: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    models: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def done(self) -> bool:
        """Whether training completed with finite losses."""
        return self.status == "done"

    def model(self, name: str | None = None, *, custom_layers: Any = ()) -> Any:
        """Load a trained model that `Study.run` kept in a folder; see `lamella.load`.

        Parameters
        ----------
        name : str, optional
            One of ``models``; may be omitted if there is only one.
        custom_layers : classes and functions
            Those of the user that the model uses.

        Raises
        ------
        UsageError
            If no model was kept.
        ArgumentError
            If there is no such name.
        """
        if not self.models:
            raise UsageError(
                f"no model of the arm {self.arm!r} with seed {self.seed} was kept: call "
                'study.run(out=..., keep="best")'
            )
        if name is None and len(self.models) == 1:
            (name,) = self.models
        expect_known("the model", name, self.models)
        return load(self.models[str(name)], custom_layers=custom_layers)


def train_run(
    task: Task, experiment: Experiment, *arrays: np.ndarray | None, keep: str | None = None
) -> tuple[Run, dict[str, Any]]:
    """Train and evaluate one run; errors become part of its result.

    Parameters
    ----------
    task : Task
    experiment : Experiment
        The experiment of the task's arm.
    arrays
        `StudyData.worker_arrays`.
    keep : {"best", "last", "epochs"}, optional
        Which trained models ``run.models`` shall have, here as the contents of their files.

    Returns
    -------
    run : Run
    log : dict
        Time, host, environment and duration.
    """
    log: dict[str, Any] = {
        "study": task.study,
        "arm": task.arm,
        "seed": task.seed,
        "began": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": socket.gethostname(),
        "process": os.getpid(),
    }
    # Overflows show in the losses, and divergence in the status.
    with single_threaded(), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", DivergenceWarning)
        try:
            model = experiment.compiled(task.seed)
            log |= environment(model.backend)
            run = _train(task, experiment, model, *unpack_arrays(arrays), keep)
        except Exception as error:
            log["traceback"] = traceback.format_exc()
            run = _failed_run(task, f"{type(error).__name__}: {error}")
    return run, {**log, "seconds": finite_or_none(run.seconds)}


def _train(
    task: Task,
    experiment: Experiment,
    model: Sequential,
    train: Samples,
    test: Samples,
    validation: Samples | None,
    keep: str | None,
) -> Run:
    parts = {**training_parts(experiment, model.streams, train, validation), "test": test}
    target = _target(model, train)
    fitting = fitting_metrics(target, model.shapes[-1], model.loss)
    metric = next((name for name in SCORES if name in fitting), None)
    metrics = [metric] if metric else []
    warm_up(experiment, experiment.compiled(task.seed, metrics), parts)
    model = experiment.compiled(task.seed, metrics)
    monitor = RunMonitor(metric, keep)
    began = time.perf_counter()
    fit(
        experiment,
        model,
        parts,
        experiment.epochs,
        callbacks=[monitor, *experiment.new_callbacks()],
        class_weight=class_weights(experiment, task.config.get("data", {}).get("classes", [])),
    )
    seconds = time.perf_counter() - began

    if keep == "last" or (keep == "best" and not monitor.models):
        monitor.models = {keep: file_of(model)}
    if metric == "r2":  # the history needs one score; the mean absolute error costs a second
        others = [each for each in model.metrics if each.name != "mae"]
        model.compile(model.loss, model.optimizer, [*others, "mae"])
    scores = {
        f"{part}_{name}": value
        for part, samples in parts.items()
        for name, value in model.evaluate(*samples).items()
    }
    predictions, confidence = np.zeros(0, np.uint8), np.zeros(0, np.float32)
    correct = np.zeros(0, bool)
    answers = metric == "accuracy" and model.shapes[-1] == (1,) and target.min() >= 0
    if holds_classes(target) or answers:
        predictions, confidence = _predictions(model, test.x)
        correct = predictions == _classes(_target(model, test))
    if metric is not None and monitor.best_weights is not None:
        model.load_state_dict(monitor.best_weights)
        scores[f"best_val_{metric}"] = monitor.best
        scores["best_epoch"] = monitor.best_epoch
        scores[f"best_test_{metric}"] = model.evaluate(*test)[metric]
    return Run(
        **vars(task),
        status="diverged" if monitor.problem else "done",
        reason=monitor.problem,
        epochs=[_numbers(row) for row in model.history.rows],
        steps_per_epoch=len(monitor.losses[0]),
        step_losses=np.concatenate(monitor.losses).astype(np.float32),
        scores=_numbers(scores),
        predictions=predictions,
        confidence=confidence,
        seconds=seconds,
        correct=correct,
        models=monitor.models,
    )


def _target(model: Sequential, train: Samples) -> np.ndarray:
    """Build the model, and return all targets in the form of its loss."""
    model.inputs(train.x[:1])
    y = check_targets(train.y, len(train.x))
    return model.loss.check_targets(y, model.shapes[-1], model.dtype)


def _failed_run(task: Task, reason: str) -> Run:
    return Run(
        **vars(task),
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


def _predictions(model: Sequential, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the predicted class of each sample and its probability."""
    classes = model.predict_classes(x)
    proba = model.predict_proba(x)
    if proba.shape[1] == 1:
        proba = np.hstack([1 - proba, proba])
    dtype = np.min_scalar_type(proba.shape[1] - 1)
    return classes.astype(dtype), proba[np.arange(len(x)), classes].astype(np.float32)


def _classes(target: np.ndarray) -> np.ndarray:
    """Return the class of each target: a label, the most probable one, or a yes-or-no answer."""
    if target.ndim == 2 and target.shape[1] > 1:
        return np.asarray(target.argmax(axis=1))
    return target if target.dtype.kind in "iub" else target.reshape(-1) > YES


def _numbers(values: dict[str, Any]) -> dict[str, float]:
    """Return the numbers without times, and with NaN for infinities, as files represent them."""
    return {
        name: value if math.isfinite(value) else math.nan
        for name, value in values.items()
        if name != "seconds" and isinstance(value, int | float)
    }
