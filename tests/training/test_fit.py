"""Wrong data and options of fit: a clear error before anything changes.

Each case names the error and parts of its text: the argument, the expected and the actual value.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.core.errors import (
    ArgumentError,
    DataError,
    LamellaError,
    ShapeError,
    UsageError,
)
from lamella.training.splits import split_rows
from tests.data import clouds
from tests.networks import small_classifier, snapshot
from tests.wrong_calls import (
    INF,
    NAN,
    X,
    Y,
    classifier,
    decider,
    expect_untouched,
    good,
    regressor,
    train,
)


def spoiled(value: float) -> np.ndarray:
    """The samples with one number that should not be there, in sample 7."""
    x = X.copy()
    x[7, 2] = value
    return x


def changed(position: int, label: int) -> np.ndarray:
    """The labels with one that should not be there."""
    y = Y.copy()
    y[position] = label
    return y


# Wrong data for any method: a model, its data, the error, parts of its text.
DATA: dict[str, tuple[Callable[..., lm.Sequential], Any, Any, type[LamellaError], list[str]]] = {
    "one axis": (classifier, X[:, 0], Y, ShapeError, ["x must have", "(N, features...)", "(33,)"]),
    "a single sample": (classifier, X[0], Y[:1], ShapeError, ["x must have", "(6,)", "x[None]"]),
    "no sample": (classifier, X[:0], Y[:0], DataError, ["x is empty", "(0, 6)"]),
    "no feature": (classifier, X[:, :0], Y, DataError, ["x is empty", "(33, 0)"]),
    "an empty list": (classifier, [], [], LamellaError, ["x", "(0,)"]),
    "text": (classifier, np.full((33, 6), "a"), Y, DataError, ["x must hold numbers", "<U1"]),
    "objects": (
        classifier,
        X.astype(object),
        Y,
        DataError,
        ["x must hold numbers", "object", 'np.asarray(x, "float32")'],
    ),
    "complex": (classifier, X * 1j, Y, DataError, ["x must hold numbers", "complex"]),
    "dates": (
        classifier,
        np.zeros((33, 6), "datetime64[s]"),
        Y,
        DataError,
        ["x must hold numbers", "datetime64"],
    ),
    "ragged rows": (classifier, [[1.0], [1.0, 2.0]], [0, 1], DataError, ["different lengths"]),
    "NaN": (classifier, spoiled(NAN), Y, DataError, ["x contains NaN", "sample 7"]),
    "Inf": (classifier, spoiled(INF), Y, DataError, ["x contains", "sample 7"]),
    "-Inf": (classifier, spoiled(-INF), Y, DataError, ["x contains", "sample 7"]),
    "too large for float32": (
        classifier,
        X.astype(float) * 1e300,
        Y,
        DataError,
        ["x contains", "too large for float32"],
    ),
    "fewer labels": (classifier, X, Y[:32], ShapeError, ["x has 33 samples", "y", "(32,)"]),
    "more labels": (classifier, X[:32], Y, ShapeError, ["x has 32 samples", "y", "(33,)"]),
    "no labels": (classifier, X, None, DataError, ["y must hold numbers", "got None"]),
    "a label too large": (classifier, X, changed(3, 3), DataError, ["labels", "0..2", "to 3"]),
    "a negative label": (classifier, X, changed(3, -1), DataError, ["labels", "0..2", "-1"]),
    "labels that are floats": (
        classifier,
        X,
        Y.astype(float),
        DataError,
        ["labels must be integers", "float64", "astype(int)"],
    ),
    "labels that are text": (classifier, X, Y.astype(str), DataError, ["y must hold", "<U"]),
    "one-hot too wide": (
        classifier,
        X,
        np.eye(4)[Y],
        ShapeError,
        ["one-hot", "3 columns", "got 4"],
    ),
    "one-hot too narrow": (
        classifier,
        X,
        np.eye(3)[Y][:, :2],
        ShapeError,
        ["one-hot", "3 columns", "got 2"],
    ),
    "labels in a column": (classifier, X, Y[:, None], ShapeError, ["3 columns", "got 1"]),
    "two ones in a row": (
        classifier,
        X,
        np.ones((33, 3)),
        DataError,
        ["row 0", "of sum 3", "Sigmoid"],
    ),
    "soft labels of sum 2": (
        classifier,
        X,
        np.full((33, 3), 2 / 3),
        DataError,
        ["one-hot", "sum 2"],
    ),
    "labels of three axes": (classifier, X, np.zeros((33, 3, 1), int), ShapeError, ["(33, 3, 1)"]),
    "two targets for one output": (
        regressor,
        X,
        np.zeros((33, 2)),
        ShapeError,
        ["MeanSquaredError", "(N, 1)", "got (33, 2)"],
    ),
    "a target that is NaN": (
        regressor,
        X,
        np.full((33, 1), NAN),
        DataError,
        ["targets contain NaN"],
    ),
    "a target that is infinite": (
        regressor,
        X,
        np.full((33, 1), -INF),
        DataError,
        ["infinite"],
    ),
    "answers above 1": (decider, X, Y[:, None], DataError, ["[0, 1]", "from 0 to 2"]),
    "answers below 0": (decider, X, (Y % 2)[:, None] - 0.5, DataError, ["[0, 1]", "from -0.5"]),
}


@pytest.mark.parametrize("what", DATA)
def test_wrong_data_are_refused_and_change_nothing(what: str, backend: Backend) -> None:
    make, x, y, error, parts = DATA[what]
    expect_untouched(
        lambda: make(backend), lambda model: model.fit(x, y, verbose=False), error, parts
    )


@pytest.mark.parametrize("what", DATA)
def test_wrong_validation_data_are_refused_and_change_nothing(what: str) -> None:
    make, x, y, error, parts = DATA[what]
    expect_untouched(
        make,
        lambda model: model.fit(*good(model), validation_data=(x, y), verbose=False),
        error,
        parts,
    )


@pytest.mark.parametrize("what", DATA)
def test_wrong_data_of_evaluate_and_train_step_are_refused(what: str) -> None:
    make, x, y, error, parts = DATA[what]
    model = make()
    train(model)
    before = snapshot(model)
    for call in (model.evaluate, model.train_step):
        with pytest.raises(error) as caught:
            call(x, y)
        assert all(part in str(caught.value) for part in parts), str(caught.value)
    np.testing.assert_equal(snapshot(model), before)


@pytest.mark.parametrize("what", ["NaN", "no sample", "text", "one axis", "ragged rows"])
def test_wrong_inputs_of_predict_are_refused(what: str) -> None:
    make, x, _, error, parts = DATA[what]
    model = make()
    train(model)
    for call in (model.predict, model.predict_classes, model.predict_proba):
        with pytest.raises(error) as caught:
            call(x)
        assert all(part in str(caught.value) for part in parts), str(caught.value)


def test_errors_about_validation_data_name_the_argument() -> None:
    with pytest.raises(DataError, match="in validation_data: x contains NaN"):
        classifier().fit(X, Y, validation_data=(spoiled(NAN), Y), verbose=False)
    with pytest.raises(
        ShapeError, match=r"in validation_data: x has 33 samples, but y has shape \(32,\)"
    ):
        classifier().fit(X, Y, validation_data=(X, Y[:32]), verbose=False)


# Options of fit


OPTIONS: list[tuple[dict[str, Any], type[LamellaError], list[str]]] = [
    *(
        ({"batch_size": value}, ArgumentError, ["batch_size", "at least 1", f"got {value!r}"])
        for value in (0, -5, 2.5, "64", None, True, NAN)
    ),
    *(
        ({"epochs": value}, ArgumentError, ["epochs", "at least 1", f"got {value!r}"])
        for value in (0, -1, 1.5, "5", None)
    ),
    *(
        ({"validation_split": value}, ArgumentError, ["validation_split", f"got {value!r}"])
        for value in (1, 1.5, -0.1, NAN, "0.1", None)
    ),
    ({"validation_split": 1e-4}, DataError, ["0.0001 of 33 samples holds out none"]),
    (
        {"validation_split": 0.1, "validation_data": (X, Y)},
        UsageError,
        ["validation_data or validation_split, not both"],
    ),
    ({"validation_data": (X[:, :4], Y)}, ShapeError, ["(4,)", "layer 0 Dense", "(6,)"]),
    ({"sample_weight": np.ones(32)}, ShapeError, ["sample_weight", "(33,)", "got (32,)"]),
    ({"sample_weight": np.ones((33, 1))}, ShapeError, ["sample_weight", "got (33, 1)"]),
    ({"sample_weight": -np.ones(33)}, DataError, ["weights must be finite and at least 0"]),
    ({"sample_weight": np.zeros(33)}, DataError, ["the weights of", "are all 0"]),
    ({"sample_weight": np.full(33, NAN)}, DataError, ["weights must be finite"]),
    ({"sample_weight": ["heavy"] * 33}, LamellaError, ["sample_weight", "numbers"]),
    ({"class_weight": {7: 2.0}}, ArgumentError, ["class_weight", "[7]"]),
    ({"class_weight": {0: -2.0}}, DataError, ["weights must be finite and at least 0"]),
    ({"class_weight": {0: NAN}}, DataError, ["weights must be finite"]),
    # 33 samples leave a last batch of one, which BatchNorm cannot be trained on.
    ({"batch_size": 1}, DataError, ["layer 1 BatchNorm", "batch of 1", "needs 2", "batch_size"]),
    ({"batch_size": 16}, DataError, ["layer 1 BatchNorm", "rest of 33", "batch_size"]),
    ({"batch_size": 32}, DataError, ["layer 1 BatchNorm", "batch of 1", "rest of 33"]),
    ({"batch_size": 5, "validation_split": 2 / 33}, DataError, ["BatchNorm", "rest of 31"]),
]


@pytest.mark.parametrize(
    ("options", "error", "parts"), OPTIONS, ids=["-".join(options) for options, *_ in OPTIONS]
)
def test_wrong_options_of_fit_are_refused_and_change_nothing(
    options: dict[str, Any], error: type[LamellaError], parts: list[str]
) -> None:
    def wrong(model: lm.Sequential) -> None:
        model.fit(X, Y, verbose=False, **options)

    expect_untouched(classifier, wrong, error, parts)


@pytest.mark.parametrize("value", [0, -1, 2.5, "all", None])
def test_a_wrong_batch_size_of_evaluation_is_refused(value: object) -> None:
    model = classifier()
    train(model)
    for call in (
        lambda: model.evaluate(X, Y, batch_size=value),
        lambda: model.predict(X, batch_size=value),
    ):
        with pytest.raises(ArgumentError, match=r"batch_size must be .* at least 1, got"):
            call()


MASKED_X, MASKED_Y = np.ma.masked_less(X, X.mean()), np.ma.masked_equal(Y, 1)
MASKED_W = np.ma.masked_equal(np.arange(33.0), 3)
MASKED: dict[str, Callable[[lm.Sequential], object]] = {
    "x": lambda model: model.fit(MASKED_X, Y, verbose=False),
    "y": lambda model: model.fit(X, MASKED_Y, verbose=False),
    "sample_weight": lambda model: model.fit(X, Y, sample_weight=MASKED_W, verbose=False),
    "in validation_data: x": lambda model: model.fit(
        X, Y, validation_data=(MASKED_X, Y), verbose=False
    ),
    "in validation_data: sample_weight": lambda model: model.fit(
        X, Y, validation_data=(X, Y, MASKED_W), verbose=False
    ),
}


@pytest.mark.parametrize(("name", "wrong"), MASKED.items(), ids=MASKED)
def test_masked_arrays_are_refused_and_change_nothing(name: str, wrong: Any) -> None:
    expect_untouched(classifier, wrong, DataError, [f"{name} has ", "masked value", "filled"])


def test_masked_arrays_are_not_predicted_evaluated_or_stepped_on() -> None:
    model = classifier()
    train(model)
    for call in (
        lambda: model.predict(MASKED_X),
        lambda: model.evaluate(X, MASKED_Y),
        lambda: model.evaluate(X, Y, sample_weight=MASKED_W),
        lambda: model.train_step(list(MASKED_X), Y),
        lambda: model.check(MASKED_X, Y),
    ):
        with pytest.raises(DataError, match="masked value"):
            call()


@pytest.mark.parametrize("data", [(X,), (X, Y, np.ones(33), 1), "xy", {"x": X, "y": Y}])
def test_validation_data_of_another_form_are_refused(data: Any) -> None:
    with pytest.raises(UsageError, match=r"must be \(x, y\) or \(x, y, sample_weight\)"):
        classifier().fit(X, Y, validation_data=data, verbose=False)


NONE = np.zeros(33)


@pytest.mark.parametrize(
    ("options", "which"),
    [
        ({"sample_weight": NONE}, "samples to train on"),
        ({"class_weight": dict.fromkeys(range(3), 0.0)}, "samples to train on"),
        ({"validation_data": (X, Y, NONE)}, "validation data"),
        ({"validation_split": 0.2, "sample_weight": "held out"}, "validation data"),
        ({"validation_split": 0.2, "sample_weight": "kept"}, "samples to train on"),
    ],
)
def test_data_without_any_weight_are_refused(options: dict[str, Any], which: str) -> None:
    model = classifier()
    _, held_out = split_rows(Y, 0.2, model.streams)
    weight = np.zeros(33)
    weight[held_out] = 1
    by_name = {"held out": 1 - weight, "kept": weight}
    if isinstance(options.get("sample_weight"), str):
        options = {**options, "sample_weight": by_name[options["sample_weight"]]}
    with pytest.raises(DataError, match=f"the weights of the {which} are all 0"):
        model.fit(X, Y, verbose=False, **options)
    train(model)
    with pytest.raises(DataError, match="the weights of the samples are all 0"):
        model.evaluate(X, Y, sample_weight=NONE)


def test_one_sample_cannot_train_batch_norm_but_can_be_scored() -> None:
    model = classifier()
    with pytest.raises(DataError, match="layer 1 BatchNorm cannot be trained on a batch of 1"):
        model.fit(X[:1], Y[:1], verbose=False)
    with pytest.raises(DataError, match="layer 1 BatchNorm cannot be trained on a batch of 1"):
        model.train_step(X[:1], Y[:1])
    train(model)
    assert model.predict(X[:1]).shape == (1, 3)
    assert set(model.evaluate(X, Y, batch_size=1)) == {"loss", "accuracy"}


class StopsAtOnce(lm.Callback):
    def on_fit_begin(self, model: Any, epochs: int, batches: int) -> None:
        model.stop("enough")


def test_stop_in_on_fit_begin_ends_the_fit_before_its_first_step(tmp_path: Path) -> None:
    for checkpoint in (None, tmp_path, tmp_path):
        model = small_classifier().build((6,))
        before = model.state_dict()
        history = model.fit(
            *clouds(), verbose=False, callbacks=[StopsAtOnce()], checkpoint=checkpoint
        )
        assert (model.stop_reason, model.epochs_done, len(history)) == ("enough", 0, 0)
        np.testing.assert_equal(model.state_dict(), before)


class Compiles(lm.Callback):
    def on_epoch_end(self, model: Any, epoch: int, logs: Any) -> None:
        model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(0.1), ["top_2"])


def test_compile_is_refused_while_fit_runs() -> None:
    model = small_classifier()
    loss, metrics = model.loss, model.metrics
    with pytest.raises(UsageError, match=r"fit is running on this model.*call compile after it"):
        model.fit(*clouds(), epochs=2, verbose=False, callbacks=[Compiles()])
    assert model.loss is loss
    assert model.metrics is metrics
    model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(0.1), ["top_2"])
    assert not hasattr(model.metrics, "append")
