"""A network with a loss and an optimizer: one step of training."""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any, Self

from lamella import losses, optimizers
from lamella.backend.workspace import replayable
from lamella.core.errors import UsageError
from lamella.core.names import TRANSLATIONS
from lamella.core.signatures import known_arguments
from lamella.core.typing import Array, Shape
from lamella.core.validation import named_instance, sizes
from lamella.losses import Loss
from lamella.losses.metrics import Metric, get_metrics
from lamella.losses.target_kind import TargetKind
from lamella.network.attributes import expect_effective
from lamella.network.fingerprint import Calls
from lamella.network.network import Network
from lamella.network.replay import Replay
from lamella.optimizers import Optimizer


def set_by_compile(name: str) -> Any:
    """Return a property that only `Trainable.compile` sets; an assignment raises a UsageError."""

    def refuse(model: Any, value: Any) -> None:
        raise UsageError(
            f"model.{name} = ... would bypass its checks: call compile(loss, optimizer, metrics), "
            "which keeps the weights"
        )

    return property(attrgetter(f"_{name}"), refuse)


def without_effect(name: str) -> Any:
    """Return a property for a word of Keras; an assignment raises a UsageError with advice."""

    def refuse(model: Any, value: Any) -> None:
        (advice,) = TRANSLATIONS[name]
        raise UsageError(f"model.{name} = {value!r:.80} has no effect: {advice}")

    return property(None, refuse)


class Trainable(Network):
    """A network with a loss and an optimizer; `lamella.Sequential` describes its attributes."""

    loss: Loss = set_by_compile("loss")
    optimizer: Optimizer = set_by_compile("optimizer")
    metrics: Sequence[Metric] = set_by_compile("metrics")
    trainable = without_effect("trainable")
    stop_training = without_effect("stop_training")
    _loss: Loss
    _optimizer: Optimizer
    _metrics: Sequence[Metric] = ()
    compiled: bool = False
    compiled_at: int = 0
    epochs_done: int = 0
    validates: bool = False
    stop_reason: str = ""
    blas_threads: int = 1
    history: Any  # lamella.training.callbacks.History, set by fit
    epoch_log: Any  # lamella.training.epoch_log.EpochLog, set by fit

    def _build(self, in_shape: Shape) -> None:
        super()._build(in_shape)
        if self.compiled:
            self._bind()

    @known_arguments
    def compile(
        self,
        loss: str | Loss,
        optimizer: str | Optimizer,
        metrics: Iterable[str | Metric] = (),
        *,
        in_shape: Shape | None = None,
    ) -> Self:
        """Set loss, optimizer and metrics. Parameters that exist already keep their values.

        Parameters
        ----------
        loss : Loss or str
            A string stands for an object without arguments: "cross-entropy", "bce", "mse", "mae",
            "huber" and so on, or a name of Keras such as "categorical_crossentropy".
        optimizer : Optimizer or str
            "sgd", "momentum", "adam" and so on have the default learning rate.
        metrics : list of str or Metric
            Reported with the loss, such as ``["accuracy"]``. Names are "accuracy" (of classes or
            answers), "top_5" (or another k), "binary_accuracy" and "subset_accuracy" of yes-or-no
            answers, "r2", "mae" and "rmse" of numbers. `fit` and `evaluate` refuse those that do
            not take the targets.
        in_shape : tuple of int, optional
            Builds the model now. By default the first `fit` does.

        Raises
        ------
        ArgumentError
            If a name of a metric is unknown, taken or given twice.
        UsageError
            If loss and last layer do not match, or `fit` is running.
        """
        if self.turns.fits:
            raise UsageError(
                "fit is running on this model, and its logs and checkpoints are those of its loss, "
                "optimizer and metrics: call compile after it, or before"
            )
        loss = named_instance("loss", loss, Loss, "SoftmaxCrossEntropy()", losses)
        optimizer = named_instance("optimizer", optimizer, Optimizer, "Adam(1e-3)", optimizers)
        in_shape = None if in_shape is None else sizes("in_shape", in_shape)
        found = get_metrics(metrics)
        parts: list[Loss | Optimizer | Metric] = [loss, optimizer, *found]
        for part in parts:
            part.expect_free(self)
        self.expect_effective_parts(parts)
        last = self.layers[-1]
        if loss.takes_logits and last.gives_probabilities:
            raise UsageError(
                f"{type(loss).__name__} takes logits, but the last layer is "
                f"{type(last).__name__}, which makes probabilities of them: leave that layer out"
            )
        self._loss, self._optimizer, self._metrics = loss, optimizer, tuple(found)
        self.compiled, self.compiled_at = True, self.epochs_done
        self.threshold = self._middle()
        if in_shape is not None and (self.store is None or in_shape != self.in_shape):
            self.build(in_shape)
        elif self.store is not None:
            self._bind()
        return self

    def follow_targets(self, kind: TargetKind | None) -> None:
        """Decide yes-or-no answers from now on as a model trained on targets of this kind."""
        before, self.target_kind = self._middle(), kind
        if self._middle() != before:
            self.threshold = self._middle()
            for metric in self.metrics:
                metric.threshold = self.threshold

    def _middle(self) -> float:
        """Return the output between no and yes."""
        signed = self.target_kind is not None and self.target_kind.signed
        return 0.0 if signed or self.loss.takes_logits else 0.5

    def follow_trainable(self) -> None:
        super().follow_trainable()
        if self.compiled:
            self.optimizer.follow_trainable()

    def expect_effective_parts(self, parts: Iterable[object] | None = None) -> None:
        """Raise a UsageError if an attribute set on a part has no effect, see `attributes`.

        ``parts`` replace the loss, the optimizer and the metrics of the model.
        """
        if self.store is not None:
            self.built()
        if parts is None:
            parts = [self.loss, self.optimizer, *self.metrics] if self.compiled else []
        penalties = [] if self.store is None else [p.regularizer for p in self.regularized]
        for part in [self, *self.layers, *penalties, *parts]:
            expect_effective(part)

    def _bind(self) -> None:
        assert self.store is not None
        for part in (self.loss, *self.metrics):
            part.attach(self, self.backend, self.dtype)
        for metric in self.metrics:
            metric.threshold = self.threshold
        self.optimizer.attach(self.store, self)
        self._differentiate = Replay(
            self, lambda x, y: self.differentiate(x, y), lambda: gradient_calls(self), "gradients"
        )

    def step(self, x: Array, y: Array, weight: Array | None = None) -> Array:
        """Do one step of training on a checked batch and return its loss, as `fit` does."""
        loss = self._differentiate(x, y) if weight is None else self.differentiate(x, y, weight)
        self._loss.expect_valid_targets()
        self._optimizer.step()
        return loss

    @replayable
    def differentiate(self, x: Array, y: Array, weight: Array | None = None) -> Array:
        """Compute all gradients of the loss and the penalties on a batch; return the loss."""
        pred = self.forward(x, training=True)
        loss = self.loss(pred, y, weight)
        self.backward(self.loss.gradient())
        for add_penalty in self._regularize:
            add_penalty()
        return loss

    def stop(self, reason: str) -> None:
        """End training after this batch (or epoch); the first reason given is kept."""
        self.stop_reason = self.stop_reason or reason

    def expect_trainable(self) -> None:
        """Raise a UsageError if all layers with parameters are frozen."""
        if self.parameters and not any(parameter.trainable for parameter in self.parameters):
            raise UsageError(
                "there is nothing to train: all layers with parameters are frozen. Set "
                "layer.trainable = True for one of model.layers"
            )

    def expect_compiled(self) -> None:
        """Raise a UsageError if there is nothing to minimise yet."""
        if not self.compiled:
            raise UsageError(
                "call compile(loss=..., optimizer=...) first: it says what to minimise"
            )


def gradient_calls(model: Trainable) -> Calls:
    """Return the methods that `Trainable.differentiate` calls."""
    both = ("forward", "backward")
    loss = ("__call__", "forward", "mean", "gradient", "backward", "scale_by_batch")
    penalties = [(p.regularizer, ("compile_rule",)) for p in model.regularized]
    layers = [(layer, both) for layer in model.layers]
    return [*layers, (model, (*both, "differentiate")), (model.loss, loss), *penalties]
