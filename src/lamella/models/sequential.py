"""Sequential: a trainable network of layers in a row."""

import copy
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lamella.core.errors import numpy_warnings_off
from lamella.core.signatures import known_arguments
from lamella.core.typing import Array
from lamella.core.validation import at_least
from lamella.network.model_file import reduce, restore, save
from lamella.network.network import EVALUATION_BATCH
from lamella.network.prepare import expect_batch, expect_scale, expect_weight, prepare
from lamella.network.trainable import Trainable
from lamella.network.trained_on import expect_classes
from lamella.training.callbacks import History
from lamella.training.epoch_log import EpochLog
from lamella.training.fit import fit
from lamella.training.loop import evaluate
from lamella.training.scores import Scores

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lamella.training.diagnostics.check import CheckReport
    from lamella.training.diagnostics.doctor import DoctorReport


class Sequential(Trainable):
    """Trainable network of layers in a row.

    Parameters
    ----------
    layers : sequence of Layer
        At least one; each object may appear only once.
    seed : int, optional
        Of initial weights, data order and dropout. None draws one and stores it in ``seed``.
    backend : {"auto", "numpy", "cupy"}
        Array library; ``model.backend`` shows the choice of "auto" and its reason.
    dtype : {"float32", "float64"}
        Of parameters, activations and gradients.

    Attributes
    ----------
    history : History
        Of the last `fit`.
    pred : array
        Output of the last `forward`, valid until the next one.
    epochs_done : int
        Epochs trained so far, over all calls of `fit`, also before `save` and `load`. Schedules
        count from `compile`.
    validates : bool
        Whether the current or last `fit` scores a validation set.
    stop_reason : str
        Reason why training stopped early; empty if it did not.
    blas_threads : int
        Number of threads for the matrix products of the last `fit`, see
        `lamella.backend.threads`. It affects their last bits.
    """

    history: History
    epoch_log: EpochLog

    @known_arguments
    def train_step(self, x: Any, y: Any, sample_weight: Any = None) -> Array:
        """Train one step on a batch, for custom training loops.

        Parameters
        ----------
        x, y, sample_weight
            A batch, in the form that `fit` accepts. As there, one whose weights are all 0 changes
            nothing; its loss is 0.

        Returns
        -------
        0-d array
            Loss before the step, without penalties; a GPU may still be computing it. The next
            step overwrites its memory: keep float(loss).

        Notes
        -----
        A schedule counts each step as an epoch, unless ``model.optimizer.begin_epoch`` says how
        many steps an epoch has. Steps that a callback takes within `fit` leave its schedule as it
        is.
        """
        self.expect_compiled()
        return self.turns.take(_train_step, self, x, y, sample_weight)

    @known_arguments
    def check(self, x: Any, y: Any) -> "CheckReport":
        """Check whether data and model are compatible, before training; print the report.

        It covers the shapes of all layers, the scale of the inputs, constant features, the balance
        of the classes, the loss and the last layer, on a sample of a large data set. It builds the
        model if necessary and changes nothing else. `fit` runs the same checks and warns.

        Raises
        ------
        LamellaError
            If training on the data is impossible or useless.
        """
        from lamella.training.diagnostics.check import examine

        self.expect_compiled()
        return examine(self, *prepare(self, x, y, trains=True))

    @known_arguments
    def doctor(self, x: Any, y: Any, *, batch_size: int = 32, steps: int = 300) -> "DoctorReport":
        """Find out why a network does not learn; print the report or ``plot()`` it.

        It works on copies: it runs `check`, measures one training step on up to 512 samples layer
        by layer, then overfits a single batch. A network that cannot memorize one batch is broken;
        in this case other learning rates are tried.

        Parameters
        ----------
        x, y
            Data, in the form that `fit` accepts.
        batch_size : int
            Number of samples to memorize, at least 1.
        steps : int
            Maximum number of steps for it, at least 1.
        """
        from lamella.training.diagnostics.doctor import diagnose

        self.expect_compiled()
        at_least("batch_size", batch_size, 1)
        at_least("steps", steps, 1)
        model = copy.deepcopy(self)
        data, host_y = prepare(model, x, y, trains=True)
        expect_batch(model, min(batch_size, len(data)))
        with numpy_warnings_off():
            return diagnose(model, data, host_y, batch_size=batch_size, steps=steps)

    fit = fit

    @known_arguments
    def evaluate(
        self, x: Any, y: Any, *, sample_weight: Any = None, batch_size: int = EVALUATION_BATCH
    ) -> dict[str, float]:
        """Return the mean loss (without penalties) and the metrics on a data set by name.

        With ``sample_weight`` (N,) both are sum(w score) / sum(w).
        """
        self.expect_compiled()
        self.built()
        at_least("batch_size", batch_size, 1)
        scores: dict[str, float] = self.turns.take_or_copy(
            self, _evaluate, x, y, sample_weight, batch_size
        )
        return Scores(scores)

    @known_arguments
    def predict_proba(self, x: Any, *, batch_size: int = EVALUATION_BATCH) -> np.ndarray:
        """Return probabilities (N, K): softmax or sigmoid of outputs that are logits.

        Raise a UsageError if the model was trained on numbers.
        """
        self.expect_compiled()
        expect_classes(self)
        pred = self.predict(x, batch_size=batch_size)
        return np.asarray(self.turns.take_or_copy(self, _probabilities, pred))

    @known_arguments
    def plot_confusion(
        self, x: Any, y: Any, *, class_names: Sequence[str] | None = None, theme: str = "light"
    ) -> "Figure":
        """Draw how often each class is predicted as each other, in percent of the class.

        ``class_names`` are numbers by default; ``theme`` is "light" or "dark". Raise a DataError if
        the targets are no classes, a MissingExtraError without matplotlib.
        """
        from lamella.training.diagnostics.confusion import plot_confusion

        return plot_confusion(self, x, y, class_names, theme)

    @known_arguments
    def plot_mistakes(
        self,
        x: Any,
        y: Any,
        *,
        count: int = 18,
        class_names: Sequence[str] | None = None,
        theme: str = "light",
    ) -> "Figure":
        """Draw the images that the model gets wrong, at most ``count``, the surest first.

        Samples are images (H, W), (H, W, 3) or rows of square ones; see `plot_confusion`.
        """
        from lamella.training.diagnostics.mistakes import plot_mistakes

        return plot_mistakes(self, x, y, at_least("count", count, 1), class_names, theme)

    @known_arguments
    def plot_weights(
        self, layer: int | None = None, *, count: int = 30, theme: str = "light"
    ) -> "Figure":
        """Draw a layer's weights: images of up to ``count`` units if inputs are, else a matrix.

        ``layer`` is an index of ``model.layers``, by default of the first with a matrix.
        """
        from lamella.training.diagnostics.weights_plot import plot_weights

        return plot_weights(self, layer, at_least("count", count, 1), theme)

    @known_arguments
    def save(self, path: Any) -> None:
        """Write architecture, weights and states to a file, see `lamella.save`."""
        save(self, path)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
        return reduce(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        restore(self, state)


def _probabilities(model: Sequential, pred: np.ndarray) -> np.ndarray:
    return model.backend.to_host(model.loss.probabilities(model.backend.asarray(pred)))


def _train_step(model: Sequential, x: Any, y: Any, sample_weight: Any) -> Array:
    data, _ = prepare(model, x, y, sample_weight, metrics=False)
    expect_batch(model, len(data))
    expect_scale(model, data)
    if data.is_weightless:
        return model.backend.zeros(1, model.dtype)[0, ...]
    position = model.optimizer.position if model.turns.fits else None
    loss = model.step(model.batches.scale(data.x), data.y, data.weight)
    if position is not None:  # the schedule of fit counts its own steps
        model.optimizer.begin_epoch(*position)
    return loss


def _evaluate(
    model: Sequential, x: Any, y: Any, sample_weight: Any, batch_size: int
) -> dict[str, float]:
    data, _ = prepare(model, x, y, sample_weight)
    expect_weight(data, "the samples")
    with numpy_warnings_off():
        return evaluate(model, data, batch_size)
