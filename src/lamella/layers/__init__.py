"""Layers: the mathematics of one step of a network, forward and backward."""

from lamella.core.names import public_names
from lamella.layers.activations import (
    ELU,
    GELU,
    Activation,
    LeakyReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Softplus,
    Tanh,
)
from lamella.layers.base import Layer
from lamella.layers.batchnorm import BatchNorm
from lamella.layers.dense import Dense
from lamella.layers.dropout import Dropout
from lamella.layers.layernorm import LayerNorm
from lamella.layers.shape import Flatten
from lamella.layers.softmax import Softmax

__all__ = [
    "ELU", "GELU", "Activation", "BatchNorm", "Dense", "Dropout", "Flatten", "Layer", "LayerNorm",
    "LeakyReLU", "ReLU", "SiLU", "Sigmoid", "Softmax", "Softplus", "Tanh",
]  # fmt: skip

__getattr__, __dir__ = public_names(__name__, __all__)
