"""Cross-entropy of classes, for one label out of many."""

import numpy as np

from lamella.backend.workspace import replayable
from lamella.core.errors import ShapeError
from lamella.core.typing import Array, Shape
from lamella.losses.base import Loss
from lamella.losses.labels import check_labels, labels_of_one_hot


class SoftmaxCrossEntropy(Loss):
    """Cross-entropy -log p_y of class scores (logits), for one label out of many.

        p = softmax(z)         loss = log sum_j exp(z_j) - z_y         d loss / d z = p - onehot(y)

    Stable as long as the differences of a sample's logits are finite: the largest of them is
    subtracted before exp.

    Shapes
    ------
    z (N, K), labels (N,) integers in 0..K-1; one-hot rows (N, K) are turned into labels

    References
    ----------
    Equal to torch.nn.CrossEntropyLoss(); with weights, sum(w loss) / sum(w) as there.
    """

    takes_logits = True
    _class_numbers: Array = ()

    @replayable
    def forward(self, pred: Array, target: Array) -> Array:
        self.d = self.scratch("d", pred.shape)
        losses = self.scratch("losses", (len(pred),))
        loop = self.backend.compile(cross_entropy_rows)
        if loop is None:
            self._cross_entropy_of_all(pred, target, losses)
        else:
            loop(pred, target, self.d, losses)
        return self.mean(losses)

    @replayable
    def backward(self) -> Array:
        return self.scale_by_batch(self.d)

    def _cross_entropy_of_all(self, pred: Array, target: Array, losses: Array) -> None:
        """Fill ``losses`` (N,) and ``self.d``, p - onehot(y), by operations on whole arrays."""
        xp, row = self.xp, (len(pred), 1)
        top = pred.max(axis=-1, keepdims=True, out=self.scratch("top", row))
        with np.errstate(over="ignore"):
            z = xp.subtract(pred, top, out=self.scratch("z", pred.shape))
        # Scores further apart than the largest number: -inf times 0 below would be NaN.
        xp.maximum(z, float(np.finfo(self.dtype).min), out=z)
        p = xp.exp(z, out=self.d)
        total = p.sum(axis=-1, keepdims=True, out=self.scratch("sum", row))
        p /= total
        hot = xp.equal(
            target.reshape(row), self._classes(pred), out=self.scratch("hot", pred.shape, bool)
        )
        xp.subtract(p, hot, out=self.d)
        z *= hot  # z_y is left
        xp.log(total.reshape(-1), out=losses)
        losses -= z.sum(axis=-1, out=self.scratch("z_y", losses.shape))

    def check_targets(self, target: np.ndarray, out_shape: Shape, dtype: np.dtype) -> np.ndarray:
        if len(out_shape) != 1 or out_shape[0] < 2:
            raise ShapeError(
                f"SoftmaxCrossEntropy needs at least 2 class scores a sample, the model gives "
                f"{out_shape}: end it with Dense(number of classes)"
                + ", or use SigmoidCrossEntropy() for yes or no"
                * (out_shape == (1,))
            )
        if target.ndim == 2:
            target = labels_of_one_hot(target, out_shape[0])
        return check_labels(target, out_shape[0])

    def probabilities(self, pred: Array) -> Array:
        p = self.xp.exp(pred - pred.max(axis=-1, keepdims=True))
        return p / p.sum(axis=-1, keepdims=True)

    def _classes(self, pred: Array) -> Array:
        if len(self._class_numbers) != pred.shape[-1]:
            self._class_numbers = self.xp.arange(pred.shape[-1])
        return self._class_numbers


def cross_entropy_rows(z: Array, labels: Array, d: Array, losses: Array) -> None:
    """Fill ``losses`` (N,) and ``d``, p - onehot(y), sample by sample; to be compiled."""
    for n in range(len(z)):
        top = z[n, 0]
        for k in range(1, z.shape[1]):
            top = max(top, z[n, k])
        total = np.exp(z[n, 0] - top)
        d[n, 0] = total
        for k in range(1, z.shape[1]):
            d[n, k] = np.exp(z[n, k] - top)
            total += d[n, k]
        for k in range(z.shape[1]):
            d[n, k] /= total
        d[n, labels[n]] -= 1
        losses[n] = np.log(total) - (z[n, labels[n]] - top)
