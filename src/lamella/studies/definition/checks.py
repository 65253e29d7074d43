"""Checks of the names and seeds of a study."""

import re
from collections.abc import Iterable, Mapping, Sequence

from lamella.core.errors import ArgumentError
from lamella.core.names import expect_known
from lamella.core.validation import at_least

MAX_SEEDS = 10_000


def check_name(name: object) -> str:
    """Return the name of a study, or raise an ArgumentError."""
    if not (isinstance(name, str) and re.fullmatch(r"[\w][\w .-]*", name)):
        raise ArgumentError(
            f"a study's name consists of letters, digits, spaces, - _ and . ; got {name!r}"
        )
    return name


def check_data(data: object) -> dict[str, str]:
    """Return the names of own data in a file, or raise an ArgumentError."""
    if not isinstance(data, Mapping | None) or not all(
        isinstance(value, str) for value in (data or {}).values()
    ):
        raise ArgumentError(
            f'data is a table of texts, such as {{"test": "my-digits"}}; got {data!r:.80}'
        )
    for key in data or {}:
        expect_known("the key of data", key, ("name", "root", "test"))
    return dict(data or {})


def expect_arm_names(arms: Sequence[str]) -> None:
    """Raise an ArgumentError unless the names are distinct texts in one line."""
    for arm in arms:
        if not (arm.strip() and arm.isprintable()):
            raise ArgumentError(f"the name of an arm is text in one line, got {arm!r}")
        if arms.count(arm) > 1:
            raise ArgumentError(f"two arms have the name {arm!r}")


def seeds_given(seeds: int | Iterable[int], name: str = "seeds", first: int = 0) -> list[int]:
    """Return seeds, of which the user gives a list or the number; or raise an ArgumentError."""
    if isinstance(seeds, Iterable) and not isinstance(seeds, str):
        found = [at_least(name, seed, 0) for seed in seeds]
        if not found or len(set(found)) < len(found):
            raise ArgumentError(f"{name} must be at least one, without repetition; got {seeds!r}")
    else:
        count = at_least(name, seeds, 1)
        found = list(range(first, first + min(count, MAX_SEEDS + 1)))
    if len(found) > MAX_SEEDS:
        raise ArgumentError(
            f"{name} can be at most {MAX_SEEDS:,}, got {seeds!r:.80}; for one seed of this number, "
            f"write [{seeds!r:.80}]"
        )
    return found
