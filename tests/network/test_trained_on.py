"""Inputs of another scale or order of columns than those that a model was trained on."""

import copy
import pickle
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.core.errors import CheckWarning, DataError, FileFormatError, UsageError
from lamella.network.batches import Data
from lamella.network.trained_on import TrainedOn, column_names
from tests.data import clouds

IMAGES = np.random.default_rng(5).integers(0, 256, (40, 4, 4), np.uint8)
Y = np.arange(40) % 2


def fitted(x: Any, **options: Any) -> lm.Sequential:
    model = lm.Sequential([lm.Flatten(), lm.Dense(3)], seed=1, backend="numpy")
    model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(1e-6))
    model.fit(x, Y, epochs=1, verbose=False, check=False, **options)
    return model


def warned(call: Callable[[], object]) -> list[str]:
    """Return the warnings of a call."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        call()
    assert all(each.category is CheckWarning for each in found)
    return [str(each.message) for each in found]


FLOATS = IMAGES.astype("float32")
CASES: dict[str, tuple[np.ndarray, np.ndarray, str]] = {
    "bytes, then floats to 255": (IMAGES, FLOATS, "up to 255.*divided by 255.*use x / 255"),
    "bytes, then floats to 1": (IMAGES, FLOATS / 255, ""),
    "bytes, then bytes": (IMAGES, IMAGES // 100, ""),
    "bytes of 0 and 1, then again": (IMAGES // 128, IMAGES // 128, ""),
    "floats to 1, then bytes": (FLOATS / 255, IMAGES, ""),
    "floats to 255, then bytes": (FLOATS, IMAGES, r'uint8.*about 2\d\d: use x.astype\("float32"\)'),
    "floats to 255, then to 1": (FLOATS, FLOATS / 255, "up to 1, .*about 2.*as the training data"),
    "floats to 1, then to 255": (FLOATS / 255, FLOATS, "up to 255, .*values up to 1: prepare x"),
    "nine times larger": (FLOATS, FLOATS * 9, ""),
    "eleven times larger": (FLOATS, FLOATS * 11, "prepare x as the training data"),
    "fifty times smaller": (FLOATS, FLOATS / 50, ""),
    "negative": (FLOATS / 255, -FLOATS, "up to 255"),
    "all 0": (FLOATS, FLOATS * 0, ""),
    "trained on 0": (FLOATS * 0, FLOATS, ""),
}


@pytest.mark.parametrize("name", CASES)
def test_another_scale_at_prediction_is_a_warning_once(name: str) -> None:
    before, after, text = CASES[name]
    model = fitted(before)
    messages = warned(lambda: [model.predict(after) for _ in range(3)])
    assert len(messages) == bool(text)
    assert all(re.search(text, message) for message in messages)


@pytest.mark.parametrize("method", ["predict", "predict_classes", "predict_proba"])
def test_every_way_to_predict_compares_the_scale(method: str) -> None:
    predict = getattr(fitted(IMAGES), method)
    assert warned(lambda: predict(FLOATS / 255)) == []
    assert len(warned(lambda: predict(FLOATS))) == 1


def test_single_samples_are_compared_too() -> None:
    model = fitted(IMAGES)
    assert warned(lambda: model.predict(FLOATS[:1] / 255)) == []
    assert len(warned(lambda: model.predict(FLOATS[:1]))) == 1


def test_an_outlier_among_the_training_data_does_not_make_others_small() -> None:
    x = FLOATS.copy()
    x[3, 0, 0] = 1e6
    assert warned(lambda: fitted(x).predict(FLOATS[5:6])) == []


def test_evaluation_and_validation_warn_too() -> None:
    model = fitted(IMAGES)
    with pytest.warns(CheckWarning, match=r"^x has values up to 255"):
        model.evaluate(FLOATS, Y)
    with pytest.warns(CheckWarning, match="^in validation_data: x has values up to 255"):
        fitted(IMAGES, validation_data=(FLOATS, Y))
    assert warned(lambda: fitted(IMAGES, validation_data=(FLOATS / 255, Y))) == []


def test_larger_and_smaller_are_warned_of_separately() -> None:
    model = fitted(FLOATS)
    messages = warned(lambda: [model.predict(FLOATS * s) for s in (100, 1e-5, 100, 1e-5)])
    assert len(messages) == 2


def test_the_last_training_counts_once_it_has_begun() -> None:
    model = fitted(IMAGES)
    with pytest.raises(lm.LamellaError, match="epochs"):
        model.fit(FLOATS, Y, epochs=0)
    assert model.trained_on.images
    assert len(warned(lambda: model.fit(FLOATS, Y, epochs=1, verbose=False, check=False))) == 1
    assert not model.trained_on.images
    assert warned(lambda: model.predict(FLOATS)) == []


def saved_and_loaded(model: lm.Sequential, folder: Path) -> lm.Sequential:
    model.save(folder / "m.safetensors")
    return lm.load(folder / "m.safetensors", backend="numpy")


def test_the_scale_is_saved_with_the_model(tmp_path: Path) -> None:
    model = fitted(IMAGES)
    others = [saved_and_loaded(model, tmp_path), pickle.loads(pickle.dumps(model))]
    for other in [*others, copy.deepcopy(model)]:
        assert other.trained_on == model.trained_on
        assert len(warned(lambda m=other: m.predict(FLOATS))) == 1


def test_a_model_that_was_never_fitted_compares_nothing(tmp_path: Path) -> None:
    model = lm.Sequential([lm.Dense(3)], backend="numpy").build((6,))
    assert warned(lambda: saved_and_loaded(model, tmp_path).predict(1e9 * clouds()[0])) == []


def test_the_record_holds_magnitudes_after_scaling() -> None:
    record = TrainedOn.of(IMAGES, Data(IMAGES, IMAGES), np.asarray)
    assert record == TrainedOn(True, IMAGES.max() / 255, record.typical)
    assert record.typical == np.median(IMAGES.reshape(40, -1).max(axis=1)) / 255
    x = np.array([[-3.0, 1], [2, -1], [0, 1]])
    assert TrainedOn.of(x, Data(x, x, largest=3.0), np.asarray) == TrainedOn(False, 3.0, 2.0)
    assert TrainedOn.from_json(record.to_json()) == record


def test_one_bright_image_among_dark_ones_is_found() -> None:
    x = np.ones((2000, 4), np.uint8)
    x[1999] = 200
    assert TrainedOn.of(x, Data(x, x), np.asarray).largest == 200 / 255


@pytest.mark.parametrize(
    "change",
    [
        {"largest": "big"},
        {"largest": -1.0},
        {"typical": float("inf")},
        {"typical": 10**400},
        {"images": 1},
        {"columns": 3},
        {"columns": [3]},
        {"colour": "red"},
    ],
)
def test_a_damaged_record_is_refused(change: dict[str, Any]) -> None:
    table = TrainedOn(True, 1.0, 0.5, ("a",)).to_json() | change
    with pytest.raises(FileFormatError, match="scale of the training data is damaged"):
        TrainedOn.from_json(table)
    with pytest.raises(FileFormatError, match="scale of the training data is damaged"):
        TrainedOn.from_json(None)


# Tables

NAMES = list("abcdef")


def tables() -> tuple[Any, Any, lm.Sequential]:
    """Return a table, the same with its columns reversed, and a model trained on the first."""
    table = pytest.importorskip("pandas").DataFrame(clouds()[0], columns=NAMES)
    return table, table[NAMES[::-1]], fitted(table)


def test_columns_in_another_order_give_the_same_predictions(tmp_path: Path) -> None:
    table, reversed_table, model = tables()
    expected = model.predict(table)
    for same in (model, saved_and_loaded(model, tmp_path)):
        np.testing.assert_array_equal(same.predict(reversed_table), expected)
        assert same.evaluate(reversed_table, Y) == model.evaluate(table, Y)


def test_a_second_fit_keeps_the_order_of_columns() -> None:
    table, reversed_table, model = tables()
    for again in (reversed_table, table.to_numpy()):
        model.fit(again, Y, epochs=1, verbose=False, check=False)
        assert model.trained_on.columns == tuple(NAMES)
        np.testing.assert_array_equal(
            model.predict(reversed_table), model.predict(table.to_numpy())
        )


def test_columns_of_validation_data_get_the_order_of_the_training_data() -> None:
    table, reversed_table, _ = tables()
    found = [fitted(table, validation_data=(each, Y)).history for each in (table, reversed_table)]
    assert found[0]["val_loss"] == found[1]["val_loss"]


def test_a_second_training_gets_the_order_of_the_first() -> None:
    table, reversed_table, model = tables()
    other = copy.deepcopy(model)
    for each, x in ((model, table), (other, reversed_table)):
        each.fit(x, Y, epochs=1, verbose=False, check=False)
    np.testing.assert_equal(other.state_dict(), model.state_dict())


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (list("abcdex"), "x lacks the columns 'f' and has the unknown columns 'x': .*'a', 'b'"),
        (list("abcde"), "x lacks the columns 'f': the model was trained on"),
        (list("uvwxyz"), "lacks the columns 'a', 'b', 'c', 'd', 'e', ... and has"),
    ],
)
def test_missing_and_unknown_columns_are_refused(names: list[str], text: str) -> None:
    table, _, model = tables()
    wrong = table.iloc[:, : len(names)].set_axis(names, axis=1)
    with pytest.raises(DataError, match=text):
        model.predict(wrong)
    if len(names) == 6:  # as the message says
        np.testing.assert_array_equal(model.predict(np.asarray(wrong)), model.predict(table))


def test_arrays_and_tables_without_names_are_taken_as_they_are() -> None:
    table, _, model = tables()
    expected = model.predict(table)
    numbered = table.set_axis(range(6), axis=1)
    for x in (table.to_numpy(), table.to_numpy().tolist(), numbered):
        np.testing.assert_array_equal(model.predict(x), expected)
    model = fitted(table.to_numpy())
    np.testing.assert_array_equal(model.predict(table), model.predict(table.to_numpy()))


def test_names_are_remembered_only_if_they_are_different_texts() -> None:
    pandas = pytest.importorskip("pandas")
    assert column_names(pandas.DataFrame([[1, 2]], columns=["a", "b"])) == ("a", "b")
    assert column_names(pandas.DataFrame([[1, 2]], columns=["a", "a"])) == ()
    assert column_names(pandas.DataFrame([[1, 2]], columns=["a", 1])) == ()
    assert column_names(pandas.DataFrame(np.zeros((1, 5001))).add_prefix("c")) == ()
    assert column_names(np.zeros((1, 2))) == ()
    assert column_names([[1, 2]]) == ()


def test_tables_of_arrow_are_put_in_order() -> None:
    arrow = pytest.importorskip("pyarrow")
    table, _, model = tables()
    columns = {name: table[name].to_numpy() for name in NAMES[::-1]}
    np.testing.assert_array_equal(model.predict(arrow.table(columns)), model.predict(table))


def test_tables_of_polars_are_put_in_order() -> None:
    polars = pytest.importorskip("polars")
    table, _, model = tables()
    columns = {name: table[name].to_numpy() for name in NAMES[::-1]}
    np.testing.assert_array_equal(model.predict(polars.DataFrame(columns)), model.predict(table))


def test_a_model_of_numbers_gives_no_classes(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(40, 6))
    model = lm.MLP([4], outputs=1, seed=0)
    model.fit(x, x[:, 0], epochs=1, verbose=0)
    model.save(tmp_path / "a.safetensors")
    for each in (model, lm.load(tmp_path / "a.safetensors")):
        for method in ("predict_classes", "predict_proba"):
            with pytest.raises(UsageError, match=r"trained on numbers.* read predict\(x\)"):
                getattr(each, method)(x)
    model.fit(x, x[:, 0] > 0, epochs=1, verbose=0)  # answers of 0 and 1
    assert set(model.predict_classes(x)) <= {0, 1}
