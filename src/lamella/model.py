"""Sequential: layers in a row, and the words to train them and use them."""

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from lamella import fitting
from lamella.arguments import at_least, instance
from lamella.arrays import Array, Shape
from lamella.callbacks import Callback, History
from lamella.errors import UsageError
from lamella.losses import Loss
from lamella.metrics import Metric, get_metrics
from lamella.network import EVALUATION_BATCH, Network
from lamella.optimizers import Optimizer
from lamella.replay import replay_gradients
from lamella.training import EpochLog, evaluate
from lamella.workspace import replayable

if TYPE_CHECKING:
    from lamella.health.check import CheckReport
    from lamella.health.doctor import DoctorReport


class Sequential(Network):
    """A network of layers in a row that can be trained.

    Parameters
    ----------
    layers : sequence of Layer
        At least one; an object may appear once only.
    seed : int, optional
        Decides initial weights, order of the data and dropout. None draws one, kept in ``seed``.
    backend : {"auto", "numpy", "cupy"}
        Where it computes; ``model.backend`` says what "auto" chose and why.
    dtype : {"float32", "float64"}
        Of all its numbers.

    Attributes
    ----------
    history : History
        Of the last `fit`.
    pred : array
        What the last `forward` gave; valid until the next one.
    epochs_done : int
        Epochs trained so far, over all calls of `fit`. Schedules count from `compile`.
    validates : bool
        Whether the present or last `fit` scores a validation set.
    stop_reason : str
        Why training ended before its last epoch; empty if it did not.
    blas_threads : int
        How many threads the matrix products of the last `fit` had: what they are worth, see
        `lamella.threads`. It decides their last bits.
    """

    loss: Loss
    optimizer: Optimizer
    metrics: Sequence[Metric] = ()
    compiled: bool = False
    compiled_at: int = 0
    epochs_done: int = 0
    validates: bool = False
    stop_reason: str = ""
    blas_threads: int = 1
    history: History
    epoch_log: EpochLog

    def _build(self, in_shape: Shape) -> None:
        super()._build(in_shape)
        if self.compiled:
            self._bind()

    def compile(
        self,
        loss: Loss,
        optimizer: Optimizer,
        metrics: Iterable[str | Metric] = (),
        *,
        in_shape: Shape | None = None,
    ) -> Self:
        """Say what is minimised and how. Parameters keep their values if they are there already.

        Parameters
        ----------
        loss : Loss
        optimizer : Optimizer
        metrics : list of str or Metric
            Reported beside the loss, such as ``["accuracy"]``.
        in_shape : tuple of int, optional
            Builds the model now; else the first `fit` does.

        Raises
        ------
        UsageError
            If loss and last layer do not fit together.
        """
        loss = instance("loss", loss, Loss, "SoftmaxCrossEntropy()")
        optimizer = instance("optimizer", optimizer, Optimizer, "Adam(1e-3)")
        found = get_metrics(metrics)
        parts: list[Loss | Optimizer | Metric] = [loss, optimizer, *found]
        for part in parts:
            part.expect_free(self)
        last = self.layers[-1]
        if loss.takes_logits and last.gives_probabilities:
            raise UsageError(
                f"{type(loss).__name__} takes logits, but the last layer is "
                f"{type(last).__name__}, which makes probabilities of them: leave that layer out"
            )
        self.loss, self.optimizer, self.metrics, self.compiled = loss, optimizer, found, True
        self.compiled_at = self.epochs_done
        if in_shape is not None and (self.store is None or tuple(in_shape) != self.in_shape):
            self.build(in_shape)
        elif self.store is not None:
            self._bind()
        return self

    def _bind(self) -> None:
        assert self.store is not None
        for part in (self.loss, *self.metrics):
            part.bind(self, self.backend, self.dtype)
        self.optimizer.bind(self.store, self)
        self._differentiate = replay_gradients(self)

    def step(self, x: Array, y: Array, weight: Array | None = None) -> Array:
        """Do one step of training on a checked batch and return its loss; what `fit` calls."""
        loss = self._differentiate(x, y) if weight is None else self.differentiate(x, y, weight)
        self.optimizer.step()
        return loss

    @replayable
    def differentiate(self, x: Array, y: Array, weight: Array | None = None) -> Array:
        """Compute the gradient of what is minimised, on a checked batch, and return the loss."""
        pred = self.forward(x, training=True)
        loss = self.loss(pred, y, weight)
        self.backward(self.loss.gradient())
        for add_penalty in self._regularize:
            add_penalty()
        return loss

    def train_step(self, x: Any, y: Any, sample_weight: Any = None) -> Array:
        """Do one step of training on a batch, for training loops of your own.

        Parameters
        ----------
        x, y, sample_weight
            A batch, as `fit` takes them.

        Returns
        -------
        0-d array
            Loss before the step, without penalties; on a GPU it has not been waited for.
        """
        self.expect_compiled()
        data, _ = fitting.prepare(self, x, y, sample_weight)
        fitting.expect_batch(self, len(data))
        return self.step(self.batches.scaled(data.x), data.y, data.weight)

    def check(self, x: Any, y: Any) -> "CheckReport":
        """Look whether data and model fit, before any training: print what comes back.

        Shapes through the layers, scale of the inputs, features that never change, balance of the
        classes, loss and last layer. Of many samples it looks at some. Nothing is changed, but
        that a new model is built for the data. `fit` does the same and warns of what it finds.

        Raises
        ------
        LamellaError
            If the data cannot be trained on, or it would be pointless.
        """
        from lamella.health.check import examine

        self.expect_compiled()
        return examine(self, *fitting.prepare(self, x, y))

    def doctor(self, x: Any, y: Any, *, batch_size: int = 32, steps: int = 300) -> "DoctorReport":
        """Find out why a network does not learn: print what comes back, or ``plot()`` it.

        All is done on copies. Data and model are looked at as `check` does; one step of training
        on up to 512 samples is watched, layer by layer; then one batch is trained on again and
        again: a network that cannot learn a single batch by heart has something broken. If it
        cannot, other learning rates are tried.

        Parameters
        ----------
        x, y
            Data as `fit` takes them.
        batch_size : int
            Samples to learn by heart, at least 1.
        steps : int
            How many steps that may take, at least 1.
        """
        from lamella.health.doctor import diagnose

        self.expect_compiled()
        at_least("batch_size", batch_size, 1)
        at_least("steps", steps, 1)
        patient = copy.deepcopy(self)
        data, given_y = fitting.prepare(patient, x, y)
        fitting.expect_batch(patient, min(batch_size, len(data)))
        return diagnose(patient, data, given_y, batch_size=batch_size, steps=steps)

    def stop(self, reason: str) -> None:
        """End training after this batch (or epoch); the first reason given is kept."""
        self.stop_reason = self.stop_reason or reason

    def fit(
        self,
        x: Any,
        y: Any,
        *,
        epochs: int = 5,
        batch_size: int = 64,
        validation_data: tuple[Any, Any] | None = None,
        validation_split: float = 0.0,
        shuffle: bool = True,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        callbacks: Sequence[Callback] = (),
        checkpoint: Any = None,
        verbose: bool = True,
        check: bool = True,
    ) -> History:
        """Train on a data set.

        Parameters
        ----------
        x : array (N, ...)
            uint8 is taken as images and scaled to [0, 1]; other numbers are taken as they are.
        y : array
            Labels (N,), one-hot rows, or numbers, as the loss takes them.
        epochs : int
            Passes over the data, at least 1; added to what was trained before.
        batch_size : int
            At least 1. The last batch of an epoch may be shorter; its mean is over what it has.
        validation_data : (x, y), optional
            Scored after every epoch, never trained on.
        validation_split : float
            Share of (x, y) held out for that instead, in [0, 1); of each class alike, if ``y``
            are labels. Drawn from the seed.
        shuffle : bool
            Whether each epoch has an order of its own, drawn from the seed.
        sample_weight : array (N,), optional
            A weight of 2 counts a sample twice: losses are sum(w loss) / sum(w).
        class_weight : dict of label to weight, optional
        callbacks : sequence of Callback
        checkpoint : path or Checkpoints, optional
            Folder to keep this training in: the same call goes on where it was interrupted, and
            ends with the same bits. See `lamella.Checkpoints`.
        verbose : bool
            Whether to show a progress bar.
        check : bool
            Whether to warn first of what keeps networks from learning, as `check` finds it.

        Returns
        -------
        History
            What each epoch gave, as plain numbers.

        Raises
        ------
        LamellaError
            If anything is wrong with arguments or data, before anything is trained.
        """
        return fitting.fit(
            self,
            x,
            y,
            epochs=epochs,
            batch_size=batch_size,
            validation_data=validation_data,
            validation_split=validation_split,
            shuffle=shuffle,
            sample_weight=sample_weight,
            class_weight=class_weight,
            callbacks=callbacks,
            checkpoint=checkpoint,
            verbose=verbose,
            check=check,
        )

    def evaluate(
        self, x: Any, y: Any, *, sample_weight: Any = None, batch_size: int = EVALUATION_BATCH
    ) -> dict[str, float]:
        """Return the mean loss (without penalties) and the metrics on a data set.

        Metrics count every sample alike, whatever its weight.
        """
        self.expect_compiled()
        self.built()
        data, _ = fitting.prepare(self, x, y, sample_weight)
        return evaluate(self, data, at_least("batch_size", batch_size, 1))

    def predict_proba(self, x: Any, *, batch_size: int = EVALUATION_BATCH) -> np.ndarray:
        """Return class probabilities (N, K): the outputs' softmax, if the loss takes logits."""
        self.expect_compiled()
        pred = self.backend.asarray(self.predict(x, batch_size=batch_size))
        return self.backend.to_host(self.loss.probabilities(pred))

    def save(self, path: Any) -> None:
        """Write architecture, weights and states to a file, see `lamella.files.save`."""
        from lamella.files import save

        save(self, path)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
        from lamella.copying import reduce

        return reduce(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        from lamella.copying import restore

        restore(self, state)

    def expect_compiled(self) -> None:
        """Raise a UsageError if there is nothing to minimise yet."""
        if not self.compiled:
            raise UsageError(
                "call compile(loss=..., optimizer=...) first: it says what to minimise"
            )
