"""lamella: small neural networks on numpy and cupy, with reproducible comparisons.

import lamella as lm

train, test = lm.datasets.mnist()
model = lm.MLP([256, 30], seed=2023)
model.fit(train.x, train.y, epochs=5)
model.evaluate(test.x, test.y)
"""

from typing import TYPE_CHECKING, Any

from lamella import layers, losses, optimizers
from lamella.backend import Backend, get_backend
from lamella.backend.workspace import replayable
from lamella.core import errors
from lamella.core.errors import LamellaError
from lamella.core.names import public_names
from lamella.core.version import __version__
from lamella.layers import (
    ELU,
    GELU,
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    Flatten,
    Layer,
    LayerNorm,
    LeakyReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
    initializers,
)
from lamella.layers.regularizers import L1, L1L2, L2, Regularizer
from lamella.losses import (
    BinaryCrossEntropy,
    Hinge,
    Huber,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    Poisson,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
)
from lamella.losses.metrics import (
    MAE,
    R2,
    RMSE,
    Accuracy,
    BinaryAccuracy,
    Metric,
    SubsetAccuracy,
    TopK,
)
from lamella.models.classifiers import MLP, SoftmaxClassifier
from lamella.models.loading import load
from lamella.models.sequential import Sequential
from lamella.network.model_file import save
from lamella.optimizers import SGD, AdaGrad, Adam, AdamW, Lion, Momentum, NAdam, Optimizer, RMSProp
from lamella.optimizers.schedules import (
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    InverseDecay,
    InverseTimeDecay,
    LinearDecay,
    PiecewiseConstant,
    Schedule,
    StepDecay,
    Warmup,
)
from lamella.training.augment import Augment
from lamella.training.callbacks import (
    CSV,
    Callback,
    EarlyStopping,
    GradientNorms,
    History,
    JSONLines,
    LambdaCallback,
    ModelCheckpoint,
    Progress,
    ReduceLROnPlateau,
    TensorBoard,
    TerminateOnNaN,
    WeightAverage,
)

if TYPE_CHECKING:
    from lamella import datasets, interchange, studies, testing
    from lamella.interchange import export, export_onnx
    from lamella.losses.metrics.classification_report import classification_report
    from lamella.studies import LogUniform, Study, Uniform, draws, grid, load_study
    from lamella.training.checkpoints import ResumeFolder
    from lamella.training.diagnostics.learning_rate import find_lr

_LAZY = {
    **dict.fromkeys(("LogUniform", "Study", "Uniform", "draws", "grid", "load_study"), "studies"),
    **dict.fromkeys(("export", "export_onnx"), "interchange"),
    "ResumeFolder": "training.checkpoints",
    "classification_report": "losses.metrics.classification_report",
    "find_lr": "training.diagnostics.learning_rate",
}

__all__ = [
    "CSV", "ELU", "GELU", "L1", "L1L2", "L2", "MAE", "MLP", "R2", "RMSE", "SGD", "Accuracy",
    "Activation", "AdaGrad", "Adam", "AdamW", "Augment", "Backend", "BatchNorm", "BinaryAccuracy",
    "BinaryCrossEntropy", "Callback", "CosineDecay", "CosineDecayRestarts", "Dense", "Dropout",
    "EarlyStopping", "ExponentialDecay", "Flatten", "GradientNorms", "Hinge", "History", "Huber",
    "InverseDecay", "InverseTimeDecay", "JSONLines", "LambdaCallback", "LamellaError", "Layer",
    "LayerNorm", "LeakyReLU", "LinearDecay", "Lion", "LogUniform", "Loss", "MeanAbsoluteError",
    "MeanSquaredError", "Metric", "ModelCheckpoint", "Momentum", "NAdam", "Optimizer",
    "PiecewiseConstant", "Poisson", "Progress", "RMSProp", "ReLU", "ReduceLROnPlateau",
    "Regularizer", "ResumeFolder", "Schedule", "Sequential", "SiLU", "Sigmoid",
    "SigmoidCrossEntropy", "Softmax", "SoftmaxClassifier", "SoftmaxCrossEntropy", "Softplus",
    "StepDecay", "Study", "SubsetAccuracy", "Tanh", "TensorBoard", "TerminateOnNaN", "TopK",
    "Uniform", "Warmup", "WeightAverage", "__version__", "classification_report", "datasets",
    "draws", "errors", "export", "export_onnx", "find_lr", "get_backend", "grid", "initializers",
    "interchange", "layers", "load", "load_study", "losses", "optimizers", "replayable", "save",
    "studies", "testing",
]  # fmt: skip

_refuse, __dir__ = public_names(__name__, [*__all__, "sklearn"])


def __getattr__(name: str) -> Any:
    """Import modules and classes on first use that training itself does not need."""
    import importlib

    if name in ("datasets", "interchange", "sklearn", "studies", "testing"):
        return importlib.import_module(f"lamella.{name}")
    if name in _LAZY:
        return getattr(importlib.import_module(f"lamella.{_LAZY[name]}"), name)
    if name == "Checkpoint":
        raise AttributeError("lm.Checkpoint, which saves the best model, is now lm.ModelCheckpoint")
    return _refuse(name)
