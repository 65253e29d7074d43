"""Checkpoints: a training that was interrupted goes on and ends with the same bits."""

from lamella.checkpoints.files import CheckpointFolder, CheckpointWarning
from lamella.checkpoints.keeper import Checkpoints, keep

__all__ = ["CheckpointFolder", "CheckpointWarning", "Checkpoints", "keep"]
