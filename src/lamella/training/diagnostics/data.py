"""What data say before the first step: their scale, what never changes, how often each class is."""

from collections.abc import Callable, Iterator

import numpy as np

from lamella.core.errors import DataError
from lamella.core.typing import Array, Shape
from lamella.losses.labels import is_integer
from lamella.network.batches import Data
from lamella.training.diagnostics.finding import Finding

LOOKED_AT = 512  # samples, where there are more
NUMBERS, FEWEST = 1 << 19, 16  # of large samples so many numbers, but not fewer samples
LARGE, SMALL = 10.0, 0.01  # typical size of a feature
APART = 1e3  # ranges of two features
RARE = 20  # times as often as the rarest class is the most common one
EXPECTED = 10  # samples (of each class) before something that is missing is worth a word


def looked_at(x: Array) -> int:
    """Return how many samples of ``x`` a check looks at, so that it takes a few milliseconds."""
    return max(FEWEST, min(LOOKED_AT, NUMBERS // max(1, int(x[0].size))))


def spread_rows(samples: int, wanted: int) -> np.ndarray:
    """Return ``wanted`` row numbers from all over the data, in order: always the same ones.

    They are not evenly spaced, so that data whose classes take turns are not seen by one class.
    """
    if samples <= wanted:
        return np.arange(samples)
    i = np.arange(wanted)
    golden = (np.sqrt(5) - 1) / 2
    return np.asarray((i + i * golden % 1) * (samples / wanted), np.int64)


def input_findings(x: np.ndarray, unchanged: Callable[[], np.ndarray]) -> Iterator[Finding]:
    """Look at the scale of sampled inputs (n, ...), and at features that never change.

    ``unchanged`` says of each feature whether it is the same in all samples; it is asked only
    where those at hand are suspicious.
    """
    images = x.dtype == np.uint8
    rows, unit = x.reshape(len(x), -1), 255.0 if images else 1.0
    low, high = rows.min(axis=0).astype(float) / unit, rows.max(axis=0).astype(float) / unit
    sizes = np.sqrt(np.square(rows, dtype=float).mean(axis=0)) / unit
    yield from _scale(x, float(sizes.max()), float(low.min()), float(high.max()))
    ranges = high - low
    varying = ranges[ranges > 0]
    if len(varying) and varying.max() > APART * varying.min():
        yield Finding(
            "features of different scale",
            f"feature {int(ranges.argmax())} spans {ranges.max():.3g}, another only "
            f"{varying.min():.3g}: the large one decides every step",
            "give each feature mean 0 and spread 1, (x - mean) / std of the training data",
        )
    if len(x) >= EXPECTED:
        pictures = images or x.ndim > 2 or _pixels(low, high)
        most = 0.9 * len(ranges) if pictures else 0
        if np.count_nonzero(ranges == 0) > most:
            yield from _constants(unchanged(), most)


def _scale(x: np.ndarray, size: float, low: float, high: float) -> Iterator[Finding]:
    if size > LARGE:
        bytes_ = low >= 0 and 100 < high <= 255
        yield Finding(
            "unscaled inputs",
            f"x has values from {low:.4g} to {high:.4g}, far outside [-10, 10]",
            "x / 255, or x.astype(np.uint8), which is scaled for you"
            if bytes_
            else "(x - mean) / std of the training data, feature by feature",
        )
    elif 0 < size < SMALL and x.dtype == np.uint8:
        yield Finding(
            "unscaled inputs",
            f"x is uint8, which is divided by 255, but its values reach only {x.max()}",
            'x.astype("float32"), which is taken as it is',
        )
    elif 0 < size < SMALL:
        yield Finding(
            "unscaled inputs",
            f"x has values from {low:.3g} to {high:.3g}, all close to 0",
            "not to scale them twice, or (x - mean) / std of the training data",
        )


def _pixels(low: np.ndarray, high: np.ndarray) -> bool:
    """Whether features look like those of an image laid out flat, whose edges may be empty."""
    return bool(len(low) >= 64 and low.min() == 0 and (high.max() <= 1 or high.max() == 255))


def _constants(unchanged: np.ndarray, most: float) -> Iterator[Finding]:
    constant = np.flatnonzero(unchanged)
    if len(constant) > most:
        few = ", ".join(map(str, constant[:5])) + (", ..." if len(constant) > 5 else "")
        yield Finding(
            "constant features",
            f"{len(constant)} of {len(unchanged)} features never change ({few})",
            "to leave them out, or to look where their values were lost",
        )


def never_changing(x: Array) -> Array:
    """Return of each feature whether it is the same in all samples, read block by block."""
    rows = x.reshape(len(x), -1)
    same = rows[0] == rows[0]
    block = max(1, (1 << 22) // max(1, int(rows[0].nbytes)))
    for start in range(0, len(rows), block):
        same &= (rows[start : start + block] == rows[0]).all(axis=0)
    return same


def expect_varied(data: Data, y: np.ndarray, x: np.ndarray) -> None:
    """Raise a DataError if all inputs are the same while targets differ; ``x`` are some of them."""
    if len(y) < 2 or (x != x[0]).any() or (y == y[0]).all():
        return
    if bool(never_changing(data.x).all()):
        raise DataError(
            f"all {len(data)} samples of x are the same, but their targets differ: nothing can be "
            "learned from them. Look where x was made"
        )


def class_findings(labels: np.ndarray, classes: int, weighted: bool) -> Iterator[Finding]:
    """Look at how often each of the classes 0..classes-1 occurs."""
    counts = np.bincount(labels, minlength=classes)
    there = np.flatnonzero(counts)
    if len(labels) < 2:
        return
    if len(there) == 1:
        yield Finding(
            "one class only",
            f"all {len(labels)} labels are {there[0]}",
            "to look where y was made; a model of one class learns to say nothing else",
        )
        return
    if len(labels) < EXPECTED * classes:
        return
    missing = np.flatnonzero(counts == 0)
    if len(missing):
        yield _missing(missing, classes, int(there[-1]))
    most, least = int(counts.argmax()), int(there[counts[there].argmin()])
    if counts[most] > RARE * counts[least] and not weighted:
        yield Finding(
            "unbalanced classes",
            f"class {most} has {counts[most]:,} samples, class {least} {counts[least]:,}: always "
            f"saying {most} is right in {counts[most] / len(labels):.1%}",
            "class_weight={"
            f"{least}: {counts[most] / counts[least]:.3g}"
            "}, and not to trust accuracy alone",
        )


def _missing(missing: np.ndarray, classes: int, last: int) -> Finding:
    if list(missing) == [0]:
        return Finding(
            "shifted labels",
            f"the labels are 1 to {last}, but outputs count from 0: output 0 is never right",
            f"y - 1, and {last} outputs",
        )
    few = ", ".join(map(str, missing[:5])) + (", ..." if len(missing) > 5 else "")
    return Finding(
        "missing classes",
        f"{len(missing)} of {classes} outputs have no sample ({few})",
        "as many outputs as there are classes, or to look where samples were lost",
    )


def labels_of(y: np.ndarray, out_shape: Shape, some: np.ndarray) -> np.ndarray | None:
    """Return class labels, if that is what the targets ``y``, such as ``some``, are."""
    if len(out_shape) != 1:
        return None
    if y.ndim == 1 and is_integer(y) and out_shape[0] > 1:
        return y.astype(np.int64, copy=False)
    if not ((some == 0) | (some == 1)).all():
        return None
    if some.ndim == 2 and some.shape[1] > 1 and (some.sum(axis=1) == 1).all():
        return np.asarray(y.argmax(axis=1))
    if out_shape == (1,) and y.ndim == 2:
        whole = y.reshape(-1)
        yes = whole == 1
        return yes.astype(np.int64) if (yes | (whole == 0)).all() else None
    return None
