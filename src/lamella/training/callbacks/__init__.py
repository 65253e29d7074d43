"""Callbacks: hooks that `fit` calls during training."""

from lamella.training.callbacks.base import Callback
from lamella.training.callbacks.gradients import GradientNorms
from lamella.training.callbacks.history import History
from lamella.training.callbacks.lambda_callback import LambdaCallback
from lamella.training.callbacks.logs import CSV, JSONLines
from lamella.training.callbacks.model_checkpoint import ModelCheckpoint
from lamella.training.callbacks.plateau import ReduceLROnPlateau
from lamella.training.callbacks.progress import Progress
from lamella.training.callbacks.stopping import EarlyStopping, TerminateOnNaN
from lamella.training.callbacks.tensorboard import TensorBoard
from lamella.training.callbacks.weight_average import WeightAverage

__all__ = [
    "CSV", "Callback", "EarlyStopping", "GradientNorms", "History", "JSONLines", "LambdaCallback",
    "ModelCheckpoint", "Progress", "ReduceLROnPlateau", "TensorBoard", "TerminateOnNaN",
    "WeightAverage",
]  # fmt: skip
