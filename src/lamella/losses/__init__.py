"""Losses: the functions that training minimises."""

from lamella.core.names import public_names
from lamella.losses.base import Loss
from lamella.losses.binary import BinaryCrossEntropy, SigmoidCrossEntropy
from lamella.losses.classification import SoftmaxCrossEntropy
from lamella.losses.hinge import Hinge
from lamella.losses.regression import Huber, MeanAbsoluteError, MeanSquaredError, Poisson

__all__ = [
    "BinaryCrossEntropy", "Hinge", "Huber", "Loss", "MeanAbsoluteError", "MeanSquaredError",
    "Poisson", "SigmoidCrossEntropy", "SoftmaxCrossEntropy",
]  # fmt: skip

__getattr__, __dir__ = public_names(__name__, __all__)
