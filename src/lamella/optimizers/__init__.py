"""Optimizers: update rules, each written once as a formula for one number."""

from lamella.core.names import public_names
from lamella.optimizers.adagrad import AdaGrad, RMSProp
from lamella.optimizers.adam import Adam, AdamW, NAdam
from lamella.optimizers.base import Optimizer
from lamella.optimizers.lion import Lion
from lamella.optimizers.sgd import SGD, Momentum

__all__ = ["SGD", "AdaGrad", "Adam", "AdamW", "Lion", "Momentum", "NAdam", "Optimizer", "RMSProp"]

__getattr__, __dir__ = public_names(__name__, __all__)
