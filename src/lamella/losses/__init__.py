"""Losses: the functions that training minimises."""

from lamella.losses.base import Loss
from lamella.losses.classification import BinaryCrossEntropy, SoftmaxCrossEntropy
from lamella.losses.regression import MeanAbsoluteError, MeanSquaredError

__all__ = [
    "BinaryCrossEntropy",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "SoftmaxCrossEntropy",
]
