"""Counts, lists and capitals in messages."""

from lamella.core.wording import capitalized, counted, first_of, listed, named


def test_one_has_no_plural() -> None:
    assert [counted(n, "run") for n in (0, 1, 2, 1200)] == [
        "0 runs",
        "1 run",
        "2 runs",
        "1,200 runs",
    ]
    assert (named("seed", [3]), named("seed", [3, 7])) == ("seed 3", "seeds 3, 7")


def test_the_last_name_has_a_word_before_it() -> None:
    assert (listed(["a"]), listed("abc")) == ("a", "a, b and c")
    assert listed([2, 3], "or") == "2 or 3"


def test_a_capital_leaves_the_rest_as_it_is() -> None:
    assert (capitalized("test R2"), capitalized("")) == ("Test R2", "")


def test_dots_stand_for_the_names_that_are_left_out() -> None:
    assert (first_of(["a", 2]), first_of([*"abcdef"])) == ("'a', 2", "'a', 'b', 'c', 'd', 'e', ...")
    assert first_of(range(3), 2) == "0, 1, ..."
