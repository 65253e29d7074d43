"""Callbacks: what happens beside training."""

from lamella.training.callbacks.base import Callback
from lamella.training.callbacks.checkpoint import Checkpoint
from lamella.training.callbacks.history import History
from lamella.training.callbacks.logs import CSV, JSONLines
from lamella.training.callbacks.progress import Progress
from lamella.training.callbacks.stopping import EarlyStopping, TerminateOnNaN

__all__ = [
    "CSV",
    "Callback",
    "Checkpoint",
    "EarlyStopping",
    "History",
    "JSONLines",
    "Progress",
    "TerminateOnNaN",
]
