"""Base of all metrics: numbers of each sample, whose weighted means give one score."""

from abc import abstractmethod
from collections.abc import Callable

import numpy as np

from lamella.backend.workspace import Workspace
from lamella.core.typing import Array, Shape
from lamella.losses.base import Loss
from lamella.losses.target_kind import TargetKind


class Metric(Workspace):
    """Score of predictions, logged next to the loss.

    A subclass sets ``name`` and ``higher_is_better`` and writes `score`: one number a sample, whose
    mean over the epoch is logged. Samples count by their weights, as in the loss.

    A score that is no such mean overrides two more methods: with `score_shape`, `score` gives
    several numbers a sample, and `result` makes the score of their means over the epoch.

    Attributes
    ----------
    name : str
        Key in logs, unique in the model. "loss", "penalty", "epoch", "learning_rate", "seconds" and
        names that begin with "val_" are taken.
    higher_is_better : bool or None
        The direction in which `EarlyStopping` and `ModelCheckpoint` look for the best epoch; with
        None they ask for their ``mode``.
    threshold : float
        Output above which an answer is yes: 0 if the model's loss takes logits, else 0.5. The model
        sets it.
    targets : TargetKind or None
        Kind of the targets that the model was trained on; None if it was trained on other numbers.
        The model sets it before each `check_targets`; untrained, by the data that are scored.
    """

    name: str = ""
    higher_is_better: bool | None = None
    threshold: float = 0.5
    targets: TargetKind | None = None

    @abstractmethod
    def score(self, pred: Array, target: Array) -> Array:
        """Return one number a sample, shape (N,); valid until the next call.

        ``pred`` is the last layer's output (N, *out_shape), ``target`` in the form of the loss.
        """

    def compile_for_device(
        self, loop: Callable[..., None], *arrays: Array, labels: Array | None = None
    ) -> Callable[..., None] | None:
        """Return a loop over samples compiled for a GPU; None if operations on arrays do the work.

        That is so on the host, where they are as fast, and for arrays of another dtype than the
        model's, or labels of another than int64, which a loss of one's own may have.
        """
        if self.backend.on_host:
            return None
        known = all(array.dtype == self.dtype for array in arrays)
        if not known or (labels is not None and labels.dtype != np.int64):
            return None
        return self.backend.compile(loop)

    def score_shape(self, out_shape: Shape) -> Shape:
        """Return the shape of one sample's `score`; () by default, a single number."""
        return ()

    def result(self, means: np.ndarray) -> float:
        """Return the score of the (weighted) means of `score`, a float64 array on the host."""
        return float(means)

    def check_targets(self, target: np.ndarray, out_shape: Shape, loss: Loss) -> None:
        """Check that the metric takes a data set's targets; called once before it is scored.

        Parameters
        ----------
        target : ndarray
            All targets, in the form of the loss.
        out_shape : tuple of int
            Shape of one sample's output.
        loss : Loss
            Its ``takes_logits`` says whether outputs are logits.

        Raises
        ------
        DataError
            If it does not; the message says which targets it takes. By default it takes all.
        """
