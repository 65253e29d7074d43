"""Differences between two environments as readable lines."""

from typing import Any

import pytest

from lamella.backend import NumpyBackend
from lamella.backend.selection import host_backend
from lamella.training.differences import environment_differences
from lamella.training.environment import environment

BLAS = {"name": "openblas", "version": "0.3.30", "architecture": "Haswell", "threads": 2}
HERE: dict[str, Any] = {
    "versions": {"lamella": "1", "numpy": "2.4", "platform": "Linux-6"},
    "backend": {"name": "numpy", "why": "asked for"},
    "blas": [BLAS],
    "cpu": "A",
    "loops": "numpy",
    "git": "abc",
}


def test_an_environment_does_not_differ_from_itself() -> None:
    here = environment(host_backend())
    assert environment_differences(here, environment(NumpyBackend("for another reason"))) == []


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"versions": {"lamella": "1", "numpy": "2.0"}}, "numpy (2.0 there, 2.4 here)"),
        ({"backend": {"name": "cupy"}}, "backend (cupy there, numpy here)"),
        ({"cpu": "B"}, "processor (B there, A here)"),
        ({"loops": "numba 0.60"}, "update rules run by (numba 0.60 there, numpy here)"),
        ({"git": "abc + changes"}, "commit (abc + changes there, abc here)"),
        (
            {"blas": [{**BLAS, "architecture": "Zen"}]},
            "BLAS (openblas 0.3.30 Zen there, openblas 0.3.30 Haswell here)",
        ),
    ],
)
def test_each_difference_is_reported(change: dict[str, Any], line: str) -> None:
    assert environment_differences({**HERE, **change}, HERE) == [line]


def test_differences_without_effect_on_the_bits_are_not_reported() -> None:
    scipys = {**BLAS, "version": "0.3.99"}
    there = {**HERE, "blas": [{**BLAS, "threads": 64}, scipys], "cores": 64}
    there["versions"] = {**HERE["versions"], "platform": "Linux-7"}
    assert environment_differences(there, HERE) == []
    assert environment_differences(HERE, there) == []


def test_an_old_record_is_compared_in_the_fields_it_has() -> None:
    assert environment_differences({}, HERE) == []
    assert environment_differences({"versions": 3, "blas": "?", "backend": None}, HERE) == []
