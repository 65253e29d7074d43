"""Cross-entropy of classes, for one label out of many."""

import numpy as np

from lamella.backend.workspace import replayable
from lamella.core.descriptors import checked
from lamella.core.errors import DataError, ShapeError
from lamella.core.typing import Array, Shape
from lamella.core.validation import in_range
from lamella.losses.base import Loss
from lamella.losses.labels import check_labels, check_rows, labels_of_one_hot

WRONG = "wrong", np.dtype(np.int64)  # scratch memory of a label that is no class


class SoftmaxCrossEntropy(Loss):
    """Cross-entropy -log p_y of class scores (logits), for one label out of many.

        p = softmax(z)         loss = log sum_j exp(z_j) - z_y         d loss / d z = p - onehot(y)

    Targets may also be soft, rows t of probabilities: loss = -sum_j t_j log p_j, and its gradient
    p - t. The row's largest logit is subtracted before exp, which changes nothing and keeps it
    finite. Logits that differ by more than the largest number of the dtype have the loss infinity.

    Parameters
    ----------
    label_smoothing : float
        Fraction s, in [0, 1], of each target that is spread evenly over all K classes:
        (1 - s) t + s / K. Also in evaluation, as in torch and Keras.

    Shapes
    ------
    z (N, K), labels (N,) integers in 0..K-1, or rows (N, K) of sum 1; one-hot rows are turned into
    labels

    References
    ----------
    Equal to torch.nn.CrossEntropyLoss(label_smoothing=s); with sample weights,
    sum(w loss) / sum(w). Label smoothing: Szegedy et al., Rethinking the Inception Architecture,
    2016.
    """

    takes_logits = True
    label_smoothing: float = checked(in_range, 0, 1)
    _class_numbers: Array = ()

    def __init__(self, label_smoothing: float = 0.0) -> None:
        self.label_smoothing = label_smoothing

    @replayable
    def forward(self, pred: Array, target: Array) -> Array:
        self.d = self.scratch("d", pred.shape)
        losses = self.scratch("losses", (len(pred),))
        if target.ndim == 1 and not self.label_smoothing:
            loop = self.backend.compile(cross_entropy_rows)
            if loop is None:
                self._cross_entropy_of_all(pred, target, losses)
            else:
                loop(pred, target, self.d, losses, self.scratch("wrong", (2,), np.int64))
                self.expect_valid_targets()
            return self.mean(losses)
        rows = self._smooth(pred, target)
        loop = self.backend.compile(soft_cross_entropy_rows)
        if loop is None:
            self._soft_cross_entropy_of_all(pred, rows, losses)
        else:
            loop(pred, rows, self.d, losses)
        return self.mean(losses)

    @replayable
    def backward(self) -> Array:
        return self.scale_by_batch(self.d)

    @replayable
    def _smooth(self, pred: Array, target: Array) -> Array:
        """Return targets as rows of probabilities (N, K), smoothed."""
        s = self.label_smoothing
        high, low = 1 - s, s / pred.shape[-1]
        if target.ndim == 2:
            if not s:
                return target
            return self.map("rows", lambda t, a, b: a * t + b, target, scalars=(high, low))
        rows = self.scratch("rows", pred.shape)
        loop = self.backend.compile(smooth_rows)
        if loop is not None:
            loop(target, high + low, low, rows, self.scratch("wrong", (2,), np.int64))
            self.expect_valid_targets()
        else:
            rows[...] = low
            self.xp.copyto(rows, high + low, where=self._hot(pred, target))
        return rows

    def _cross_entropy_of_all(self, pred: Array, target: Array, losses: Array) -> None:
        """Fill ``losses`` (N,) and ``self.d``, p - onehot(y), by operations on whole arrays."""
        xp, z, total = self.xp, *self._softmax_of_all(pred)
        hot = self._hot(pred, target)
        xp.subtract(self.d, hot, out=self.d)
        # z_y is left. Not z *= hot: z is -inf where it differs by more than the largest number.
        xp.copyto(z, 0, where=xp.logical_not(hot, out=hot))
        xp.log(total.reshape(-1), out=losses)
        losses -= z.sum(axis=-1, out=self.scratch("z_y", losses.shape))

    def _soft_cross_entropy_of_all(self, pred: Array, rows: Array, losses: Array) -> None:
        """Fill ``losses`` (N,) and ``self.d``, p sum(t) - t, by operations on whole arrays."""
        xp, z, total = self.xp, *self._softmax_of_all(pred)
        mass = rows.sum(axis=-1, keepdims=True, out=self.scratch("mass", total.shape))
        self.d *= mass
        self.d -= rows
        none = xp.equal(rows, 0, out=self.scratch("none", pred.shape, bool))
        xp.copyto(z, 0, where=none)  # z may be -inf there
        z *= rows
        xp.log(total.reshape(-1), out=losses)
        losses *= mass.reshape(-1)
        losses -= z.sum(axis=-1, out=self.scratch("z_y", losses.shape))

    def _softmax_of_all(self, pred: Array) -> tuple[Array, Array]:
        """Fill ``self.d`` with p; return logits minus the largest of the row, and sum(exp)."""
        xp, row = self.xp, (len(pred), 1)
        top = pred.max(axis=-1, keepdims=True, out=self.scratch("top", row))
        with np.errstate(over="ignore"):
            z = xp.subtract(pred, top, out=self.scratch("z", pred.shape))
        p = xp.exp(z, out=self.d)
        total = p.sum(axis=-1, keepdims=True, out=self.scratch("sum", row))
        p /= total
        return z, total

    def check_targets(self, target: np.ndarray, out_shape: Shape, dtype: np.dtype) -> np.ndarray:
        if len(out_shape) != 1 or out_shape[0] < 2:
            raise ShapeError(
                f"SoftmaxCrossEntropy needs at least 2 class scores a sample, the model gives "
                f"{out_shape}: end it with Dense(number of classes)"
                + ", or use SigmoidCrossEntropy() for yes or no"
                * (out_shape == (1,))
            )
        if target.ndim == 2:
            labels = labels_of_one_hot(target, out_shape[0])
            if labels is None:
                return check_rows(target, dtype)
            target = labels
        return check_labels(target, out_shape[0])

    def expect_valid_targets(self) -> None:
        if not self.backend.on_host:  # targets on a device are copies, which nobody changes
            return
        wrong = self._scratch.buffers.get(WRONG)
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

    def _hot(self, pred: Array, target: Array) -> Array:
        """Return a mask (N, K) of the labels' classes; on the host, refuse labels that are none."""
        if len(self._class_numbers) != pred.shape[-1]:
            self._class_numbers = self.xp.arange(pred.shape[-1])
        column, hot = target.reshape(len(pred), 1), self.scratch("hot", pred.shape, bool)
        self.xp.equal(column, self._class_numbers, out=hot)
        if self.backend.on_host and np.count_nonzero(hot) != len(hot):
            wrong = int(hot.any(axis=-1).argmin())
            self._refuse(wrong, int(target[wrong]))
        return hot


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


def soft_cross_entropy_rows(z: Array, rows: Array, d: Array, losses: Array) -> None:
    """Fill ``losses`` (N,) and ``d``, p sum(t) - t, for soft targets ``rows``; to be compiled."""
    if rows.shape != z.shape:
        raise ShapeError("soft targets must have the shape of the class scores")
    for n in range(len(z)):
        top = z[n, 0]
        for k in range(1, z.shape[1]):
            top = max(top, z[n, k])
        total, mass = np.exp(z[n, 0] - top), rows[n, 0]
        d[n, 0] = total
        for k in range(1, z.shape[1]):
            d[n, k] = np.exp(z[n, k] - top)
            total += d[n, k]
            mass += rows[n, k]
        losses[n] = np.log(total) * mass
        for k in range(z.shape[1]):
            d[n, k] = d[n, k] / total * mass - rows[n, k]
            if rows[n, k] != 0:  # 0 times a difference of -inf would be NaN
                losses[n] -= rows[n, k] * (z[n, k] - top)


def smooth_rows(labels: Array, high: float, low: float, rows: Array, wrong: Array) -> None:
    """Fill ``rows`` (N, K) with ``low``, and with ``high`` at the labels; to be compiled.

    ``wrong`` is that of `cross_entropy_rows`.
    """
    if len(labels) != len(rows):
        raise ShapeError("there must be one label for each row of class scores")
    wrong[0] = 0
    rows[:] = low
    for n in range(len(rows)):
        label = labels[n]
        if 0 <= label < rows.shape[1]:
            rows[n, label] = high
        elif wrong[0] == 0:
            wrong[0], wrong[1] = n + 1, label
