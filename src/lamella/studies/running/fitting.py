"""Training of a run: its part of the data, the warm-up, and losses and weights on the way."""

import math
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from lamella.core.names import expect_known
from lamella.core.seeds import Streams
from lamella.datasets import Samples
from lamella.models.sequential import Sequential
from lamella.network.trainable import Trainable
from lamella.studies.definition.experiment import Experiment
from lamella.training.callbacks import Callback
from lamella.training.splits import split_rows


def training_parts(
    experiment: Experiment, streams: Streams, train: Samples, validation: Samples | None = None
) -> dict[str, Samples]:
    """Return the training part and, unless the split is 0, the validation part of the data."""
    rows = np.arange(len(train.y))
    if experiment.samples is not None:
        order = streams.generator("samples").permutation(rows)
        rows = np.sort(order[: experiment.samples])
    if validation is not None:
        return {"train": Samples(train.x[rows], train.y[rows]), "val": validation}
    fraction = experiment.validation_split
    fitted, held_out = (rows[part] for part in split_rows(train.y[rows], fraction, streams))
    parts = {"train": Samples(train.x[fitted], train.y[fitted])}
    if len(held_out):
        parts["val"] = Samples(train.x[held_out], train.y[held_out])
    return parts


def fit(
    experiment: Experiment,
    model: Sequential,
    parts: dict[str, Samples],
    epochs: int,
    **options: Any,
) -> None:
    """Train a model with the settings of an experiment."""
    model.fit(
        *parts["train"],
        epochs=epochs,
        batch_size=experiment.batch_size,
        shuffle=experiment.shuffle,
        augment=experiment.new_augment(),
        validation_data=parts.get("val"),
        verbose=False,
        **options,
    )


def warm_up(experiment: Experiment, copy: Sequential, parts: dict[str, Samples]) -> None:
    """Train a copy on two batches, so that nothing is compiled while the training is timed.

    The last batch of an epoch has another size. A step is captured when its batch comes for the
    second time, and replayed from the third time on.
    """
    train, size = parts["train"], experiment.batch_size
    count = min(size + len(train.y) % size, len(train.y))
    rows = np.linspace(0, len(train.y) - 1, count).astype(int)  # they may be sorted by class
    some = {**parts, "train": Samples(train.x[rows], train.y[rows])}
    weight = None if experiment.class_weight is None else np.ones(count)
    fit(experiment, copy, some, epochs=3, sample_weight=weight, check=False)
    copy.optimizer.flush_tiny()


def class_weights(experiment: Experiment, classes: Sequence[str] = ()) -> Any:
    """Return class weights by number: labels are text in files, or have names in the data."""
    weight = experiment.class_weight
    if not isinstance(weight, dict):
        return weight
    for label in weight if classes else ():
        expect_known("the label in class_weight", label, classes)
    return {classes.index(k) if classes else int(k): v for k, v in weight.items()}


class RunMonitor(Callback):
    """Collect batch losses and the weights of the best epoch; stop training that diverges.

    ``metric`` is the name of a metric of which higher is better, or None.
    """

    def __init__(self, metric: str | None, keep: str | None = None) -> None:
        self.keep, self.models = keep, dict[str, bytes]()
        self.losses: list[np.ndarray] = []
        self.column = f"val_{metric}"
        self.best, self.best_epoch = -math.inf, 0
        self.best_weights: dict[str, np.ndarray] | None = None
        self.problem = ""

    def on_epoch_end(self, model: Trainable, epoch: int, logs: dict[str, Any]) -> None:
        self.losses.append(model.epoch_log.losses())
        wrong = np.flatnonzero(~np.isfinite(self.losses[-1]))
        if len(wrong):
            self.problem = (
                f"the loss was not finite in epoch {epoch + 1}, from batch {wrong[0] + 1} on: a "
                "smaller learning rate, or clip_norm, may help"
            )
            model.stop(self.problem)
        elif logs.get(self.column, -math.inf) > self.best:
            self.best, self.best_epoch = logs[self.column], epoch + 1
            self.best_weights = model.state_dict()
            if self.keep == "best":
                self.models["best"] = file_of(model)
        if self.keep == "epochs":
            self.models[f"epoch-{epoch + 1}"] = file_of(model)


def file_of(model: Any) -> bytes:
    """Return the contents of the file that `save` writes."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        model.save(path)
        return path.read_bytes()
