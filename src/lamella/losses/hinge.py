"""Hinge loss: margins between the score of a class and those of the others."""

import numpy as np
from numpy import maximum, sign

from lamella.backend.workspace import replayable
from lamella.core.errors import ShapeError
from lamella.core.typing import Array, Shape
from lamella.losses.base import Loss
from lamella.losses.labels import check_labels, labels_of_one_hot


class Hinge(Loss):
    """Multi-class hinge loss: the right class should score at least 1 more than each other one.

        loss = 1 / K sum_(j != y) max(0, 1 + z_j - z_y)

    Behind a single `Dense` it is a linear support vector machine. `predict_proba` gives the softmax
    of the scores, an order of confidence rather than probabilities.

    Shapes
    ------
    z (N, K), labels (N,) integers in 0..K-1 or one-hot rows (N, K);  K at least 2

    References
    ----------
    Weston and Watkins, Support Vector Machines for Multi-Class Pattern Recognition, 1999. Equal to
    torch.nn.MultiMarginLoss(). (Keras's CategoricalHinge takes the largest term, not the sum.)
    """

    takes_logits = True

    @replayable
    def forward(self, pred: Array, target: Array) -> Array:
        self.target = target
        own = self.row_totals("own", self.map("d", lambda z, t: z * t, pred, target))
        self.margins = self.map(
            "margins", lambda z, t, own: maximum(1 + z - own, 0) * (1 - t), pred, target, own
        )
        return self.mean(self.margins)

    @replayable
    def backward(self) -> Array:
        hits = self.map("d", sign, self.margins)
        counts = self.row_totals("own", hits)
        return self.scale_by_batch(
            self.map(
                *(hits, lambda hit, t, count, k: (hit - t * count) / k, hits, self.target, counts),
                scalars=(hits.shape[1],),
            )
        )

    def check_targets(self, target: np.ndarray, out_shape: Shape, dtype: np.dtype) -> np.ndarray:
        if len(out_shape) != 1 or out_shape[0] < 2:
            raise ShapeError(
                f"Hinge needs at least 2 class scores a sample, the model gives {out_shape}: end "
                "it with Dense(number of classes), of which yes or no are 2"
            )
        labels = labels_of_one_hot(target, out_shape[0]) if target.ndim == 2 else target
        if labels is None:
            raise ShapeError("Hinge takes one label a sample: integers (N,) or one-hot rows")
        return super().check_targets(check_labels(labels, out_shape[0]), out_shape, dtype)

    def probabilities(self, pred: Array) -> Array:
        p = self.xp.exp(pred - pred.max(axis=-1, keepdims=True))
        return p / p.sum(axis=-1, keepdims=True)
