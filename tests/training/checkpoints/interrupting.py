"""Trainings that are interrupted after a number of batches."""

from typing import Any

import pytest

import lamella as lm
from lamella.backend import Backend
from tests.data import clouds


class Interruption(Exception):
    """Stand-in for the end of a process."""


class Interrupt(lm.Callback):
    """End training after a number of batches; -1 for never."""

    def __init__(self, after: int) -> None:
        self.left = after

    def on_batch_end(self, model: lm.Sequential, batch: int, log: Any) -> None:
        self.left -= 1
        if self.left == 0:
            raise Interruption


BATCHES = 9  # 135 samples to train on, in batches of 15
FIT: dict[str, Any] = {"epochs": 4, "batch_size": 15, "validation_split": 0.25, "verbose": False}


def made(backend: Backend | str = "numpy", **changes: Any) -> lm.Sequential:
    layers = [lm.Dense(8), lm.BatchNorm(), lm.ReLU(), lm.Dropout(0.4), lm.Dense(3)]
    options = {"seed": 1, **changes}
    rate = options.pop("lr", lm.CosineDecay(0.02, epochs=4))
    model = lm.Sequential(layers, backend=backend, **options)
    return model.compile(lm.SoftmaxCrossEntropy(), lm.Adam(rate), ["accuracy"])


def interrupted(model: lm.Sequential, after: int, checkpoint: Any, **changes: Any) -> None:
    options = {**FIT, **changes}
    callbacks = [*options.pop("callbacks", ()), Interrupt(after)]
    with pytest.raises(Interruption):
        model.fit(*clouds(180), **options, callbacks=callbacks, checkpoint=checkpoint)


def finished(model: lm.Sequential, checkpoint: Any = None, **changes: Any) -> lm.Sequential:
    options = {**FIT, **changes}
    callbacks = [*options.pop("callbacks", ()), Interrupt(-1)]
    model.fit(*clouds(180), **options, callbacks=callbacks, checkpoint=checkpoint)
    return model
