"""Checkpoints: a training that was interrupted goes on and ends with the same bits."""

from lamella.training.checkpoints.checkpoints import Checkpoints, keep
from lamella.training.checkpoints.folder import CheckpointFolder, CheckpointWarning

__all__ = ["CheckpointFolder", "CheckpointWarning", "Checkpoints", "keep"]
