"""Findings about data: scale, constant features and class balance, and no false ones."""

from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.core.errors import DataError
from lamella.training.diagnostics.data import sample_size, spread_rows
from tests.data import clouds
from tests.training.diagnostics.examples import checked_names, classifier


def with_column(x: np.ndarray, value: float) -> np.ndarray:
    x = x.copy()
    x[:, 2] = value
    return x


@pytest.mark.parametrize("form", ["images", "floats", "flat floats", "standardised"])
def test_mnist_gives_no_finding(form: str, digits: Any) -> None:
    train, _ = digits
    x: np.ndarray = train.x[:20000]
    if form != "images":
        x = (x / np.float32(255)).astype("float32")
    if form == "flat floats":
        x = x.reshape(len(x), -1)
    if form == "standardised":
        x = (x - x.mean()) / x.std()
    assert checked_names(lm.MLP([8], seed=1), x, train.y[:20000]) == []


DEFECTIVE_INPUTS: dict[str, tuple[str, Any, str]] = {
    "bytes as floats": (
        "unscaled inputs",
        lambda x: np.clip(100 + 60 * x, 0, 255),
        "x / 255, or x.astype(np.uint8)",
    ),
    "large numbers": ("unscaled inputs", lambda x: 1000 * x, "(x - mean) / std"),
    "scaled twice": ("unscaled inputs", lambda x: x / 255 / 255, "to scale them only once"),
    "bits as bytes": (
        "unscaled inputs",
        lambda x: (x > 0).astype("uint8"),
        'x.astype("float32")',
    ),
    "one tiny feature": (
        "features of different scale",
        lambda x: x * np.array([1, 1, 1e-4, 1, 1, 1]),
        "(x - mean) / std",
    ),
    "a constant": ("constant features", lambda x: with_column(x, 1.0), "remove them"),
    "never filled": ("constant features", lambda x: with_column(x, 0.0), "remove them"),
}


@pytest.mark.parametrize(
    ("name", "make", "advice"), DEFECTIVE_INPUTS.values(), ids=DEFECTIVE_INPUTS
)
def test_defective_inputs_are_named(name: str, make: Any, advice: str, backend: Backend) -> None:
    x, y = clouds(200)
    (finding,) = classifier(backend=backend).check(make(x), y).findings
    assert finding.name == name
    assert advice in finding.advice


DEFECTIVE_LABELS: dict[str, tuple[str, int, Any]] = {
    "one class": ("one class only", 3, lambda y: np.full_like(y, 1)),
    "from 1": ("shifted labels", 4, lambda y: y + 1),
    "too many outputs": ("missing classes", 7, lambda y: y),
    "a class lost": ("missing classes", 3, lambda y: np.where(y == 1, 2, y)),
    "rare": ("unbalanced classes", 2, lambda y: (np.arange(len(y)) > len(y) - 6).astype(int)),
    "one class, one-hot": ("one class only", 3, lambda y: np.eye(3)[np.zeros_like(y)]),
}


@pytest.mark.parametrize(
    ("name", "outputs", "make"), DEFECTIVE_LABELS.values(), ids=DEFECTIVE_LABELS
)
def test_defective_labels_are_named(name: str, outputs: int, make: Any, backend: Backend) -> None:
    x, y = clouds(200)
    assert checked_names(classifier(outputs, backend=backend), x, make(y)) == [name]


def test_binary_targets_are_counted_as_classes() -> None:
    x, _ = clouds(200)
    model = classifier(1, (lm.Sigmoid(),), lm.BinaryCrossEntropy())
    assert checked_names(model, x, np.ones((200, 1))) == ["one class only", "constant targets"]
    assert checked_names(model, x, (x[:, :1] > 0) * 1.0) == []


def test_equal_samples_are_refused(backend: Backend) -> None:
    _, y = clouds(200)
    with pytest.raises(DataError, match="all 200 samples of x are equal"):
        classifier(backend=backend).fit(np.ones((200, 6), "float32"), y, verbose=False)


def test_samples_that_differ_only_outside_the_examined_rows_are_accepted() -> None:
    x, y = np.ones((5000, 6), "float32"), np.arange(5000) % 3
    x[np.setdiff1d(np.arange(5000), spread_rows(5000, 512))] = 0.5
    assert checked_names(classifier(), x, y) == []


def test_rare_features_are_not_taken_for_constants() -> None:
    x, y = clouds(5000)
    x = with_column(x, 0.0)
    assert checked_names(classifier(), x, y) == ["constant features"]
    unseen = np.setdiff1d(np.arange(5000), spread_rows(5000, 512))
    x[unseen[7], 2] = 1.0
    assert checked_names(classifier(), x, y) == []


@pytest.mark.parametrize("one_hot", [False, True])
def test_rare_targets_are_not_taken_for_missing_ones(one_hot: bool) -> None:
    x, _ = clouds(5000)
    y = np.zeros(5000, int)
    y[np.setdiff1d(np.arange(5000), spread_rows(5000, 512))[::9]] = 1
    if one_hot:
        assert checked_names(classifier(2), x, np.eye(2)[y]) == []
    else:
        assert checked_names(classifier(1, (), lm.MeanSquaredError()), x, 1.0 * y[:, None]) == []


def test_fewer_rows_are_examined_if_samples_are_large() -> None:
    assert sample_size(np.empty((600, 20))) == 512
    assert sample_size(np.empty((600, 28, 28))) == 83
    assert sample_size(np.empty((600, 3, 64, 64))) == 16
    assert sample_size(np.empty((600, 500, 500))) == 16


def test_examined_rows_are_always_the_same_and_of_every_class() -> None:
    rows = spread_rows(60_000, 512)
    assert len(rows) == 512
    np.testing.assert_array_equal(rows, spread_rows(60_000, 512))
    for period in (2, 10, 117, 118):
        counts = np.bincount(rows % period, minlength=period)
        assert counts.max() < 4 * 512 / period, period
    np.testing.assert_array_equal(spread_rows(5, 512), np.arange(5))
