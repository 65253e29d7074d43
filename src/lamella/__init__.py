"""lamella: small networks on numpy and cupy, for comparing choices honestly.

import lamella as lm

train, test = lm.datasets.mnist()
model = lm.MLP([256, 30], seed=2023).fit(train.x, train.y, epochs=5)
model.evaluate(test.x, test.y)
"""

from lamella import datasets, initializers, layers, losses, optimizers, testing
from lamella.backend import Backend, get_backend
from lamella.callbacks import (
    CSV,
    Callback,
    Checkpoint,
    EarlyStopping,
    History,
    JSONLines,
    Progress,
    TerminateOnNaN,
)
from lamella.classifiers import MLP, SoftmaxClassifier
from lamella.errors import LamellaError
from lamella.files import load, save
from lamella.layers import (
    BatchNorm,
    Dense,
    Dropout,
    Flatten,
    Layer,
    LeakyReLU,
    ReLU,
    Sigmoid,
    Softmax,
    Tanh,
)
from lamella.losses import (
    BinaryCrossEntropy,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    SoftmaxCrossEntropy,
)
from lamella.metrics import Accuracy, Metric
from lamella.model import Sequential
from lamella.optimizers import SGD, Adam, AdamW, Momentum, Optimizer
from lamella.regularizers import L1, L1L2, L2, Regularizer
from lamella.schedules import (
    CosineDecay,
    ExponentialDecay,
    InverseDecay,
    Schedule,
    StepDecay,
    Warmup,
)

__version__ = "0.1.0"
