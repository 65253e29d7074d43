"""Precision, recall and F1 by class equal scikit-learn's."""

from xml.etree import ElementTree

import numpy as np
import pytest

import lamella as lm
from lamella.core.errors import ArgumentError, DataError
from lamella.losses.metrics.classification_report import confusion_matrix

LABELS = np.array([0, 0, 1, 1, 1, 2, 2, 2])


def test_matrix_counts_each_pair_of_classes() -> None:
    found = confusion_matrix(LABELS, np.array([0, 1, 1, 1, 2, 2, 2, 0], np.uint8), 3)
    assert found.tolist() == [[1, 1, 0], [0, 2, 1], [1, 0, 2]]


def test_small_integers_do_not_overflow() -> None:
    labels = np.array([3, 199], np.uint8)
    found = confusion_matrix(labels, np.array([3, 199], np.uint8), 200)
    assert found[199, 199] == 1
    assert found[3, 3] == 1


def test_scores_equal_those_of_sklearn() -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle")
    rng = np.random.default_rng(1)
    y, predicted = rng.integers(0, 5, 300), rng.integers(1, 6, 300)  # 0 and 5 occur in one only
    wanted = metrics.precision_recall_fscore_support(y, predicted, zero_division=0)
    found = lm.classification_report(np.eye(5, dtype=int)[y], predicted)
    scores = found.precision, found.recall, found.f1, found.support
    for one, other in zip(scores, wanted, strict=True):
        np.testing.assert_allclose(one, other)
    assert (found.matrix == metrics.confusion_matrix(y, predicted)).all()
    assert found.accuracy == metrics.accuracy_score(y, predicted)


def test_scores_are_those_of_a_count_by_hand() -> None:
    found = lm.classification_report(LABELS, [0, 1, 1, 1, 2, 2, 2, 0], ["a", "b", "long name"])
    np.testing.assert_allclose(found.precision, [1 / 2, 2 / 3, 2 / 3])
    np.testing.assert_allclose(found.recall, [1 / 2, 2 / 3, 2 / 3])
    np.testing.assert_allclose(found.f1, [1 / 2, 2 / 3, 2 / 3])
    assert found.accuracy == 5 / 8
    assert str(found).splitlines()[3] == "long name     0.6667  0.6667  0.6667        3"
    assert str(found).splitlines()[-1] == "       long name  1  0          2"


@pytest.mark.parametrize(
    ("y", "predicted"),
    [
        *(([], []), ([0, 1], [0]), ([0.5, 1.5], [0, 1]), (3, 3), ([0, 1], [0.0, 1.0]), ([0], [-1])),
        ([[0], [0, 1]], [0, 1]),
        *(([0, 1], [0, np.nan]), ([0, 1], ["a", "b"]), (["a", "b"], [0, 1])),
        (np.ma.array([0, 1], mask=[True, False]), [0, 1]),
        ([0, 1], np.ma.array([0, 1], mask=[True, False])),
    ],
)
def test_other_targets_are_refused(y: object, predicted: object) -> None:
    with pytest.raises(DataError):
        lm.classification_report(y, predicted)


def test_text_is_refused_with_advice() -> None:
    for words in (["no", "yes"], np.array(["no", "yes"], object)):
        with pytest.raises(DataError, match=r"np\.unique\(y, return_inverse=True\)"):
            lm.classification_report(words, words)


def test_too_few_names_are_refused() -> None:
    with pytest.raises(ArgumentError, match="must have 3 names"):
        lm.classification_report(LABELS, LABELS, ["a", "b"])


def test_the_report_is_its_text_and_in_notebooks_two_tables() -> None:
    report = lm.classification_report([0, 1, 1], [0, 1, 0], ["<a>", "b"])
    assert repr(report) == str(report)
    page = ElementTree.fromstring(f"<div>{report._repr_html_()}</div>")
    scores, counts = ([[c.text for c in row] for row in t.iter("tr")] for t in page.iter("table"))
    assert scores[1] == ["<a>", "0.5000", "1.0000", "0.6667", "1"]
    assert counts == [["true \\ predicted", "<a>", "b"], ["<a>", "1", "0"], ["b", "1", "1"]]


def test_names_that_are_no_list_of_strings_are_refused() -> None:
    for names in ([1, 2, 3], {"a", "b", "c"}, "abc", 3):
        with pytest.raises(ArgumentError, match="class_names must be a list of strings"):
            lm.classification_report(LABELS, LABELS, names)  # type: ignore[arg-type]
