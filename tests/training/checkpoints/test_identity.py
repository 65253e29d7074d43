"""Identity of a training: checkpoints of any other training are refused."""

import copy
from pathlib import Path
from typing import Any

import pytest

import lamella as lm
from lamella.core.errors import UsageError
from tests.data import clouds, contents
from tests.training.checkpoints.interrupting import (
    BATCHES,
    FIT,
    Interrupt,
    finished,
    interrupted,
    made,
)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("model", "fit", "what"),
    [
        ({"seed": 2}, {}, "layers, seed or dtype, initial weights or moments"),
        ({"dtype": "float64"}, {}, "layers, seed or dtype"),
        ({"lr": 0.1}, {}, "optimizer"),
        ({}, {"batch_size": 20}, "batch size"),
        ({}, {"shuffle": False}, "shuffle"),
        ({}, {"class_weight": {0: 2.0}}, "the training data"),
        ({}, {"validation_split": 0.3}, "the training data, the validation data"),
        ({}, {"callbacks": [lm.EarlyStopping()]}, "callbacks"),
    ],
)
def test_checkpoints_of_another_training_are_refused(
    tmp_path: Path, model: dict[str, Any], fit: dict[str, Any], what: str
) -> None:
    interrupted(made(), BATCHES + 1, tmp_path)
    before = contents(tmp_path)
    with pytest.raises(UsageError, match=f"of another training; different: {what}"):
        finished(made(**model), tmp_path, **fit)
    assert contents(tmp_path) == before


def test_other_data_of_the_same_shape_are_refused(tmp_path: Path) -> None:
    interrupted(made(), BATCHES + 1, tmp_path)
    options = {**FIT, "callbacks": [Interrupt(-1)], "checkpoint": tmp_path}
    with pytest.raises(UsageError, match="different: the training data, the validation data"):
        made().fit(*clouds(180, seed=1), **options)


def test_a_model_that_was_trained_on_since_is_refused(tmp_path: Path) -> None:
    model = made()
    interrupted(model, BATCHES + 1, tmp_path)
    with pytest.raises(UsageError, match="initial weights or moments"):
        finished(model, tmp_path)


@pytest.mark.parametrize(
    ("begun", "resumed", "what"),
    [
        (
            lm.ReduceLROnPlateau(factor=0.5),
            lm.ReduceLROnPlateau(factor=0.1),
            r"ReduceLROnPlateau\(factor=0\.1\), before 0\.5",
        ),
        (
            lm.EarlyStopping(patience=1),
            lm.EarlyStopping(patience=8),
            r"EarlyStopping\(patience=8\), before 1",
        ),
        (
            lm.EarlyStopping(baseline=0.5),
            lm.EarlyStopping(),
            r"EarlyStopping\(baseline=None\), before 0\.5",
        ),
    ],
)
def test_other_arguments_of_a_callback_are_refused_and_named(
    tmp_path: Path, begun: lm.Callback, resumed: lm.Callback, what: str
) -> None:
    options: dict[str, Any] = {"lr": 0.01}
    interrupted(made(**options), BATCHES + 1, tmp_path, callbacks=[begun])
    before = contents(tmp_path)
    with pytest.raises(UsageError, match=f"different: {what}"):
        finished(made(**options), tmp_path, callbacks=[resumed])
    assert contents(tmp_path) == before
    finished(made(**options), tmp_path, callbacks=[copy.deepcopy(begun)])


def test_arguments_of_a_callback_that_only_writes_may_differ(tmp_path: Path) -> None:
    log, folder = tmp_path / "log.csv", tmp_path / "checkpoints"
    interrupted(made(lr=0.01), BATCHES + 1, folder, callbacks=[lm.CSV(log)])
    finished(made(lr=0.01), folder, callbacks=[lm.CSV(log, append=True)])
    assert log.read_text().count("\n") > 1
