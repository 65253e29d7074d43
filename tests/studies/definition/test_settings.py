"""Settings to try: grids and seeded draws."""

from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.core.errors import ArgumentError


def test_a_grid_has_all_combinations_the_last_field_first() -> None:
    assert lm.grid({"optimizer.lr": [0.1, 0.01], "batch_size": range(1, 3)}) == [
        {"optimizer.lr": 0.1, "batch_size": 1},
        {"optimizer.lr": 0.1, "batch_size": 2},
        {"optimizer.lr": 0.01, "batch_size": 1},
        {"optimizer.lr": 0.01, "batch_size": 2},
    ]


def test_draws_depend_on_the_seed_alone() -> None:
    values = {"optimizer.lr": lm.LogUniform(1e-4, 1), "batch_size": [16, 32]}
    assert lm.draws(6, values, seed=3) == lm.draws(6, values, seed=3)
    assert lm.draws(6, values, seed=3) != lm.draws(6, values, seed=4)
    assert lm.draws(6, values, seed=3)[:4] == lm.draws(4, values, seed=3)


def test_draws_follow_their_distribution() -> None:
    scipy = pytest.importorskip("scipy.stats")
    values = {"a": lm.LogUniform(1e-4, 1.0), "b": lm.Uniform(-1, 3)}
    found = [setting for seed in range(10) for setting in lm.draws(100, values, seed=seed)]
    logs = np.log10([each["a"] for each in found])
    assert scipy.kstest(logs, scipy.uniform(-4, 4).cdf).pvalue > 0.01
    assert scipy.kstest([each["b"] for each in found], scipy.uniform(-1, 4).cdf).pvalue > 0.01
    assert all(float(f"{each['a']:.3g}") == each["a"] for each in found)


def test_rounded_draws_stay_within_the_range() -> None:
    low, high = 0.10004, 0.10006
    assert {each["a"] for each in lm.draws(2, {"a": lm.Uniform(low, high), "b": [0, 1]})} == {low}


def test_draws_do_not_repeat() -> None:
    found = lm.draws(6, {"a": [1, 2, 3], "b": [[1], [2]]})
    assert len({str(each) for each in found}) == 6
    with pytest.raises(ArgumentError, match="there are no 7 different settings to draw, but 6"):
        lm.draws(7, {"a": [1, 2, 3], "b": [[1], [2]]})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lm.grid({"a": 0.1}), r"a needs a list of values, such as \[0.01, 0.1\]; got 0.1"),
        (lambda: lm.grid({}), "settings need a dict of fields"),
        (lambda: lm.grid({"a": lm.Uniform(0, 1)}), r"draw from it, as in\s+lm.draws"),
        (lambda: lm.grid({"a": range(30), "b": range(30)}), "has 900 settings, and at most 500"),
        (lambda: lm.draws(2, {"a": "text"}), r"or lm.LogUniform\(1e-3, 1\); got 'text'"),
        (lambda: lm.draws(501, {"a": [1]}), "at most 500 settings"),
        (lambda: lm.draws(0, {"a": [1]}), "number of draws must be a whole number of at least 1"),
        (lambda: lm.LogUniform(0, 1), "low must be greater than 0"),
        (lambda: lm.Uniform(2, 1), "low must be below high, got 2 and 1"),
    ],
)
def test_wrong_settings_are_refused(call: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        call()
