"""Cross-entropy of classes, for one label out of many."""

import numpy as np

from lamella.backend.workspace import replayable
from lamella.core.errors import DataError, ShapeError
from lamella.core.typing import Array, Shape
from lamella.losses.base import Loss
from lamella.losses.labels import check_labels, labels_of_one_hot

WRONG = "wrong", np.dtype(np.int64)  # scratch memory of a label that is no class


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
            loop(pred, target, self.d, losses, self.scratch("wrong", (2,), np.int64))
            self.expect_valid_targets()
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
        if self.backend.on_host and np.count_nonzero(hot) != len(hot):
            wrong = int(hot.any(axis=-1).argmin())
            self._refuse(wrong, int(target[wrong]))
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

    def expect_valid_targets(self) -> None:
        wrong = self._scratch.buffers().get(WRONG)
        if wrong is not None and wrong[0]:
            self._refuse(int(wrong[0]) - 1, int(wrong[1]))

    def _refuse(self, row: int, label: int) -> None:
        raise DataError(
            f"label {label} of sample {row} in the batch is not in 0..{self.d.shape[-1] - 1}: "
            "y has changed since its check (then pass y.copy()), or check_targets was not called"
        )

    def probabilities(self, pred: Array) -> Array:
        p = self.xp.exp(pred - pred.max(axis=-1, keepdims=True))
        return p / p.sum(axis=-1, keepdims=True)

    def _classes(self, pred: Array) -> Array:
        if len(self._class_numbers) != pred.shape[-1]:
            self._class_numbers = self.xp.arange(pred.shape[-1])
        return self._class_numbers


def cross_entropy_rows(z: Array, labels: Array, d: Array, losses: Array, wrong: Array) -> None:
    """Fill ``losses`` (N,) and ``d``, p - onehot(y), sample by sample; to be compiled.

    ``wrong`` becomes 1 + row and label of the first sample whose label is no class, else 0.
    """
    if len(labels) != len(z):
        raise ShapeError("there must be one label for each row of class scores")
    wrong[0] = 0
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
        label = labels[n]
        if 0 <= label < z.shape[1]:
            d[n, label] -= 1
            losses[n] = np.log(total) - (z[n, label] - top)
        elif wrong[0] == 0:
            wrong[0], wrong[1] = n + 1, label
