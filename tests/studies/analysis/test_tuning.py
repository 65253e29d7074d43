"""Tables and rows of a tuning."""

from pathlib import Path

import pytest

from lamella.core.errors import ArgumentError
from lamella.studies.analysis.measures import MEASURES
from lamella.studies.analysis.statistics import estimate
from lamella.studies.analysis.tuning import Trial, TunedArm, Tuning, tuning_notes
from tests.studies.synthetic import run


def trial(arm: str, lr: float, mean: float, done: int = 2, diverged: int = 0) -> Trial:
    return Trial(f"{arm}: lr={lr}", {"lr": lr}, mean, done, diverged)


@pytest.fixture
def tuning() -> Tuning:
    one = [trial("a", 0.1, 0.9), trial("a", 0.2, 0.95), trial("a", 0.4, 0.99, 1, 1)]
    two = [trial("b", each, float("nan"), 0, 2) for each in (0.1, 0.2, 0.4)]
    arms = {"a": TunedArm("a", one, one[1], []), "b": TunedArm("b", two, two[0], ["lr"])}
    return Tuning(
        arms,
        [7, 8],
        MEASURES["val_accuracy"],
        MEASURES["test_accuracy"],
        {("a", "a"): estimate([0.9, 0.92]), ("a", "b"): estimate([0.8])},
        [run("a: lr=0.2", 7, {"val_accuracy": 0.95}), run("b: lr=0.1", 7, status="diverged")],
    )


def test_the_table_shows_all_trials_and_the_choice(tuning: Tuning) -> None:
    table = tuning.table()
    assert table.title == "Tuning: 3 trials of each arm"
    assert table.rows[:4] == [
        ["a", "lr=0.1", "90.00", ""],
        ["a", "lr=0.2", "95.00", "chosen"],
        ["a", "lr=0.4", "99.00", "diverged with 1 of 2 seeds"],
        ["b", "lr=0.1", "-", "chosen; diverged with 2 of 2 seeds"],
    ]
    assert "tuning seeds 7, 8" in table.notes[0]
    assert table.notes[1:] == ["b: all trials diverged, so the first was taken."]


def test_a_choice_at_the_edge_says_so(tuning: Tuning) -> None:
    one = tuning["a"]
    edge = TunedArm("a", one.trials, one.trials[0], ["lr"])
    moved = Tuning({"a": edge}, [7, 8], tuning.measure, tuning.test, {})
    assert moved.table().rows[0][3] == "chosen; lr at the edge: extend the range"
    assert "choice of" not in str(moved)


def test_unfinished_trials_say_so(tuning: Tuning) -> None:
    part = TunedArm("a", [trial("a", 0.1, 0.9, done=1), trial("a", 0.2, 0.9)], None, [])
    rows = Tuning({"a": part}, [7, 8], tuning.measure, tuning.test, {}).table().rows
    assert [row[3] for row in rows] == ["1 of 2 seeds run", ""]


def test_the_crossed_table_has_each_arm_at_each_choice(tuning: Tuning) -> None:
    table = tuning.crossed_table()
    assert table.head == ["arm", "choice of a", "choice of b"]
    assert table.rows == [["a", "91.00 ± 1.41", "80.00"], ["b", "-", "-"]]
    assert "for display only" in table.notes[0]


def test_rows_of_trials_name_the_arm_and_the_choice(tuning: Tuning, tmp_path: Path) -> None:
    first, second = tuning.rows()
    assert (first["arm"], first["seed"], first["chosen"]) == ("a", 7, True)
    assert (second["arm"], second["status"], second["chosen"]) == ("b", "diverged", True)
    lines = tuning.to_csv(tmp_path / "trials.csv").read_text().splitlines()
    assert len(lines) == 3
    assert "chosen" in lines[0]


def test_an_unknown_arm_names_the_nearest(tuning: Tuning) -> None:
    with pytest.raises(ArgumentError, match="the arm 'A'"):
        tuning["A"]


def test_notes_name_grid_budget_seeds_and_edges() -> None:
    table = {
        "seeds": [7],
        "arms": {"a": {}, "b": {}},
        "trials": {arm: [{"lr": 0.1}, {"lr": 0.2}, {"lr": 0.3}] for arm in "ab"},
        "chosen": {"a": 1, "b": 2},
    }
    assert tuning_notes(table) == [
        "As tuned: the best of 3 trials each by validation, with the tuning seed 7. "
        "a: lr=0.2; b: lr=0.3.",
        "b: lr at the edge of what was tried: extend it.",
    ]
    assert tuning_notes({**table, "chosen": {}}) == tuning_notes(None) == []
