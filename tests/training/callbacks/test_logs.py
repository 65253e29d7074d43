"""Log files can be read back during and after training."""

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from tests.data import clouds
from tests.networks import diverging_classifier, small_classifier


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_json_lines_are_the_history(backend: Backend, tmp_path: Path) -> None:
    path = tmp_path / "runs" / "a.jsonl"
    history = small_classifier(backend).fit(
        *clouds(), epochs=3, validation_split=0.2, callbacks=[lm.JSONLines(path)], verbose=False
    )
    assert lines(path) == history.rows


def test_csv_is_the_history(backend: Backend, tmp_path: Path) -> None:
    path = tmp_path / "runs" / "a.csv"
    history = small_classifier(backend).fit(
        *clouds(), epochs=3, validation_split=0.2, callbacks=[lm.CSV(path)], verbose=False
    )
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [list(row) for row in rows] == [list(row) for row in history.rows]
    assert [{k: float(v) for k, v in row.items()} for row in rows] == history.rows
    assert path.read_bytes().count(b"\n") == 4
    assert b"\r" not in path.read_bytes()


def strict(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def test_values_that_are_not_finite_become_null(tmp_path: Path) -> None:
    model = diverging_classifier()
    with np.errstate(all="ignore"):
        history = model.fit(
            *clouds(),
            epochs=2,
            callbacks=[lm.JSONLines(tmp_path / "a.jsonl"), lm.CSV(tmp_path / "a.csv")],
            verbose=False,
        )
    assert math.isnan(history["loss"][1])
    first, second = (
        json.loads(line, parse_constant=strict)
        for line in (tmp_path / "a.jsonl").read_text().splitlines()
    )
    assert first["loss"] == history["loss"][0]
    assert second["loss"] is None
    assert second["epoch"] == 2
    with (tmp_path / "a.csv").open(newline="") as file:
        assert math.isnan(float(list(csv.DictReader(file))[1]["loss"]))


@pytest.mark.parametrize("log", [lm.JSONLines, lm.CSV])
def test_each_epoch_can_be_read_before_the_next(log: Any, tmp_path: Path) -> None:
    path, counts = tmp_path / "log", []

    class Reader(lm.Callback):
        def on_epoch_begin(self, model: lm.Sequential, epoch: int) -> None:
            counts.append(path.read_text().count("\n"))

    small_classifier().fit(*clouds(), epochs=3, callbacks=[log(path), Reader()], verbose=False)
    header = log is lm.CSV
    assert counts == [0, 1 + header, 2 + header]


@pytest.mark.parametrize("log", [lm.JSONLines, lm.CSV])
def test_a_new_fit_overwrites_the_file(log: Any, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("something old\n" * 9)
    model, callback = small_classifier(), log(path)
    model.fit(*clouds(), epochs=3, callbacks=[callback], verbose=False)
    model.fit(*clouds(), epochs=1, callbacks=[callback], verbose=False)
    assert path.read_text().count("\n") == 1 + (log is lm.CSV)
    assert "old" not in path.read_text()


@pytest.mark.parametrize("log", [lm.JSONLines, lm.CSV])
def test_the_file_is_closed_when_training_is_interrupted(log: Any, tmp_path: Path) -> None:
    class Interrupt(lm.Callback):
        def on_epoch_begin(self, model: lm.Sequential, epoch: int) -> None:
            if epoch == 1:
                raise KeyboardInterrupt

    callback = log(tmp_path / "log")
    with pytest.raises(KeyboardInterrupt):
        small_classifier().fit(*clouds(), callbacks=[callback, Interrupt()], verbose=False)
    assert callback._file.closed
    assert (tmp_path / "log").read_text().count("\n") == 1 + (log is lm.CSV)


@pytest.mark.parametrize("log", [lm.JSONLines, lm.CSV])
def test_a_folder_in_place_of_the_file_is_reported(log: Any, tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    with pytest.raises(lm.errors.UsageError, match="log"):
        small_classifier().fit(*clouds(), callbacks=[log(tmp_path / "log")], verbose=False)


def test_hooks_that_are_not_overridden_are_not_called(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    called: list[str] = []

    def note(self: lm.Callback, *args: Any) -> None:
        called.append(type(self).__name__)

    monkeypatch.setattr(lm.Callback, "on_batch_end", note)

    class Watches(lm.Callback):
        def on_batch_end(self, model: lm.Sequential, batch: int, log: Any) -> None:
            called.append("watched")

    callbacks = [lm.JSONLines(tmp_path / "log"), Watches()]
    small_classifier().fit(*clouds(40), epochs=1, batch_size=16, callbacks=callbacks, verbose=False)
    assert called == ["watched"] * 3
