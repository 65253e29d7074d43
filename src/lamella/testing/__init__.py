"""Checks of users' own layers, losses and optimizers."""

from lamella.testing.layers import check_layer
from lamella.testing.losses import check_loss
from lamella.testing.optimizers import check_optimizer

__all__ = ["check_layer", "check_loss", "check_optimizer"]
