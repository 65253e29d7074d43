"""Log files can be read back during and after training."""

import csv
import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.core.errors import DivergenceWarning, UsageError
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
    with pytest.warns(DivergenceWarning):
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


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
@pytest.mark.parametrize("log", [lm.JSONLines, lm.CSV])
@pytest.mark.parametrize("kind", ["pipe", "read-only file"])
def test_pipes_and_read_only_files_are_refused_before_training(
    log: Any, kind: str, tmp_path: Path
) -> None:
    path = tmp_path / "log"
    if kind == "pipe":
        os.mkfifo(path)  # opening it to write would wait for a reader
    else:
        path.write_text("kept")
        path.chmod(0o444)
    model = small_classifier()
    with pytest.raises(UsageError, match=r"cannot write .*log: it is (a pipe|read-only)"):
        model.fit(*clouds(), callbacks=[log(path)], verbose=False)
    assert model.epochs_done == 0
    assert kind == "pipe" or path.read_text() == "kept"


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


class Adds(lm.Callback):
    """Adds the values of each epoch to the logs."""

    def __init__(self, *epochs: dict[str, Any]) -> None:
        self.epochs = list(epochs)

    def on_epoch_end(self, model: lm.Sequential, epoch: int, logs: dict[str, Any]) -> None:
        logs.update(self.epochs[epoch])


ODD = {
    "float": np.float32(0.1),
    "int": np.int64(7),
    "zero_d": np.array(2.5),
    "flag": np.True_,
    "text": 'a, "b"',
    "nothing": None,
    "nan": np.float64("nan"),
}


def test_odd_values_are_logged_everywhere(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model = small_classifier()
    model.optimizer.lr = np.float32(0.25)
    logs = [lm.JSONLines(tmp_path / "a.jsonl"), lm.CSV(tmp_path / "a.csv")]
    callbacks = [Adds(ODD), *logs, lm.History()]
    model.fit(*clouds(), epochs=1, callbacks=callbacks, checkpoint=tmp_path / "resume")
    (line,) = lines(tmp_path / "a.jsonl")
    expected = {"float": float(np.float32(0.1)), "int": 7, "zero_d": 2.5, "flag": True}
    expected |= {"text": 'a, "b"', "nothing": None, "nan": None, "learning_rate": 0.25}
    assert {name: line[name] for name in expected} == expected
    with (tmp_path / "a.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["float"], row["text"], row["nothing"]) == ("0.10000000149011612", ODD["text"], "")
    bar = capfd.readouterr().err
    assert "float 0.1000" in bar
    assert "nothing None" in bar
    assert "text a" in bar
    assert "nothing None" in repr(callbacks[-1])
    assert model.history["learning_rate"] == [0.25]
    assert type(model.history["learning_rate"][0]) is float


def test_a_checkpoint_cannot_hold_objects(tmp_path: Path) -> None:
    class Own(lm.Callback):
        def state_dict(self) -> dict[str, Any]:
            return {"best": {"score": np.float32(0.5)}, "object": object()}

    with pytest.raises(UsageError, match="a checkpoint cannot hold a object, <object"):
        small_classifier().fit(
            *clouds(), epochs=1, callbacks=[Own()], checkpoint=tmp_path, verbose=False
        )


def test_columns_of_later_epochs_do_not_shift_others(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    adds = Adds({"f1": 0.1}, {}, {"auc": 0.3, "f1": 0.2}, {"auc": 0.4})
    history = small_classifier().fit(
        *clouds(), epochs=4, callbacks=[adds, lm.CSV(path)], verbose=False
    )
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["f1"] for row in rows] == ["0.1", "", "0.2", ""]
    assert [row["auc"] for row in rows] == ["", "", "0.3", "0.4"]
    for name in ("loss", "accuracy", "seconds"):
        assert [float(row[name]) for row in rows] == history[name]


@pytest.mark.parametrize("log", [lm.JSONLines, lm.CSV])
def test_append_continues_the_file(log: Any, tmp_path: Path) -> None:
    path, model = tmp_path / "log", small_classifier()
    model.fit(*clouds(), epochs=2, callbacks=[log(path, append=True)], verbose=False)
    first = path.read_text()
    again = log(path, append=True)
    for _ in range(2):
        model.fit(*clouds(), epochs=1, callbacks=[again], verbose=False)
    assert path.read_text().startswith(first)
    text = path.read_text().splitlines()
    rows = lines(path) if log is lm.JSONLines else list(csv.DictReader(text))
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3, 4]


def test_append_to_other_columns_and_to_a_line_that_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("epoch,old\n1,2\n2,3")
    small_classifier().fit(
        *clouds(), epochs=1, callbacks=[lm.CSV(path, append=True)], verbose=False
    )
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["epoch"], row["old"]) for row in rows] == [("1", "2"), ("2", "3"), ("1", "")]
    assert rows[0]["loss"] == ""
    assert float(rows[2]["loss"]) > 0


@pytest.mark.parametrize("log", [lm.JSONLines, lm.CSV])
@pytest.mark.parametrize("append", [False, True])
def test_a_resumed_training_leaves_each_line_once(append: bool, log: Any, tmp_path: Path) -> None:
    path = tmp_path / "log"
    if append:
        small_classifier(seed=9).fit(*clouds(), epochs=1, callbacks=[log(path)], verbose=False)
    older = path.read_text() if append else ""

    class Interrupt(lm.Callback):
        def on_epoch_begin(self, model: lm.Sequential, epoch: int) -> None:
            if epoch == 2 and not done:
                done.append(True)
                raise KeyboardInterrupt

    done: list[bool] = []
    options: dict[str, Any] = {"epochs": 4, "checkpoint": tmp_path / "resume", "verbose": False}
    with pytest.raises(KeyboardInterrupt):
        small_classifier().fit(
            *clouds(), callbacks=[log(path, append=append), Interrupt()], **options
        )
    with path.open("a") as file:
        file.write("written after the checkpoint")
    small_classifier().fit(*clouds(), callbacks=[log(path, append=append), Interrupt()], **options)
    text = path.read_text()
    assert text.startswith(older)
    rest = text[len(older) :].splitlines()[log is lm.CSV and not append :]
    epochs = [
        json.loads(line)["epoch"] if log is lm.JSONLines else int(line.split(",")[0])
        for line in rest
    ]
    assert epochs == [1, 2, 3, 4]
