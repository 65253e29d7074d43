"""Overfit one batch: a network that cannot memorize a single batch is broken."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from lamella.losses import SigmoidCrossEntropy
from lamella.network.batches import Data
from lamella.network.trainable import Trainable
from lamella.optimizers.schedules import Schedule, rate_at

LEARNED = 0.1  # fraction of what the loss of a constant prediction is above the least one
EPOCHS = np.linspace(0, 20, 81)  # epochs at which the maximum of a schedule is searched


@dataclass
class Attempt:
    """An attempt to memorize one batch."""

    learning_rate: float  # the same in all steps
    baseline: float  # loss of a constant prediction
    least: float  # loss of the best predictions
    losses: list[float]  # of the batch before each step
    learned: bool = False  # whether the loss fell to the `goal`
    first_nan: str = ""  # place and step of the first non-finite number; empty if all were finite

    @property
    def goal(self) -> float:
        """Loss at which the batch counts as learned."""
        return self.least + LEARNED * (self.baseline - self.least)


def attempt(model: Trainable, data: Data, steps: int, factor: float = 1.0) -> Attempt:
    """Train a copy to memorize a batch, at ``factor`` times the model's learning rate."""
    with on_a_copy(model, factor) as trial:
        baseline, least = constant_loss(trial, data), least_loss(trial, data)
        least = least if least < baseline else 0.0
        result = Attempt(trial.optimizer.learning_rate, baseline, least, [])
        for step in range(1, steps + 1):
            where = _step(trial, data, result)
            if where:
                result.first_nan = f"{where}, in step {step}"
                break
            if result.losses[-1] <= result.goal and _evaluation_loss(trial, data) <= result.goal:
                result.learned = True
                break
    return result


def constant_loss(model: Trainable, data: Data) -> float:
    """Return the loss of a good constant prediction: the mean target, or zeros for labels.

    Where the loss takes logits, the mean is a probability p, and the prediction log(p / (1 - p)).
    """
    xp, y = model.backend.xp, data.y
    pred = xp.zeros((len(y), *model.shapes[-1]), model.dtype)
    if y.shape == pred.shape:
        mean = y.mean(axis=0)
        if model.loss.takes_logits:
            least = float(np.finfo(model.dtype).eps)
            mean = xp.log(xp.maximum(mean, least)) - xp.log(xp.maximum(1 - mean, least))
        pred += mean
    return float(model.loss(pred, y, data.weight))


def least_loss(model: Trainable, data: Data) -> float:
    """Return the loss of the best predictions: above 0 for soft targets, below it for counts."""
    xp, y, loss = model.backend.xp, data.y, model.loss
    classes, is_labels = model.shapes[-1][-1], y.ndim == 1 and y.dtype.kind == "i"
    if not is_labels and y.shape != (len(y), *model.shapes[-1]):
        return 0.0  # only the user's own loss knows
    best = xp.eye(classes)[y] if is_labels else y
    if loss.takes_logits:
        smoothing, eps = getattr(loss, "label_smoothing", 0.0), float(np.finfo(model.dtype).eps)
        answers = isinstance(loss, SigmoidCrossEntropy)
        p = (1 - smoothing) * best + smoothing / (2 if answers else classes)
        best = xp.log(xp.maximum(p, eps))
        best = best - xp.log(xp.maximum(1 - p, eps)) if answers else best
    return float(loss(xp.asarray(best, model.dtype), y, data.weight))


@contextmanager
def on_a_copy(model: Trainable, factor: float = 1.0) -> Iterator[Trainable]:
    """Yield a copy with a constant learning rate: the maximum of its schedule times ``factor``."""
    trial = copy.deepcopy(model)
    lr = trial.optimizer.lr
    epochs = EPOCHS if isinstance(lr, Schedule) else EPOCHS[:1]
    trial.optimizer.lr = factor * max(rate_at(lr, float(epoch)) for epoch in epochs)
    shapes = [parameter.shape for parameter in trial.built() if parameter.is_matrix]
    with np.errstate(all="ignore"), trial.backend.threads_for(32, shapes):
        yield trial


def _step(model: Trainable, data: Data, result: Attempt) -> str:
    """Do one step; return the place of the first non-finite number, or an empty string."""
    store, xp = model.built(), model.backend.xp
    loss = float(model.step(model.batches.scale(data.x), data.y, data.weight))
    result.losses.append(loss)
    for i, (layer, y) in enumerate(zip(model.layers, model.layer_outputs, strict=True)):
        if not xp.isfinite(y).all():
            return f"the outputs of layer {i} {type(layer).__name__}"
    if not np.isfinite(loss):
        return f"the loss {type(model.loss).__name__}"
    if not xp.isfinite(store.grads).all():  # backward computes the last layer first
        parts = [p.name for p in store if not xp.isfinite(p.grad).all()]
        return f"the gradient of {parts[-1]}"
    if not xp.isfinite(store.values).all():
        parts = [p.name for p in store if not xp.isfinite(p.value).all()]
        return f"the update of {parts[0]}"
    return ""


def _evaluation_loss(model: Trainable, data: Data) -> float:
    """Return the loss of the batch in evaluation mode: no dropout, running averages."""
    pred = model.forward(model.batches.scale(data.x), training=False)
    return float(model.loss(pred, data.y, data.weight))
