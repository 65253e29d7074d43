"""Optimizers: update rules, each written once as a formula for one number."""

from lamella.optimizers.adam import Adam, AdamW
from lamella.optimizers.base import Optimizer
from lamella.optimizers.sgd import SGD, Momentum

__all__ = ["SGD", "Adam", "AdamW", "Momentum", "Optimizer"]
