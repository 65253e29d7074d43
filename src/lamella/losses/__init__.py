"""Losses: the functions that training minimises."""

from lamella.losses.base import Loss
from lamella.losses.binary import BinaryCrossEntropy, SigmoidCrossEntropy
from lamella.losses.classification import SoftmaxCrossEntropy
from lamella.losses.regression import MeanAbsoluteError, MeanSquaredError

__all__ = [
    "BinaryCrossEntropy",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "SigmoidCrossEntropy",
    "SoftmaxCrossEntropy",
]
