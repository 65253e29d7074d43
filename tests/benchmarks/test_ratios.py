"""Statistics of times: quartiles, and ratios of rounds, which a slow minute does not change."""

import pytest

from benchmarks.peers.ratios import ratios, spread
from benchmarks.peers.tasks import Task


def test_spread_gives_the_quartiles() -> None:
    found = spread([4.0, 1.0, 3.0, 2.0, 5.0])
    assert (found.low, found.median, found.high) == (2.0, 3.0, 4.0)


def test_spread_of_one_round_is_that_round() -> None:
    found = spread([0.5])
    assert (found.low, found.median, found.high) == (0.5, 0.5, 0.5)


@pytest.mark.parametrize(("values", "wide"), [([1.0, 1.1, 1.2], False), ([1.0, 1.1, 1.4], True)])
def test_spread_is_wide_above_15_percent_between_quartiles(values: list[float], wide: bool) -> None:
    assert spread(values).is_wide is wide


def test_ratios_are_taken_round_by_round() -> None:
    # Twice as slow in every round, while the machine itself becomes ten times slower.
    base = [1.0, 1.0, 10.0, 10.0, 10.0]
    found = ratios([2 * seconds for seconds in base], base)
    assert (found.low, found.median, found.high) == (2.0, 2.0, 2.0)


def test_ratios_refuse_rounds_that_have_no_partner() -> None:
    with pytest.raises(ValueError, match="zip"):
        ratios([1.0, 2.0], [1.0])


@pytest.mark.parametrize("name", ["784-10@64", "784-256-30-10@16", "784-256-30-10@64+regularized"])
def test_task_is_called_as_it_was_asked_for(name: str) -> None:
    task = Task.parse(name, "momentum")
    assert task.name == name
    assert Task.from_json(task.to_json()) == task


def test_task_with_an_unknown_name_ends_with_a_sentence() -> None:
    with pytest.raises(SystemExit, match="is written like"):
        Task.parse("256-30@64", "adam")
