"""Check that last layer, loss and targets fit together."""

from collections.abc import Iterator

import numpy as np

from lamella.core.errors import UsageError
from lamella.layers import BatchNorm, Dense, LeakyReLU, ReLU, Sigmoid, Softmax, Softplus, Tanh
from lamella.losses import BinaryCrossEntropy, Poisson
from lamella.network.trainable import Trainable
from lamella.training.diagnostics.finding import Finding

LARGE = 100.0  # root mean square of numeric targets
ANY_SIGN = (Dense, BatchNorm, LeakyReLU, Tanh)
OUTPUT_RANGE: dict[type, tuple[float, float]] = {
    Sigmoid: (0.0, 1.0),
    Softmax: (0.0, 1.0),
    Tanh: (-1.0, 1.0),
    ReLU: (0.0, np.inf),
    Softplus: (0.0, np.inf),
}


def output_findings(model: Trainable, target: np.ndarray, y: np.ndarray) -> Iterator[Finding]:
    """Check the last layer and loss of a compiled model with a sample of converted targets."""
    last, loss = model.layers[-1], type(model.loss).__name__
    name = type(last).__name__
    if type(last) is Softmax and model.shapes[-1][-1] == 1:
        raise UsageError(
            "the last layer, Softmax, has a single output, which is 1 for every input: leave it "
            "out and use SigmoidCrossEntropy() for binary classes, or two outputs"
        )
    if model.loss.takes_logits and isinstance(last, ReLU | Tanh | Sigmoid | Softplus):
        yield Finding(
            "loss does not fit the last layer",
            f"{loss} takes scores of any sign and size, but {name} bounds them",
            f"to end with the layer before {name}",
        )
    if isinstance(model.loss, BinaryCrossEntropy) and isinstance(last, (*ANY_SIGN, ReLU, Softplus)):
        yield Finding(
            "loss does not fit the last layer",
            f"{loss} takes probabilities, but {name} gives numbers outside [0, 1]",
            "SigmoidCrossEntropy(), which takes them as logits",
        )
    if isinstance(model.loss, Poisson) and isinstance(last, ANY_SIGN):
        yield Finding(
            "loss does not fit the last layer",
            f"{loss} takes rates, but {name} gives negative numbers, whose logarithm is NaN",
            "to end with Softplus()",
        )
    if target.ndim > 1 and target.shape[1:] == model.shapes[-1]:
        yield from _numbers(target, type(last), name, loss)
        if len(y) > 1 and (target == target[0]).all() and (y == y[0]).all():
            yield Finding(
                "constant targets",
                "the targets of all samples are equal",
                "to check how y was created; the model learns only a constant",
            )


def saturation_findings(model: Trainable, target: np.ndarray) -> Iterator[Finding]:
    """Check the outputs of the last step against its targets: answers without a gradient."""
    p = model.backend.to_host(model.pred)
    if type(model.layers[-1]) is not Sigmoid or target.shape != p.shape:
        return
    stuck = int((((p == 0) | (p == 1)) & (p != target)).sum())
    if stuck:
        yield Finding(
            "saturated answers",
            f"{stuck:,} of {p.size:,} answers are certain and wrong: Sigmoid rounds them to 0 or "
            "1, where its slope is 0, so they are never corrected",
            "SigmoidCrossEntropy() without the Sigmoid layer",
        )


def _numbers(target: np.ndarray, kind: type, name: str, loss: str) -> Iterator[Finding]:
    low, high = float(target.min()), float(target.max())
    least, most = OUTPUT_RANGE.get(kind, (-np.inf, np.inf))
    if low < least or high > most:
        yield Finding(
            "targets out of reach",
            f"targets go from {low:.4g} to {high:.4g}, but {name} gives {least:g} to {most:g}",
            "to end with a Dense layer, or to scale the targets",
        )
    elif np.sqrt((target.astype(float) ** 2).mean()) > LARGE:
        yield Finding(
            "unscaled targets",
            f"targets go from {low:.4g} to {high:.4g}: {loss} and its gradients are as large",
            f"{'y' if least == 0 else '(y - mean)'} / std of the training data",
        )
