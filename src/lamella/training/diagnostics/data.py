"""Findings about data: scale, constant features and class balance."""

from collections.abc import Callable, Iterator

import numpy as np

from lamella.core.errors import DataError
from lamella.core.typing import Array, Shape
from lamella.core.wording import first_of
from lamella.losses.labels import as_labels
from lamella.network.batches import Data
from lamella.training.diagnostics.finding import Finding

SAMPLES = 512  # samples that a check reads at most
NUMBERS, MIN_SAMPLES = 1 << 16, 16  # large samples: about this many numbers, at least 16 samples
LARGE, SMALL = 10.0, 0.01  # typical size of a feature
RANGE_RATIO = 1e3  # largest to smallest range of a feature
IMBALANCE = 20  # most to least frequent class
MIN_PER_CLASS = 10  # samples (of each class) before missing values and classes are reported


def sample_size(x: Array) -> int:
    """Return the number of samples of ``x`` to check, such that it takes a few milliseconds."""
    return max(MIN_SAMPLES, min(SAMPLES, NUMBERS // max(1, int(x[0].size))))


def spread_rows(samples: int, wanted: int) -> np.ndarray:
    """Return ``wanted`` ascending row indices spread over all data, the same in every call.

    The spacing is irregular, so that periodically ordered classes are all sampled.
    """
    if samples <= wanted:
        return np.arange(samples)
    i = np.arange(wanted)
    golden = (np.sqrt(5) - 1) / 2
    return np.asarray((i + i * golden % 1) * (samples / wanted), np.int64)


def input_findings(x: np.ndarray, constant: Callable[[], np.ndarray]) -> Iterator[Finding]:
    """Check the scale of sampled inputs (n, ...), and search for constant features.

    ``constant`` returns a mask of the features that are constant over all samples; it is called
    only if a feature is constant in the sampled inputs.
    """
    images = x.dtype == np.uint8
    rows, unit = x.reshape(len(x), -1), 255.0 if images else 1.0
    low, high = rows.min(axis=0).astype(float) / unit, rows.max(axis=0).astype(float) / unit
    top = float(max(abs(low).max(), abs(high).max())) * unit or 1.0  # its square may overflow
    sizes = np.sqrt(np.square(rows / top, dtype=float).mean(axis=0)) * (top / unit)
    yield from _scale(x, float(sizes.max()), float(low.min()), float(high.max()))
    ranges = high - low
    varying = ranges[ranges > 0]
    if len(varying) and varying.max() > RANGE_RATIO * varying.min():
        yield Finding(
            "features of different scale",
            f"feature {int(ranges.argmax())} spans {ranges.max():.3g}, another only "
            f"{varying.min():.3g}: the large one dominates every step",
            "(x - mean) / std of the training data, feature by feature",
        )
    if len(x) >= MIN_PER_CLASS:
        has_borders = images or x.ndim > 2 or _is_flat_image(low, high)
        allowed = 0.9 * len(ranges) if has_borders else 0
        if np.count_nonzero(ranges == 0) > allowed:
            yield from _constants(constant(), allowed)


def _scale(x: np.ndarray, size: float, low: float, high: float) -> Iterator[Finding]:
    if size > LARGE:
        is_uint8 = low >= 0 and 100 < high <= 255
        yield Finding(
            "unscaled inputs",
            f"x has values from {low:.4g} to {high:.4g}, far outside [-10, 10]",
            "x / 255, or x.astype(np.uint8), which fit scales to [0, 1]"
            if is_uint8
            else "(x - mean) / std of the training data, feature by feature",
        )
    elif 0 < size < SMALL and x.dtype == np.uint8:
        yield Finding(
            "unscaled inputs",
            f"x is uint8, which is divided by 255, but its largest value is {x.max()}",
            'x.astype("float32"), which is not scaled',
        )
    elif 0 < size < SMALL:
        yield Finding(
            "unscaled inputs",
            f"x has values from {low:.3g} to {high:.3g}, all close to 0",
            "to scale them only once, or (x - mean) / std of the training data",
        )


def _is_flat_image(low: np.ndarray, high: np.ndarray) -> bool:
    """Whether features look like pixels of a flattened image, which may have empty borders."""
    return bool(len(low) >= 64 and low.min() == 0 and (high.max() <= 1 or high.max() == 255))


def _constants(constant: np.ndarray, allowed: float) -> Iterator[Finding]:
    columns = np.flatnonzero(constant).tolist()
    if len(columns) > allowed:
        yield Finding(
            "constant features",
            f"{len(columns)} of {len(constant)} features are constant ({first_of(columns)})",
            "to remove them, or to check where their values were lost",
        )


def constant_features(x: Array) -> Array:
    """Return a mask of the features with equal values in all samples, read block by block."""
    rows = x.reshape(len(x), -1)
    same = rows[0] == rows[0]
    block = max(1, (1 << 22) // max(1, int(rows[0].nbytes)))
    for start in range(0, len(rows), block):
        same &= (rows[start : start + block] == rows[0]).all(axis=0)
    return same


def expect_varied(data: Data, y: np.ndarray, x: np.ndarray) -> None:
    """Raise a DataError if all inputs are equal while targets differ; ``x`` is a sample of them."""
    if len(y) < 2 or (x != x[0]).any() or (y == y[0]).all():
        return
    if bool(constant_features(data.x).all()):
        raise DataError(
            f"all {len(data)} samples of x are equal, but their targets differ: nothing can be "
            "learned from them. Check how x was created"
        )


def class_findings(labels: np.ndarray, classes: int, weighted: bool) -> Iterator[Finding]:
    """Check the frequencies of the classes 0..classes-1."""
    counts = np.bincount(labels, minlength=classes)
    present = np.flatnonzero(counts)
    if len(labels) < 2:
        return
    if len(present) == 1:
        yield Finding(
            "one class only",
            f"all {len(labels)} labels are {present[0]}",
            "to check how y was created; a model can learn nothing from one class",
        )
        return
    if len(labels) < MIN_PER_CLASS * classes:
        return
    missing = np.flatnonzero(counts == 0).tolist()
    if missing:
        yield _missing(missing, classes, int(present[-1]))
    most, least = int(counts.argmax()), int(present[counts[present].argmin()])
    if counts[most] > IMBALANCE * counts[least] and not weighted:
        yield Finding(
            "unbalanced classes",
            f"class {most} has {counts[most]:,} samples, class {least} {counts[least]:,}: always "
            f"predicting {most} is right in {counts[most] / len(labels):.1%}",
            "class_weight={"
            f"{least}: {counts[most] / counts[least]:.3g}"
            "}, and not to trust accuracy alone",
        )


def _missing(missing: list[int], classes: int, last: int) -> Finding:
    if missing == [0]:
        return Finding(
            "shifted labels",
            f"the labels are 1 to {last}, but outputs count from 0: no label is 0",
            f"y - 1, and {last} outputs",
        )
    return Finding(
        "missing classes",
        f"{len(missing)} of {classes} outputs have no sample ({first_of(missing)})",
        "one output for each class, or to check where samples were lost",
    )


def class_labels(y: np.ndarray, out_shape: Shape, some: np.ndarray) -> np.ndarray | None:
    """Return the class labels (N,) of targets ``y``, or None if they are no classes.

    A column (N, 1) of zeros and ones holds the labels of a single output. ``some`` is a sample of
    ``y``, tested first because it is cheaper.
    """
    if out_shape == (1,):
        if y.ndim != 2 or not (((some == 0) | (some == 1)).all() and ((y == 0) | (y == 1)).all()):
            return None
        return np.asarray(y == 1, np.int64).reshape(-1)
    if len(out_shape) != 1 or as_labels(some) is None:
        return None
    labels = as_labels(y)
    return None if labels is None else labels.astype(np.int64, copy=False)
