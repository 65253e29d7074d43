"""Settings to try: all combinations of values, or random draws.

References
----------
Bergstra and Bengio, Random search for hyper-parameter optimization, 2012.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lamella.core.errors import ArgumentError
from lamella.core.signatures import known_arguments
from lamella.core.validation import at_least, number, positive
from lamella.studies.definition.tables import Table, to_table

Setting = dict[str, Any]
MAX_SETTINGS = 500
DIGITS = 3  # of a drawn number, so that tables can show all of it
TRIES = 100  # per draw, to find a setting that differs from the others


@dataclass(frozen=True)
class Uniform:
    """Distribution for `draws`: numbers between ``low`` and ``high``, all equally likely."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if number("low", self.low) >= number("high", self.high):
            raise ArgumentError(f"low must be below high, got {self.low!r} and {self.high!r}")

    def draw(self, rng: np.random.Generator) -> float:
        """Return a number, rounded to 3 digits."""
        return self._rounded(rng.uniform(self.low, self.high))

    def _rounded(self, x: float) -> float:
        return float(min(max(float(f"{x:.{DIGITS}g}"), self.low), self.high))


@dataclass(frozen=True)
class LogUniform(Uniform):
    """Distribution for `draws`: numbers whose logarithms are uniform, such as learning rates.

    Both ends must be above 0.
    """

    def __post_init__(self) -> None:
        positive("low", self.low)
        super().__post_init__()

    def draw(self, rng: np.random.Generator) -> float:
        """Return a number, rounded to 3 digits."""
        return self._rounded(math.exp(rng.uniform(math.log(self.low), math.log(self.high))))


@known_arguments
def grid(values: Mapping[str, Sequence[Any]]) -> list[Setting]:
    """Return all combinations of values, as settings for ``Study(tune=...)``.

    Parameters
    ----------
    values : dict of name to list
        Dotted names of fields, such as ``{"optimizer.lr": [0.01, 0.1], "batch_size": [32, 64]}``.

    Raises
    ------
    ArgumentError
        If a field has no list of values, or there are more than 500 combinations.
    """
    names = _names(values)
    for name in names:
        _expect_list(name, values[name], "grid")
    count = math.prod(len(values[name]) for name in names)
    if count > MAX_SETTINGS:
        raise ArgumentError(
            f"the grid has {count:,} settings, and at most {MAX_SETTINGS} can be tried: draw some "
            "of them with lm.draws"
        )
    return [
        dict(zip(names, chosen, strict=True))
        for chosen in itertools.product(*(values[name] for name in names))
    ]


@known_arguments
def draws(count: int, values: Mapping[str, Any], *, seed: int = 0) -> list[Setting]:
    """Return random settings for ``Study(tune=...)``, no two of them equal.

    With several fields, draws find better settings than a grid of the same size: each draw tries
    another value of every field.

    Parameters
    ----------
    count : int
        Number of settings, up to 500.
    values : dict of name to distribution or list
        For each field, by its dotted name, `LogUniform`, `Uniform`, or a list to draw from.
    seed : int
        Another seed draws other settings.

    Raises
    ------
    ArgumentError
        If a field has neither a distribution nor a list, or there are too few different settings.
    """
    if at_least("the number of draws", count, 1) > MAX_SETTINGS:
        raise ArgumentError(f"at most {MAX_SETTINGS} settings can be tried, got {count:,} draws")
    names = _names(values)
    for name in names:
        if not isinstance(values[name], Uniform):
            _expect_list(name, values[name], "draws")
    rng = np.random.default_rng(at_least("seed", seed, 0))
    found: list[Setting] = []
    tables: list[Table] = []
    for _ in range(TRIES * count):
        setting = {name: _draw(values[name], rng) for name in names}
        if (table := to_table(setting)) not in tables:
            found.append(setting)
            tables.append(table)
        if len(found) == count:
            return found
    raise ArgumentError(
        f"there are no {count} different settings to draw, but {len(found)}: draw fewer, or from "
        "more values"
    )


def _draw(values: Any, rng: np.random.Generator) -> Any:
    if isinstance(values, Uniform):
        return values.draw(rng)
    return values[int(rng.integers(len(values)))]


def _names(values: Any) -> list[str]:
    if not isinstance(values, Mapping) or not values:
        raise ArgumentError(
            'settings need a dict of fields, such as {"optimizer.lr": [0.01, 0.1]}; got '
            f"{values!r:.200}"
        )
    return [str(name) for name in values]


def _expect_list(name: str, values: Any, kind: str) -> None:
    if isinstance(values, Uniform):
        raise ArgumentError(
            f"{name}: {type(values).__name__} has no list of values; draw from it, as in "
            f'lm.draws(8, {{"{name}": {values}}})'
        )
    if not isinstance(values, list | tuple | np.ndarray | range) or not len(values):
        example = "[0.01, 0.1]" + (" or lm.LogUniform(1e-3, 1)" if kind == "draws" else "")
        raise ArgumentError(f"{name} needs a list of values, such as {example}; got {values!r:.80}")
