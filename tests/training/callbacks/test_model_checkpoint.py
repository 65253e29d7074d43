"""ModelCheckpoint: the last and the best model on disk."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from tests.data import clouds
from tests.networks import small_classifier


class Script(lm.Callback):
    """Puts given values into the logs and keeps the weights of every epoch."""

    def __init__(self, values: list[float]) -> None:
        self.values = values
        self.states: list[dict[str, np.ndarray]] = []

    def on_epoch_end(self, model: lm.Sequential, epoch: int, logs: dict[str, Any]) -> None:
        logs["score"] = self.values[len(self.states)]
        self.states.append(model.state_dict())


def test_saved_models_are_the_best_and_the_last(backend: Backend, tmp_path: Path) -> None:
    folder, model, script = (
        tmp_path / "runs" / "first",
        small_classifier(backend),
        Script([3, 1, 2]),
    )
    model.fit(
        *clouds(),
        epochs=3,
        callbacks=[script, lm.ModelCheckpoint(folder, monitor="score", mode="min")],
        verbose=False,
    )
    best = lm.load(folder / "best.safetensors", backend=backend)
    last = lm.load(folder / "last.safetensors", backend=backend)
    np.testing.assert_equal(best.state_dict(), script.states[1])
    np.testing.assert_equal(last.state_dict(), script.states[2])
    x, y = clouds()
    np.testing.assert_array_equal(last.predict(x), model.predict(x))
    best.fit(x, y, epochs=1, verbose=False)  # it is compiled and can be trained on
    assert sorted(p.name for p in folder.iterdir()) == ["best.safetensors", "last.safetensors"]


def test_every_epoch_keeps_the_model_of_each(tmp_path: Path) -> None:
    script, checkpoint = Script([3, 1, 2]), lm.ModelCheckpoint(tmp_path, every_epoch=True)
    options: dict[str, Any] = {"validation_split": 0.2, "verbose": False}
    small_classifier().fit(*clouds(40), epochs=3, callbacks=[script, checkpoint], **options)
    files = [f"epoch-{n}.safetensors" for n in (1, 2, 3)]
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "best.safetensors",
        *files,
        "last.safetensors",
    ]
    for name, state in zip(files, script.states, strict=True):
        np.testing.assert_equal(lm.load(tmp_path / name).state_dict(), state)


def test_larger_is_better_with_mode_max(tmp_path: Path) -> None:
    class Accuracies(Script):
        def on_epoch_end(self, model: lm.Sequential, epoch: int, logs: dict[str, Any]) -> None:
            super().on_epoch_end(model, epoch, logs)
            logs["own_accuracy"] = logs["score"]

    script = Accuracies([0.5, 0.9, 0.7])
    checkpoint = lm.ModelCheckpoint(tmp_path, monitor="own_accuracy", mode="max")
    small_classifier().fit(*clouds(), epochs=3, callbacks=[script, checkpoint], verbose=False)
    best = lm.load(tmp_path / "best.safetensors")
    np.testing.assert_equal(best.state_dict(), script.states[1])


def test_each_epoch_is_on_disk_when_the_next_begins(tmp_path: Path) -> None:
    class Crash(lm.Callback):
        def on_epoch_begin(self, model: lm.Sequential, epoch: int) -> None:
            if epoch == 2:
                raise RuntimeError("power cut")

    script = Script([3, 1])
    with pytest.raises(RuntimeError, match="power cut"):
        small_classifier().fit(
            *clouds(),
            callbacks=[script, lm.ModelCheckpoint(tmp_path, monitor="score", mode="min"), Crash()],
            verbose=False,
        )
    last = lm.load(tmp_path / "last.safetensors")
    np.testing.assert_equal(last.state_dict(), script.states[1])


def test_a_second_fit_finds_its_own_best(tmp_path: Path) -> None:
    model, checkpoint = (
        small_classifier(),
        lm.ModelCheckpoint(tmp_path, monitor="score", mode="min"),
    )
    model.fit(*clouds(), epochs=1, callbacks=[Script([1.0]), checkpoint], verbose=False)
    script = Script([9.0, 10.0])
    model.fit(*clouds(), epochs=2, callbacks=[script, checkpoint], verbose=False)
    best = lm.load(tmp_path / "best.safetensors")
    np.testing.assert_equal(best.state_dict(), script.states[0])


def test_a_monitor_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(lm.errors.UsageError, match=r"no 'val_loss' to monitor.*validation_data"):
        small_classifier().fit(*clouds(), callbacks=[lm.ModelCheckpoint(tmp_path)], verbose=False)


def test_a_wrong_mode_is_reported_immediately(tmp_path: Path) -> None:
    with pytest.raises(lm.errors.ArgumentError, match="mode must be one of"):
        lm.ModelCheckpoint(tmp_path, mode="best")
