"""Preconfigured models: softmax regression and the multilayer perceptron."""

from collections.abc import Iterable, Sequence
from typing import Any

from lamella import losses
from lamella.backend import Backend
from lamella.core.errors import ArgumentError
from lamella.core.signatures import arguments_of
from lamella.core.validation import at_least, flag, in_range, named_instance, not_negative
from lamella.layers import BatchNorm, Dense, Dropout, Flatten, Layer, ReLU, Softmax
from lamella.layers.regularizers import L2
from lamella.losses import (
    BinaryCrossEntropy,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    SoftmaxCrossEntropy,
)
from lamella.models.sequential import Sequential
from lamella.optimizers import Adam, Optimizer

LOSSES: dict[str, type[Loss]] = {
    "cross-entropy": SoftmaxCrossEntropy,
    "L2": MeanSquaredError,
    "L1": MeanAbsoluteError,
}


class ReadyModel(Sequential):
    """`Sequential` that compiles itself, with accuracy as its metric, or R2 for numbers.

    ``last`` gives class scores; or numbers, with ``of_numbers``.
    """

    def __init__(
        self,
        hidden: list[Layer],
        last: Dense,
        loss: str | Loss,
        optimizer: str | Optimizer | None,
        default: Optimizer,
        *,
        of_numbers: bool = False,
        **options: Any,
    ) -> None:
        strings = ", ".join(map(repr, LOSSES))
        hint = f"SoftmaxCrossEntropy(), or one of {strings}"
        loss = named_instance("loss", loss, Loss, hint, losses)
        if of_numbers and (loss.takes_logits or isinstance(loss, BinaryCrossEntropy)):
            raise ArgumentError(
                f"outputs={last.units} predicts numbers, and {type(loss).__name__} compares "
                f"classes: use classes={last.units}, or a loss such as MeanSquaredError()"
            )
        # L1 and L2 compare probabilities; cross-entropy takes logits.
        end = [] if loss.takes_logits or of_numbers else [Softmax()]
        super().__init__([Flatten(), *hidden, last, *end], **options)
        optimizer = default if optimizer is None else optimizer
        self.compile(loss, optimizer, metrics=["r2" if of_numbers else "accuracy"])
        self._parts = {"loss": self.loss, "optimizer": self.optimizer}

    def _given(self, kind: type) -> dict[str, Any]:
        """Return the arguments of ``kind`` but backend; compile may have replaced two of them."""
        arguments = {name: getattr(self, name) for name in arguments_of(kind) if name != "backend"}
        return {**arguments, **self._parts, "dtype": self.dtype.name}


class SoftmaxClassifier(ReadyModel):
    """Softmax regression: one linear layer from pixels to class scores.

    Parameters
    ----------
    classes : int
        Number of classes, at least 2.
    loss : {"cross-entropy", "L2", "L1"} or Loss
        "L2" is the mean squared, "L1" the mean absolute difference between probabilities and
        one-hot labels; other strings are those of `Sequential.compile`. `SigmoidCrossEntropy` suits
        samples with several labels at once, given as rows of 0 and 1.
    optimizer : Optimizer or str, optional
        Adam(2e-3) by default: the best of 5e-4 to 1e-2 on held-out images, in 5 epochs.
    l2 : float
        Rate of the penalty l2 / 2 sum(W^2), at least 0.
    seed, backend, dtype
        As in `Sequential`.
    """

    def __init__(
        self,
        *,
        classes: int = 10,
        loss: str | Loss = "cross-entropy",
        optimizer: str | Optimizer | None = None,
        l2: float = 0.0,
        seed: int | None = None,
        backend: str | Backend = "auto",
        dtype: str = "float32",
    ) -> None:
        self.classes, self.l2 = at_least("classes", classes, 2), l2
        options: dict[str, Any] = {"seed": seed, "backend": backend, "dtype": dtype}
        last = _dense(classes, l2, init="glorot_uniform")
        super().__init__([], last, loss, optimizer, Adam(2e-3), **options)

    def config(self) -> dict[str, Any]:
        return self._given(SoftmaxClassifier)


class MLP(ReadyModel):
    """Multilayer perceptron: hidden layers with ReLU, then class scores, or numbers (regression).

    Each hidden layer is Dense, BatchNorm (optional), ReLU, Dropout (optional).

    Parameters
    ----------
    hidden : sequence of int
        Width of each hidden layer, each at least 1.
    classes : int, optional
        Number of classes, at least 2; 10 by default.
    outputs : int, optional
        Number of numbers to predict, at least 1, in place of ``classes``: the last layer is linear,
        and the metric is R2. Targets are (N, outputs), or (N,) for one.
    loss : {"cross-entropy", "L2", "L1"} or Loss, optional
        As in `SoftmaxClassifier`; with ``outputs`` "L2" by default, and of the numbers themselves.
    seed, backend, dtype
        As in `SoftmaxClassifier`.
    optimizer : Optimizer or str, optional
        Adam(5e-4) by default.
    batch_norm : bool
        Whether to normalize before each ReLU. The layers before then have no bias, because
        normalization would cancel it.
    dropout : float or sequence of float
        Fraction dropped, in [0, 1): one number for all hidden layers, or one for the input and each
        hidden layer, such as [0.0, 0.1, 0.1].
    l2 : float
        Rate of the penalty l2 / 2 sum(W^2) on the weights of every layer, at least 0.
    """

    def __init__(
        self,
        hidden: Sequence[int] = (256, 30),
        *,
        classes: int | None = None,
        outputs: int | None = None,
        loss: str | Loss | None = None,
        optimizer: str | Optimizer | None = None,
        batch_norm: bool = False,
        dropout: float | Sequence[float] = 0.0,
        l2: float = 0.0,
        seed: int | None = None,
        backend: str | Backend = "auto",
        dtype: str = "float32",
    ) -> None:
        if isinstance(hidden, str) or not isinstance(hidden, Iterable):
            raise ArgumentError(f"hidden must be a list of widths, such as [30]; got {hidden!r}")
        self.hidden = [at_least("hidden", width, 1) for width in hidden]
        if classes is not None and outputs is not None:
            raise ArgumentError(
                f"give classes={classes!r} for class labels or outputs={outputs!r} for numbers, "
                "not both"
            )
        self.outputs = None if outputs is None else at_least("outputs", outputs, 1)
        classes = 10 if classes is None else classes
        self.classes = at_least("classes", classes, 2) if outputs is None else None
        self.batch_norm, self.dropout, self.l2 = flag("batch_norm", batch_norm), dropout, l2
        rates = _rates(dropout, len(self.hidden))
        layers: list[Layer] = [Dropout(rates[0])] if rates[0] else []
        for width, rate in zip(self.hidden, rates[1:], strict=True):
            layers.append(_dense(width, l2, use_bias=not batch_norm))
            layers += [BatchNorm()] if batch_norm else []
            layers.append(ReLU())
            layers += [Dropout(rate)] if rate else []
        options: dict[str, Any] = {"seed": seed, "backend": backend, "dtype": dtype}
        last = _dense(self.outputs or classes, l2, init="glorot_uniform")
        loss = ("L2" if self.outputs else "cross-entropy") if loss is None else loss
        options["of_numbers"] = self.outputs is not None
        super().__init__(layers, last, loss, optimizer, Adam(5e-4), **options)

    def config(self) -> dict[str, Any]:
        return self._given(MLP)


def _dense(units: int, l2: float, **options: Any) -> Dense:
    penalty = L2(l2) if not_negative("l2", l2) else None
    return Dense(units, regularizer=penalty, **options)


def _rates(dropout: float | Sequence[float], hidden: int) -> list[float]:
    rates = list(dropout) if isinstance(dropout, Sequence) else [0.0, *[dropout] * hidden]
    if len(rates) != hidden + 1:
        raise ArgumentError(
            f"dropout must be one number, or {hidden + 1}: for the input and each of {hidden} "
            f"hidden layers; got {dropout!r}"
        )
    return [in_range("dropout", rate, 0, 1, right_open=True) for rate in rates]
