"""Sequential: layers in a row, and the words to train them and use them."""

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from lamella.core.typing import Array
from lamella.core.validation import at_least
from lamella.network.model_file import reduce, restore, save
from lamella.network.network import EVALUATION_BATCH
from lamella.network.prepare import expect_batch, prepare
from lamella.network.trainable import Trainable
from lamella.training.callbacks import History
from lamella.training.epoch_log import EpochLog
from lamella.training.fit import fit
from lamella.training.loop import evaluate

if TYPE_CHECKING:
    from lamella.training.diagnostics.check import CheckReport
    from lamella.training.diagnostics.doctor import DoctorReport


class Sequential(Trainable):
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
        `lamella.backend.threads`. It decides their last bits.
    """

    history: History
    epoch_log: EpochLog

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
        data, _ = prepare(self, x, y, sample_weight)
        expect_batch(self, len(data))
        return self.step(self.batches.scale(data.x), data.y, data.weight)

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
        from lamella.training.diagnostics.check import examine

        self.expect_compiled()
        return examine(self, *prepare(self, x, y))

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
        from lamella.training.diagnostics.doctor import diagnose

        self.expect_compiled()
        at_least("batch_size", batch_size, 1)
        at_least("steps", steps, 1)
        patient = copy.deepcopy(self)
        data, given_y = prepare(patient, x, y)
        expect_batch(patient, min(batch_size, len(data)))
        return diagnose(patient, data, given_y, batch_size=batch_size, steps=steps)

    fit = fit

    def evaluate(
        self, x: Any, y: Any, *, sample_weight: Any = None, batch_size: int = EVALUATION_BATCH
    ) -> dict[str, float]:
        """Return the mean loss (without penalties) and the metrics on a data set.

        Metrics count every sample alike, whatever its weight.
        """
        self.expect_compiled()
        self.built()
        data, _ = prepare(self, x, y, sample_weight)
        return evaluate(self, data, at_least("batch_size", batch_size, 1))

    def predict_proba(self, x: Any, *, batch_size: int = EVALUATION_BATCH) -> np.ndarray:
        """Return class probabilities (N, K): the outputs' softmax, if the loss takes logits."""
        self.expect_compiled()
        pred = self.backend.asarray(self.predict(x, batch_size=batch_size))
        return self.backend.to_host(self.loss.probabilities(pred))

    def save(self, path: Any) -> None:
        """Write architecture, weights and states to a file, see `lamella.network.model_file.save`."""
        save(self, path)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
        return reduce(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        restore(self, state)
