"""Data of a study: checked, identified by checksums, and sent to workers only if necessary."""

from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.core.errors import CheckWarning, DataError, UsageError
from lamella.studies.running.data import study_data, unpack_arrays
from tests.studies.small import TEST, TRAIN

Digits = tuple[lm.datasets.Samples, lm.datasets.Samples]


def test_mnist_is_the_same_whether_given_or_left_out(digits: Digits) -> None:
    given, left_out = study_data(*digits), study_data(None, None)
    assert given.checksums == left_out.checksums
    assert given.bundled
    assert left_out.bundled


def test_mnist_is_not_sent_but_read_where_it_is_needed(digits: Digits) -> None:
    arrays = study_data(*digits).worker_arrays
    assert arrays == (None,) * 4
    train, test, _ = unpack_arrays(arrays)
    assert np.array_equal(train.x, digits[0].x)
    assert np.array_equal(test.y, digits[1].y)


def test_arrays_of_the_user_are_sent() -> None:
    data = study_data(TRAIN, TEST)
    assert not data.bundled
    train, test, validation = unpack_arrays(data.worker_arrays)
    assert validation is None
    assert np.array_equal(train.x, TRAIN.x)
    assert np.array_equal(test.y, TEST.y)


def test_a_validation_set_is_sent_and_in_the_checksums() -> None:
    own = TRAIN.x + 1, TRAIN.y
    data = study_data(TRAIN, TEST, own)
    _, _, validation = unpack_arrays(data.worker_arrays)
    assert validation is not None
    assert np.array_equal(validation.x, own[0])
    assert data.checksums["validation"] == study_data(own, TEST).checksums["train"]
    with pytest.raises(UsageError, match="give train and test with your own validation set"):
        study_data(None, None, own)


def test_the_sizes_of_the_data_are_known() -> None:
    checksums = study_data(TRAIN, TEST).checksums
    assert (checksums["inputs"], checksums["tested"]) == (6, 90)


def test_a_single_other_number_or_type_or_shape_gives_another_checksum() -> None:
    other = TRAIN.x.copy()
    other[-1, -1] += 1
    sets: list[Any] = [
        TRAIN,
        (other, TRAIN.y),
        (TRAIN.x.astype(np.float64), TRAIN.y),
        (TRAIN.x.reshape(-1, 2, 3), TRAIN.y),
        (TRAIN.x, (TRAIN.y + 1) % 3),
    ]
    checksums = {study_data(train, TEST).checksums["train"] for train in sets}
    assert len(checksums) == len(sets)


def test_the_memory_layout_does_not_matter() -> None:
    columns = np.asfortranarray(TRAIN.x)
    assert study_data((columns, TRAIN.y), TEST).checksums == study_data(TRAIN, TEST).checksums


@pytest.mark.parametrize(
    ("train", "test", "error", "text"),
    [
        (TRAIN, None, UsageError, "give both train and test, or neither for MNIST"),
        (TRAIN.x, TEST, DataError, r"train must be a pair \(x, y\), got ndarray"),
        (TRAIN, (TEST.x, TEST.y[:-1]), DataError, "test has 90 inputs, but 89 targets"),
        ((TRAIN.x.astype(str), TRAIN.y), TEST, DataError, "in train: x must hold numbers"),
    ],
    ids=["one missing", "no pair", "lengths", "text"],
)
def test_wrong_data_are_refused(train: Any, test: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        study_data(train, test)


@pytest.mark.parametrize("place", [0, 1])
def test_masked_arrays_are_refused(place: int) -> None:
    pair = [np.ones((4, 2)), np.arange(4)]
    wrong = list(pair)
    wrong[place] = np.ma.masked_equal(wrong[place], 1)
    with pytest.raises(DataError, match=f"^in test: {'xy'[place]} has [0-9] masked value"):
        study_data(pair, wrong)


def test_text_labels_are_numbered_as_in_the_training_set() -> None:
    x = np.zeros((3, 2), np.float32)
    data = study_data((x, ["emu", "cat", "dog"]), (x[:2], np.array(["dog", "emu"], object)))
    assert data.train.y.tolist() == [2, 0, 1]
    assert data.test.y.tolist() == [1, 2]
    assert data.checksums["classes"] == ["cat", "dog", "emu"]
    with pytest.raises(DataError, match="test has labels that the training set has not: 'fox'"):
        study_data((x, ["emu", "cat", "dog"]), (x[:1], ["fox"]))
    with pytest.raises(DataError, match=r"test has labels .*'0'"):
        study_data((x, ["emu", "cat", "dog"]), (x[:1], ["0"]))


@pytest.mark.parametrize("labels", [[0, 1, 2], [0.5, 1.5, 2.5], [[0, 1], [1, 0], [1, 0]]])
def test_numbers_are_targets_as_they_are(labels: list[float]) -> None:
    x = np.zeros((3, 2), np.float32)
    data = study_data((x, labels), (x, labels))
    np.testing.assert_array_equal(data.train.y, labels)
    assert "classes" not in data.checksums


def test_the_test_set_cannot_choose() -> None:
    with pytest.raises(DataError, match="validation= holds samples of the test set only"):
        study_data(TRAIN, TEST, (TEST.x[:20][::-1], TEST.y[:20][::-1]))


@pytest.mark.parametrize(
    ("train", "validation", "text"),
    [
        (
            (np.vstack([TRAIN.x, TEST.x[:9]]), np.append(TRAIN.y, TEST.y[:9])),
            None,
            "9 of 90 .* test",
        ),
        (TRAIN, (TRAIN.x[:50], TRAIN.y[:50]), "50 of 50 samples of validation are in train, too"),
        (
            TRAIN,
            (np.vstack([TRAIN.x + 1, TEST.x[:40]]), np.append(TRAIN.y, TEST.y[:40])),
            "40 of 280 samples of validation are in test",
        ),
    ],
)
def test_samples_in_two_sets_are_warned_of(train: Any, validation: Any, text: str) -> None:
    with pytest.warns(CheckWarning, match=text):
        study_data(train, TEST, validation)


def test_rows_of_few_values_are_no_copies() -> None:
    x = np.arange(300)[:, None] % 7
    study_data((x, x[:, 0]), (x[:100], x[:100, 0]), (x[:50], x[:50, 0]))
