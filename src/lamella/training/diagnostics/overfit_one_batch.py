"""The oldest test of a network: can it learn one batch by heart?"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from lamella.network.batches import Data
from lamella.network.trainable import Trainable
from lamella.optimizers.schedules import Schedule, rate_at

LEARNED = 0.1  # of the loss of a constant answer
EPOCHS = np.linspace(0, 20, 81)  # where a schedule is asked for its largest rate


@dataclass
class Attempt:
    """An attempt to learn one batch by heart.

    Attributes
    ----------
    rate : float
        Learning rate, the same in all steps.
    guess : float
        Loss of the best answer that is the same for all samples.
    losses : list of float
        Before each step, on the batch.
    learned : bool
        Whether the loss came down to a tenth of ``guess`` (or of the first one, if larger).
    first_nan : str
        Where the first number that is not finite appeared, and in which step; empty if none did.
    """

    rate: float
    guess: float
    losses: list[float]
    learned: bool = False
    first_nan: str = ""

    @property
    def goal(self) -> float:
        """The loss at which the batch counts as learned."""
        return LEARNED * self.guess


def attempt(model: Trainable, data: Data, steps: int, factor: float = 1.0) -> Attempt:
    """Try to learn a batch by heart, on a copy, at ``factor`` times the model's learning rate."""
    with on_a_copy(model, factor) as patient:
        result = Attempt(patient.optimizer.learning_rate, constant_loss(patient, data), [])
        for step in range(1, steps + 1):
            where = _step(patient, data, result)
            if where:
                result.first_nan = f"{where}, in step {step}"
                break
            if result.losses[-1] <= result.goal and _score(patient, data) <= result.goal:
                result.learned = True
                break
    return result


def constant_loss(model: Trainable, data: Data) -> float:
    """Return the loss of answering the same for every sample, about as well as that goes."""
    xp, y = model.backend.xp, data.y
    pred = xp.zeros((len(y), *model.shapes[-1]), model.dtype)
    if y.shape == pred.shape:
        pred += y.mean(axis=0)
    return float(model.loss(pred, y, data.weight))


@contextmanager
def on_a_copy(model: Trainable, factor: float = 1.0) -> Iterator[Trainable]:
    """Lend a copy whose learning rate stays what it is at its largest, times ``factor``."""
    patient = copy.deepcopy(model)
    lr = patient.optimizer.lr
    epochs = EPOCHS if isinstance(lr, Schedule) else EPOCHS[:1]
    patient.optimizer.lr = factor * max(rate_at(lr, float(epoch)) for epoch in epochs)
    shapes = [parameter.shape for parameter in patient.built() if parameter.is_matrix]
    with np.errstate(all="ignore"), patient.backend.threads_for(32, shapes):
        yield patient


def _step(model: Trainable, data: Data, result: Attempt) -> str:
    """Do one step; return where the first number that is not finite appeared, if one did."""
    store, xp = model.built(), model.backend.xp
    loss = float(model.step(model.batches.scale(data.x), data.y, data.weight))
    result.losses.append(loss)
    for i, (layer, y) in enumerate(zip(model.layers, model.outputs, strict=True)):
        if not xp.isfinite(y).all():
            return f"the outputs of layer {i} {type(layer).__name__}"
    if not np.isfinite(loss):
        return f"the loss {type(model.loss).__name__}"
    if not xp.isfinite(store.grads).all():  # backward began at the end
        parts = [p.name for p in store if not xp.isfinite(p.grad).all()]
        return f"the gradient of {parts[-1]}"
    if not xp.isfinite(store.values).all():
        parts = [p.name for p in store if not xp.isfinite(p.value).all()]
        return f"the update of {parts[0]}"
    return ""


def _score(model: Trainable, data: Data) -> float:
    """Return the loss on the batch at evaluation: without dropout, with running means."""
    pred = model.forward(model.batches.scale(data.x), training=False)
    return float(model.loss(pred, data.y, data.weight))
