"""Layers: the mathematics of one step of a network, forward and backward."""

from lamella.layers.activations import Activation, LeakyReLU, ReLU, Sigmoid, Tanh
from lamella.layers.base import Layer
from lamella.layers.batchnorm import BatchNorm
from lamella.layers.dense import Dense
from lamella.layers.dropout import Dropout
from lamella.layers.shape import Flatten
from lamella.layers.softmax import Softmax

__all__ = [
    "Activation",
    "BatchNorm",
    "Dense",
    "Dropout",
    "Flatten",
    "Layer",
    "LeakyReLU",
    "ReLU",
    "Sigmoid",
    "Softmax",
    "Tanh",
]
