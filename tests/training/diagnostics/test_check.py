"""model.check and the check of fit: findings, no false findings, nothing changed."""

import warnings
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.core.errors import CheckWarning, DataError, UsageError
from lamella.training.diagnostics.data import sample_size, spread_rows
from tests.data import clouds
from tests.subprocesses import run_python

Samples = tuple[np.ndarray, np.ndarray]
MISFIT = "loss does not fit the last layer"


def network(
    classes: int = 3,
    last: tuple[lm.Layer, ...] = (),
    loss: lm.Loss | None = None,
    backend: str | Backend = "numpy",
) -> lm.Sequential:
    layers = [lm.Flatten(), lm.Dense(8), lm.ReLU(), lm.Dropout(0.2), lm.Dense(classes), *last]
    model = lm.Sequential(layers, seed=1, backend=backend)
    return model.compile(loss or lm.SoftmaxCrossEntropy(), lm.Adam(0.01), ["accuracy"])


def names(model: lm.Sequential, x: Any, y: Any) -> list[str]:
    return [finding.name for finding in model.check(x, y).findings]


def with_column(x: np.ndarray, value: float) -> np.ndarray:
    x = x.copy()
    x[:, 2] = value
    return x


def test_healthy_data_give_no_finding(backend: Backend) -> None:
    assert names(network(backend=backend), *clouds(200)) == []


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
    assert names(lm.MLP([8], seed=1), x, train.y[:20000]) == []


SICK_INPUTS: dict[str, tuple[str, Any, str]] = {
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


@pytest.mark.parametrize(("name", "make", "advice"), SICK_INPUTS.values(), ids=SICK_INPUTS)
def test_sick_inputs_are_named(name: str, make: Any, advice: str, backend: Backend) -> None:
    x, y = clouds(200)
    (finding,) = network(backend=backend).check(make(x), y).findings
    assert finding.name == name
    assert advice in finding.advice


SICK_LABELS: dict[str, tuple[str, int, Any]] = {
    "one class": ("one class only", 3, lambda y: np.full_like(y, 1)),
    "from 1": ("shifted labels", 4, lambda y: y + 1),
    "too many outputs": ("missing classes", 7, lambda y: y),
    "a class lost": ("missing classes", 3, lambda y: np.where(y == 1, 2, y)),
    "rare": ("unbalanced classes", 2, lambda y: (np.arange(len(y)) > len(y) - 6).astype(int)),
    "one class, one-hot": ("one class only", 3, lambda y: np.eye(3)[np.zeros_like(y)]),
}


@pytest.mark.parametrize(("name", "outputs", "make"), SICK_LABELS.values(), ids=SICK_LABELS)
def test_sick_labels_are_named(name: str, outputs: int, make: Any, backend: Backend) -> None:
    x, y = clouds(200)
    assert names(network(outputs, backend=backend), x, make(y)) == [name]


def test_yes_and_no_are_counted_as_classes() -> None:
    x, _ = clouds(200)
    model = network(1, (lm.Sigmoid(),), lm.BinaryCrossEntropy())
    assert names(model, x, np.ones((200, 1))) == ["one class only", "constant targets"]
    assert names(model, x, (x[:, :1] > 0) * 1.0) == []


def test_class_weights_answer_for_unbalanced_classes() -> None:
    x, _ = clouds(200)
    y = (np.arange(200) >= 195).astype(int)
    options: dict[str, Any] = {"epochs": 1, "verbose": False}
    with pytest.warns(CheckWarning, match=r"class_weight=\{1: 39\}"):
        network(2).fit(x, y, **options)
    network(2).fit(x, y, class_weight={1: 39.0}, **options)


def test_labels_from_one_are_refused_with_the_way_out() -> None:
    x, y = clouds(200)
    with pytest.raises(DataError, match="values from 1 to 3: they count from 1, use y - 1"):
        network(3).check(x, y + 1)


SICK_ENDS: dict[str, tuple[str, Any, Any]] = {
    "scores cut off": (MISFIT, lambda: network(3, (lm.ReLU(),)), lambda x, y: y),
    "scores bounded": (MISFIT, lambda: network(3, (lm.Tanh(),)), lambda x, y: y),
    "no probability": (
        MISFIT,
        lambda: network(1, (), lm.BinaryCrossEntropy()),
        lambda x, y: (x[:, :1] > 0) * 1.0,
    ),
    "out of reach": (
        "targets out of reach",
        lambda: network(1, (lm.Sigmoid(),), lm.MeanSquaredError()),
        lambda x, y: x[:, :1],
    ),
    "large targets": (
        "unscaled targets",
        lambda: network(1, (), lm.MeanSquaredError()),
        lambda x, y: 1e4 * x[:, :1],
    ),
    "one target": (
        "constant targets",
        lambda: network(1, (), lm.MeanSquaredError()),
        lambda x, y: np.full((200, 1), 0.5),
    ),
}


@pytest.mark.parametrize(("name", "make", "target"), SICK_ENDS.values(), ids=SICK_ENDS)
def test_what_does_not_fit_the_loss_is_named(name: str, make: Any, target: Any) -> None:
    x, y = clouds(200)
    assert names(make(), x, target(x, y)) == [name]


FITTING_ENDS: dict[str, tuple[Any, Any]] = {
    "distance": (
        lambda: network(3, (lm.Softmax(),), lm.MeanSquaredError()),
        lambda x, y: y,
    ),
    "yes or no": (
        lambda: network(1, (lm.Sigmoid(),), lm.BinaryCrossEntropy()),
        lambda x, y: (x[:, :1] > 0) * 1.0,
    ),
    "number": (lambda: network(1, (), lm.MeanAbsoluteError()), lambda x, y: x[:, :1]),
}


@pytest.mark.parametrize(("make", "target"), FITTING_ENDS.values(), ids=FITTING_ENDS)
def test_what_fits_the_loss_gives_no_finding(make: Any, target: Any) -> None:
    x, y = clouds(200)
    assert names(make(), x, target(x, y)) == []


def test_samples_that_are_all_the_same_are_refused(backend: Backend) -> None:
    _, y = clouds(200)
    with pytest.raises(DataError, match="all 200 samples of x are equal"):
        network(backend=backend).fit(np.ones((200, 6), "float32"), y, verbose=False)


def test_samples_that_differ_where_nobody_looked_are_not_refused() -> None:
    x, y = np.ones((5000, 6), "float32"), np.arange(5000) % 3
    x[np.setdiff1d(np.arange(5000), spread_rows(5000, 512))] = 0.5
    assert names(network(), x, y) == []


def test_rare_features_are_not_taken_for_constants() -> None:
    x, y = clouds(5000)
    x = with_column(x, 0.0)
    assert names(network(), x, y) == ["constant features"]
    unseen = np.setdiff1d(np.arange(5000), spread_rows(5000, 512))
    x[unseen[7], 2] = 1.0
    assert names(network(), x, y) == []


@pytest.mark.parametrize("one_hot", [False, True])
def test_rare_targets_are_not_taken_for_missing_ones(one_hot: bool) -> None:
    x, _ = clouds(5000)
    y = np.zeros(5000, int)
    y[np.setdiff1d(np.arange(5000), spread_rows(5000, 512))[::9]] = 1
    if one_hot:
        assert names(network(2), x, np.eye(2)[y]) == []
    else:
        assert names(network(1, (), lm.MeanSquaredError()), x, 1.0 * y[:, None]) == []


def test_few_are_looked_at_where_samples_are_large() -> None:
    assert sample_size(np.empty((600, 28, 28))) == 512
    assert sample_size(np.empty((600, 3, 64, 64))) == 42
    assert sample_size(np.empty((600, 500, 500))) == 16


def test_softmax_of_one_output_is_refused() -> None:
    x, _ = clouds(200)
    with pytest.raises(UsageError, match="a single output, which is 1 for every input"):
        network(1, (lm.Softmax(),), lm.MeanSquaredError()).check(x, x[:, :1])


def test_report_traces_the_shapes_and_says_what_to_try() -> None:
    x, y = clouds(200)
    text = str(network().check(1000 * x, y))
    rows = text.splitlines()
    assert rows[0] == "200 samples"
    traced = [row.rsplit("  ", 1)[-1] for row in rows[1:7]]
    assert traced == ["(6,)", "(6,)", "(8,)", "(8,)", "(8,)", "(3,)"]
    assert rows[8:10] == ["1 finding", "  unscaled inputs"]
    assert rows[-1].startswith("    try: (x - mean) / std")


def test_fit_warns_of_each_finding_at_the_line_that_called_it() -> None:
    x, y = clouds(200)
    with pytest.warns(CheckWarning) as warned:
        network(4).fit(1000 * x, y + 1, epochs=1, verbose=False)
    assert [str(w.message).partition(":")[0] for w in warned] == [
        "unscaled inputs",
        "shifted labels",
    ]
    assert {w.filename for w in warned} == {__file__}


def test_fit_skips_the_check_on_request() -> None:
    x, y = clouds(200)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network(4).fit(1000 * x, y + 1, epochs=1, verbose=False, check=False)


def test_training_has_the_same_bits_with_and_without_a_look(backend: Backend) -> None:
    x, y = clouds(200)
    ends = []
    for look in (False, True):
        model = network(backend=backend)
        for epochs in (2, 1):
            if look:
                model.check(x, y)
            model.fit(x, y, epochs=epochs, batch_size=16, verbose=False, check=look)
        ends.append({**model.state_dict(), **model.optimizer.state_dict()})
    for name, array in ends[0].items():
        assert array.tobytes() == ends[1][name].tobytes(), name


def test_rows_looked_at_are_always_the_same_and_of_every_class() -> None:
    rows = spread_rows(60_000, 512)
    assert len(rows) == 512
    np.testing.assert_array_equal(rows, spread_rows(60_000, 512))
    for period in (2, 10, 117, 118):
        counts = np.bincount(rows % period, minlength=period)
        assert counts.max() < 4 * 512 / period, period
    np.testing.assert_array_equal(spread_rows(5, 512), np.arange(5))


def test_nothing_of_it_is_imported_before_it_is_used() -> None:
    code = "import sys, lamella; assert not any('health' in name for name in sys.modules)"
    run_python("-c", code)
