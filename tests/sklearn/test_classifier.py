"""LamellaClassifier: labels, probabilities, weights, and the bits of lm.MLP."""

from typing import Any

import numpy as np
import pytest

import lamella as lm
from tests.data import clouds

pytest.importorskip("sklearn", reason="scikit-learn, of the extra sklearn, is not installed")

from lamella.sklearn import LamellaClassifier

SMALL: dict[str, Any] = {"hidden": [8], "epochs": 5, "random_state": 0}
NAMES = np.array(["dog", "ant", "cat"])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_it_gives_the_bits_of_the_mlp(dtype: str) -> None:
    x, y = clouds(60)
    made = LamellaClassifier(batch_norm=True, dropout=0.1, dtype=dtype, **SMALL).fit(x, y)
    options: dict[str, Any] = {"batch_norm": True, "dropout": 0.1, "dtype": dtype, "seed": 0}
    model = lm.MLP([8], classes=3, optimizer=lm.Adam(1e-3), **options)
    model.fit(x, y, epochs=5, batch_size=32, verbose=0)
    np.testing.assert_equal(made.model_.state_dict(), model.state_dict())
    full = np.pad(x.astype(dtype), ((0, 4), (0, 0)))  # batches of 32
    expected = model.predict_proba(full, batch_size=32)[:60]
    np.testing.assert_array_equal(made.predict_proba(x), expected)
    np.testing.assert_array_equal(made.predict_log_proba(x), np.log(expected))


@pytest.mark.parametrize("loss", ["cross-entropy", "L2", "L1", lm.SigmoidCrossEntropy()])
def test_labels_may_be_text_and_columns_follow_classes(loss: Any) -> None:
    x, y = clouds(90)
    options = {**SMALL, "epochs": 60, "optimizer": lm.Adam(0.02)}
    made = LamellaClassifier(loss=loss, **options).fit(x, NAMES[y])
    assert made.classes_.tolist() == ["ant", "cat", "dog"]
    assert made.score(x, NAMES[y]) > 0.9
    p = made.predict_proba(x)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(made.classes_[p.argmax(axis=1)], made.predict(x))


def test_columns_of_a_table_are_checked_by_name() -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    x, y = clouds()
    table = pandas.DataFrame(x, columns=list("abcdef"))
    made = LamellaClassifier(**SMALL).fit(table, y)
    assert made.feature_names_in_.tolist() == list("abcdef")
    np.testing.assert_array_equal(made.predict(table), made.predict(table.copy()))
    with pytest.raises(ValueError, match="feature names"):
        made.predict(table.rename(columns={"a": "z"}))


def test_class_weights_are_sample_weights() -> None:
    x, y = clouds(41)
    by_class = LamellaClassifier(class_weight={"ant": 3, "cat": 1, "dog": 2}, **SMALL)
    by_sample = LamellaClassifier(**SMALL).fit(x, NAMES[y], np.array([2, 3, 1])[y])
    expected = by_sample.model_.state_dict()
    np.testing.assert_equal(by_class.fit(x, NAMES[y]).model_.state_dict(), expected)
    balanced = LamellaClassifier(class_weight="balanced", **SMALL).fit(x, NAMES[y])
    weight = 41 / (3 * np.bincount(y))
    same = LamellaClassifier(**SMALL).fit(x, NAMES[y], weight[y])
    np.testing.assert_equal(balanced.model_.state_dict(), same.model_.state_dict())


def test_images_of_bytes_are_numbers_as_all_others() -> None:
    x, y = clouds()
    pixels = (40 * (x - x.min())).astype(np.uint8)
    made = [
        LamellaClassifier(check=False, **SMALL).fit(part, y).predict_proba(part)
        for part in (pixels, pixels.astype(float))
    ]
    np.testing.assert_array_equal(made[0], made[1])


@pytest.mark.parametrize(
    ("option", "call", "text"),
    [
        ({}, {"classes": [0, 1]}, r"labels that classes does not have: \[2\]"),
        ({}, {}, "classes must be passed on the first call to partial_fit"),
        ({}, {"classes": ["ant"]}, r"classes has one class only, \['ant'\]"),
        ({"class_weight": "balanced"}, {"classes": [0, 1, 2]}, "needs all data at once"),
    ],
)
def test_wrong_calls_of_partial_fit_are_refused(option: Any, call: Any, text: str) -> None:
    made = LamellaClassifier(**SMALL, **option)
    with pytest.raises(ValueError, match=text):
        made.partial_fit(*clouds(), **call)
    assert not hasattr(made, "model_")
    made.set_params(class_weight=None).partial_fit(*clouds(), classes=[0, 1, 2])
    assert made.classes_.tolist() == [0, 1, 2]  # those of the call that failed are forgotten


def test_a_fit_that_is_refused_leaves_model_and_classes() -> None:
    x, y = clouds()
    made = LamellaClassifier(**SMALL).fit(x, y)
    before = made.predict(x)
    for labels, weight in [(NAMES[y], -np.ones(40)), (np.zeros(40), None)]:
        with pytest.raises(ValueError, match=r"at least 0|one class only"):
            made.fit(x, labels, sample_weight=weight)
    np.testing.assert_array_equal(made.predict(x), before)


@pytest.mark.parametrize("y", [np.zeros(40), np.linspace(0, 1, 40)])
def test_targets_that_are_no_classes_are_refused(y: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"one class only|Unknown label type"):
        LamellaClassifier(**SMALL).fit(clouds()[0], y)
