"""Names and seeds that cannot be those of a study."""

from typing import Any

import pytest

import lamella as lm
from lamella.core.errors import ArgumentError
from lamella.studies.definition.checks import seeds_given
from lamella.studies.definition.definition import StudyDefinition


@pytest.mark.parametrize("name", ["", " ", "two\nlines"])
def test_names_of_arms_are_text_in_one_line(name: str) -> None:
    with pytest.raises(ArgumentError, match="text in one line"):
        StudyDefinition("s", base={"model": lm.MLP([5])}, arms={name: {}})


def test_numbers_and_texts_are_no_two_names() -> None:
    arms: dict[Any, dict[str, Any]] = {1: {}, "1": {"epochs": 2}}
    with pytest.raises(ArgumentError, match="two arms have the name '1'"):
        StudyDefinition("s", base={"model": lm.MLP([5])}, arms=arms)


def test_seeds_are_a_number_or_a_list() -> None:
    assert seeds_given(3, "tuning_seeds", 1000) == [1000, 1001, 1002]
    assert seeds_given([7, 3]) == [7, 3]
    with pytest.raises(ArgumentError, match="without repetition"):
        seeds_given([1, 1])


def test_more_seeds_than_memory_are_refused() -> None:
    with pytest.raises(ArgumentError, match=r"at most 10,000, .* write \[9000000000\]"):
        seeds_given(9_000_000_000)
    assert seeds_given([9_000_000_000]) == [9_000_000_000]
