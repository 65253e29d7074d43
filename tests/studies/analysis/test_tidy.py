"""Runs as rows: all of them, with every number, in files and in pandas."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from lamella.core.errors import ArgumentError
from lamella.studies.analysis.tidy import tidy_rows, to_csv
from tests.studies.synthetic import broken, run, trained
from tests.subprocesses import missing_extra


def test_rows_are_one_a_run_and_epoch() -> None:
    results = trained({"a": 0.95, "b": 0.97}, seeds=2, epochs=3)
    rows = results.rows()
    assert len(rows) == 2 * 2 * 3
    assert [(row["arm"], row["seed"], row["epoch"]) for row in rows[:4]] == [
        ("a", 0, 1),
        ("a", 0, 2),
        ("a", 0, 3),
        ("a", 1, 1),
    ]
    assert rows[5]["val_accuracy"] == results.runs[1].epochs[2]["val_accuracy"]


def test_rows_of_runs_have_scores_and_reasons() -> None:
    rows = broken().rows("run")
    assert len(rows) == 8
    assert rows[0]["test_accuracy"] == 0.97
    assert (rows[-1]["status"], rows[-1]["reason"]) == ("failed", "MemoryError: no room")
    with pytest.raises(ArgumentError, match="per must be one of 'epoch', 'run'"):
        broken().rows("step")  # type: ignore[arg-type]


def test_rows_have_the_fields_that_vary() -> None:
    given = {
        "optimizer": {"class": "SGD", "lr": 0.1},
        "model": {"layers": [{"class": "Dense", "units": 5}, {"class": "ReLU"}]},
        "loss": {"class": "MeanSquaredError"},
    }
    one = replace(run("a", 0, {"test_loss": 0.2}), config={"experiment": given})
    varies = ["optimizer", "optimizer.lr", "model.layers.0.units", "loss", "model.dropout"]
    (row,) = tidy_rows([one], "run", varies)
    assert list(row.items())[1:7] == [
        ("arm", "a"),
        ("optimizer", "SGD(lr=0.1)"),
        ("optimizer.lr", 0.1),
        ("model.layers.0.units", 5),
        ("experiment.loss", "MeanSquaredError()"),
        ("model.dropout", None),
    ]
    assert row["test_loss"] == 0.2


def test_csv_and_dataframe_hold_the_same(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    results = trained({"a": 0.95, "b": 0.97}, seeds=2, epochs=3)
    for per in ("epoch", "run"):
        path = results.to_csv(tmp_path / f"{per}.csv", per)
        frame = results.to_dataframe(per)
        assert len(frame) == len(results.rows(per))
        read = pandas.read_csv(path, keep_default_na=False, dtype={"key": str})
        pandas.testing.assert_frame_equal(read, frame, check_dtype=False)


def test_missing_pandas_is_named_with_its_extra() -> None:
    code = "from tests.studies.synthetic import scored\nscored({'a': [1.0]}).to_dataframe()"
    assert "pip install 'lamella[studies]'" in missing_extra("pandas", code)


def test_csv_has_every_column_and_leaves_gaps() -> None:
    text = to_csv([{"arm": 'a, "b"', "loss": 0.1}, {"arm": "c", "penalty": 2.5}])
    assert text.splitlines()[0] == "arm,loss,penalty"
    assert list(csv.DictReader(io.StringIO(text))) == [
        {"arm": 'a, "b"', "loss": "0.1", "penalty": ""},
        {"arm": "c", "loss": "", "penalty": "2.5"},
    ]


def test_csv_keeps_every_bit_of_a_number() -> None:
    number = 0.1 + 0.2
    assert float(to_csv([{"x": number}]).splitlines()[1]) == number
