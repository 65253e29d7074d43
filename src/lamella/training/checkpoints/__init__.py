"""Checkpoints of a training: resume it after an interruption and end with the same bits."""

from lamella.training.checkpoints.folder import CheckpointFolder, CheckpointWarning
from lamella.training.checkpoints.resume_folder import ResumeFolder

__all__ = ["CheckpointFolder", "CheckpointWarning", "ResumeFolder"]
