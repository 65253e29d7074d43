"""Callbacks: what happens beside training."""

from lamella.callbacks.base import Callback
from lamella.callbacks.checkpoint import Checkpoint
from lamella.callbacks.history import History
from lamella.callbacks.logs import CSV, JSONLines
from lamella.callbacks.progress import Progress
from lamella.callbacks.stopping import EarlyStopping, TerminateOnNaN

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
