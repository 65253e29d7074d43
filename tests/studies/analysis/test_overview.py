"""Overview: one row per arm, with the measures that the runs have."""

import pytest

from lamella.studies.results import Results
from tests.studies.synthetic import ACCURACIES, broken, scored, study, trained

pytest.importorskip("scipy")


def test_table_shows_mean_deviation_and_interval() -> None:
    lines = str(scored(ACCURACIES).table("test_accuracy")).splitlines()
    assert lines[0] == "Made up"
    adam = next(line for line in lines if line.startswith("Adam"))
    # 98 plus or minus 4.302653 / root 3
    assert adam.split("  ")[0] == "Adam"
    assert "98.00 ± 1.00" in adam
    assert "95.52 to 100.00" in adam
    assert adam.endswith("3")


def test_table_has_the_measures_that_there_are() -> None:
    table = trained({"a": 0.95, "b": 0.97}).table()
    assert table.head == [
        "arm",
        "test accuracy, %",
        "95% interval",
        "training accuracy, %",
        "validation accuracy, %",
        "test loss",
        "training time, s",
        "seeds",
    ]
    assert scored(ACCURACIES).table().head[1:] == [
        "test accuracy, %",
        "95% interval",
        "training time, s",
        "seeds",
    ]


def test_table_lists_the_reductions() -> None:
    results = Results(study(["a"], cut="2 of 5 seeds"), [])
    assert "Cut short: 2 of 5 seeds." in str(results.table())
    assert "Cut short" not in str(scored(ACCURACIES).table())


def test_the_reason_of_failed_runs_stands_below() -> None:
    assert "lost failed: MemoryError: no room" in str(broken().table())
