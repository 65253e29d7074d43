"""Fingerprint of lamella's numerics: other for other sums, the same for other words."""

import pytest

from lamella.training.numerics import COMPUTING, SOURCES, changed_numerics, fingerprint, numerics

SOURCE = '''
"""A module."""
from lamella.core.errors import DataError, warn_user

def mean(x: int, n: int = 2) -> float:
    """Return the mean."""
    if n < 1:
        raise DataError(f"n must be at least 1, got {n}")
    if n > 9:
        warn_user("that is much", UserWarning)
    return x / n  # a quotient
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("A module", "The module"),
        ('    """Return the mean."""\n', ""),
        ("must be at least 1", "is too small"),
        ("that is much", "n is large"),
        ("  # a quotient", ""),
        (": int = 2", ": float = 2"),
        (" -> float", ""),
    ],
)
def test_words_do_not_count(old: str, new: str) -> None:
    assert old in SOURCE
    assert fingerprint([SOURCE.replace(old, new)]) == fingerprint([SOURCE])


@pytest.mark.parametrize(
    ("old", "new"),
    [("x / n", "x * n"), ("= 2", "= 3"), ("n < 1", "n < 2"), ("x / n", "n / x"), ("> 9", ">= 9")],
)
def test_every_operation_and_number_counts(old: str, new: str) -> None:
    assert old in SOURCE
    assert fingerprint([SOURCE.replace(old, new)]) != fingerprint([SOURCE])


def test_every_place_has_sources() -> None:
    for place in (place for places in COMPUTING.values() for place in places):
        assert (SOURCES / place).exists(), place


def test_changed_parts_are_named() -> None:
    assert changed_numerics(numerics()) == []
    assert changed_numerics({**numerics(), "losses": "0"}) == ["losses"]
    assert changed_numerics(None) == list(COMPUTING)
