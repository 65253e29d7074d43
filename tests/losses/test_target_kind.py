"""Kinds of targets: found in the training data, kept by the model, and decisive from then on."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.core.errors import DataError, FileFormatError
from lamella.losses.target_kind import TargetKind

CLASSES, SEVERAL, SIGNED = TargetKind(False, False), TargetKind(True, False), TargetKind(True, True)
HOT, MANY = np.eye(3)[[0, 1, 2, 1]], np.array([[1.0, 1, 0], [0, 0, 0], [0, 1, 0], [0, 0, 1]])
ONES, SIGNS = np.ones((4, 1)), np.array([[1.0], [-1], [1], [-1]])
OPTIONS: dict[str, Any] = {"epochs": 1, "verbose": False, "check": False}


@pytest.mark.parametrize(
    ("target", "before", "kind"),
    [
        (np.array([0, 2, 1]), None, CLASSES),
        (np.array([0, 2, 1]), SEVERAL, CLASSES),
        (HOT, None, CLASSES),
        (HOT, SEVERAL, SEVERAL),
        (np.full((4, 2), 0.5), SEVERAL, CLASSES),
        (MANY, CLASSES, SEVERAL),
        (SIGNS, None, SIGNED),
        (ONES, None, SEVERAL),
        (ONES, SIGNED, SIGNED),
        (1 - ONES, SIGNED, SEVERAL),
        (SIGNS * 2, None, None),
        (np.array([[0.0], [-1.0]]), SIGNED, None),
    ],
)
def test_the_kind_of_targets(target: Any, before: Any, kind: Any) -> None:
    assert TargetKind.of(target, before) == kind


def multi_label() -> lm.Sequential:
    model = lm.Sequential([lm.Dense(3)], seed=0, backend="numpy")
    model.compile(lm.SigmoidCrossEntropy(), lm.SGD(1e-9), ["accuracy"], in_shape=(3,))
    model.layers[0].W.value, model.layers[0].b.value = 9 * np.eye(3), -4.0
    return model


def signed() -> lm.Sequential:
    model = lm.Sequential([lm.Dense(1), lm.Tanh()], seed=0, backend="numpy")
    model.compile(lm.MeanSquaredError(), lm.SGD(1e-9), ["accuracy"], in_shape=(1,))
    model.layers[0].W.value, model.layers[0].b.value = 1.0, 0.0
    return model


def copies(model: lm.Sequential, folder: Path) -> list[Any]:
    model.save(folder / "m.safetensors")
    return [model, copy.deepcopy(model), lm.load(folder / "m.safetensors")]


def test_several_labels_are_answers_after_saving_and_whatever_was_scored(tmp_path: Path) -> None:
    model = multi_label()
    model.fit(MANY, MANY, **OPTIONS)
    for each in copies(model, tmp_path):
        for _ in range(2):
            # As classes 3 of 4 would be right, of the answers 10 of 12.
            got = each.evaluate(HOT, np.eye(3)[[0, 1, 2, 0]])["accuracy"]
            assert got == pytest.approx(10 / 12)
            assert each.evaluate(MANY, MANY)["accuracy"] == 1.0


def test_untrained_each_data_set_decides_for_itself_alone() -> None:
    model, wrong = multi_label(), np.eye(3)[[0, 1, 2, 0]]
    assert model.evaluate(HOT, wrong)["accuracy"] == 0.75
    assert model.evaluate(MANY, MANY)["accuracy"] == 1.0
    assert model.evaluate(HOT, wrong)["accuracy"] == 0.75


def test_targets_of_minus_1_and_1_decide_accuracy_and_predicted_classes(tmp_path: Path) -> None:
    x = np.array([[0.1], [-0.2], [0.3], [0.2]])  # the hyperbolic tangents are below one half
    model = signed()
    assert model.threshold == 0.5
    model.fit(x, SIGNS, **OPTIONS)
    for each in copies(model, tmp_path):
        assert each.threshold == 0.0
        np.testing.assert_array_equal(each.predict_classes(x), [1, 0, 1, 1])
        assert each.evaluate(x, SIGNS)["accuracy"] == 0.75
        assert each.evaluate(x[[0, 2]], ONES[:2])["accuracy"] == 1.0
        each.compile(lm.MeanSquaredError(), lm.SGD(0.1), ["binary_accuracy"])
        assert each.evaluate(x[[0, 2]], ONES[:2])["binary_accuracy"] == 1.0


def test_targets_that_contradict_the_training_are_refused_until_fit_takes_them() -> None:
    model, x = signed(), np.array([[0.1], [-0.2], [0.3], [0.2]])
    model.fit(x, SIGNS, **OPTIONS)
    with pytest.raises(DataError, match=r"accuracy takes .*|-1 and 1 as in training, got 0"):
        model.evaluate(x, (SIGNS + 1) / 2)
    model.fit(x, (SIGNS + 1) / 2, **OPTIONS)
    assert model.threshold == 0.5
    assert model.evaluate(x, (SIGNS + 1) / 2)["accuracy"] == 0.5  # all are no

    model = multi_label()
    model.fit(HOT, HOT, **OPTIONS)
    with pytest.raises(DataError, match=r"trained on one class a sample, but .* labels or none$"):
        model.evaluate(MANY, MANY)
    with pytest.raises(DataError, match="in validation_data: accuracy counts classes"):
        model.fit(HOT, HOT, validation_data=(MANY, MANY), **OPTIONS)
    model.fit(MANY, MANY, **OPTIONS)
    assert model.evaluate(MANY, MANY)["accuracy"] == 1.0


@pytest.mark.parametrize("table", [None, {"several": True}, {"several": 1, "signed": 0}, [1]])
def test_a_damaged_kind_in_a_file_is_refused(table: Any) -> None:
    with pytest.raises(FileFormatError, match="the kind of the targets is damaged"):
        TargetKind.from_json(table)
