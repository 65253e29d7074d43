"""Coding of predictions, such that little more than mistakes takes space.

The runs on one test set share its labels. A run that is mostly right is stored as differences to
them, which are 0 but for mistakes; a run that guesses is stored as it is, since it mostly gives one
class. Samples are sorted by their mistakes, since runs fail at the same ones.
"""

from collections.abc import Sequence

import numpy as np

from lamella.core.errors import DataError, FileFormatError


def find_labels(predictions: np.ndarray, correct: Sequence[np.ndarray]) -> np.ndarray:
    """Return the class of each sample (N,) from the answers of all runs (R, N).

    Where no run is right, it is the smallest class that no run gave. A run without right answers
    has an empty vector.

    Raises
    ------
    DataError
        If runs disagree on the right answers.
    """
    judged = [row for row in zip(predictions, correct, strict=True) if len(row[1])]
    labels = np.zeros(predictions.shape[1], predictions.dtype)
    known = np.zeros(len(labels), bool)
    for given, right in judged:
        labels[right] = given[right]
        known |= right
    for sample in np.flatnonzero(~known):
        unused = np.setdiff1d(np.arange(len(predictions) + 1), predictions[:, sample])
        labels[sample] = unused[0]
    if not all(np.array_equal(given == labels, right) for given, right in judged):
        raise DataError("runs on the same test set disagree on the right answers")
    return labels


def encode(
    predictions: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray, list[bool]]:
    """Return codes (R, N), the order of the samples (N,), and which runs are stored raw."""
    codes = predictions - labels  # modulo the range of the type
    wrong = codes != 0
    raw = wrong.mean(axis=1) > 0.5
    codes[raw] = predictions[raw]
    order = np.argsort(wrong.sum(axis=0), kind="stable").astype(np.uint32)
    return codes[:, order], order, raw.tolist()


def decode(
    codes: np.ndarray, labels: np.ndarray, order: np.ndarray, raw: Sequence[bool]
) -> tuple[np.ndarray, np.ndarray]:
    """Return predictions and right answers (R, N) of ``codes``, which are flat.

    Raises
    ------
    FileFormatError
        If the arrays do not fit.
    """
    samples, kind = len(labels), labels.dtype
    if not (kind == codes.dtype and kind.kind == order.dtype.kind == "u"):
        raise FileFormatError("classes, labels and order are not whole numbers of the right types")
    if len(codes) != samples * len(raw) or not np.array_equal(np.sort(order), np.arange(samples)):
        raise FileFormatError("the classes do not fit the test set")
    predictions = np.empty((len(raw), samples), kind)
    predictions[:, order] = codes.reshape(len(raw), samples)
    predictions[~np.array(raw, bool)] += labels
    return predictions, predictions == labels
