"""The run of all checks that need a GPU: outcomes, ends, and the whole of it on the stand-in."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.gpu import settle as settling
from benchmarks.gpu.checks import CHECKS
from benchmarks.gpu.checks.bench import WrongError, expect_close
from benchmarks.gpu.settle import settle
from lamella.testing.strict_cupy.raw_kernels import compiler_problem
from tests.benchmarks import planted_checks
from tests.subprocesses import TIME_LIMIT

needs_compiler = pytest.mark.skipif(bool(compiler_problem()), reason=compiler_problem() or "-")


def planted(out: Path, *names: str, **options: Any) -> dict[str, Any]:
    """Return the outcomes of planted checks, after a look at the file."""
    record = settle(
        {name: planted_checks.CHECKS[name] for name in names},
        "cpu",
        out,
        module="tests.benchmarks.planted_checks",
        **{"seconds": TIME_LIMIT, **options},
    )
    assert json.loads(out.read_text()) == record
    return record["checks"]


@pytest.mark.slow
def test_settle_stops_at_the_first_wrong_number(tmp_path: Path) -> None:
    found = planted(tmp_path / "gpu.json", "right", "missing", "wrong", "broken")
    assert {name: one["outcome"] for name, one in found.items()} == {
        "right": "right",
        "missing": "skipped",
        "wrong": "wrong",
    }
    assert found["right"]["figures"] == {"device": "cpu"}
    assert found["missing"]["reason"] == "no such program"
    assert found["wrong"]["reason"] == "1 + 1 is 2"


@pytest.mark.slow
def test_settle_tells_differences_errors_crashes_and_hangs_apart(tmp_path: Path) -> None:
    names = ("different", "broken", "dies", "hangs", "right")
    found = planted(tmp_path / "gpu.json", *names, keep_going=True)
    outcomes = [one["outcome"] for one in found.values()]
    assert outcomes == ["wrong", "failed", "failed", "out of time", "right"]
    assert found["broken"]["reason"] == "ValueError: a bug"
    assert found["dies"]["reason"] == "it ended with 7"
    assert "in hangs" in found["hangs"]["log"]  # the place in the code


def test_settle_ends_with_its_time(tmp_path: Path) -> None:
    found = planted(tmp_path / "gpu.json", "right", seconds=0)
    assert found == {
        "right": {"outcome": "not reached", "reason": "the 0 seconds are over"},
    }


def test_record_is_replaced_as_a_whole(tmp_path: Path) -> None:
    out = tmp_path / "gpu.json"
    settling.write({"checks": {"kernels": 1}}, out)
    settling.write({"checks": {}}, out)
    assert json.loads(out.read_text()) == {"checks": {}}
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("found", [[1.0, np.nan], [1.0, 2.1], [1.0], [np.nan, np.nan]])
def test_numbers_that_are_not_close_are_wrong(found: list[float]) -> None:
    with pytest.raises(WrongError, match="losses: "):
        expect_close("losses", found, [1.0, 2.0], 1e-3)


def test_close_numbers_give_their_largest_difference() -> None:
    assert expect_close("losses", [1.0, 2.001], [1.0, 2.0], 1e-3) == pytest.approx(1e-3)


@pytest.mark.slow
@needs_compiler
def test_all_checks_are_right_on_the_stand_in(tmp_path: Path) -> None:
    checks = {name: check._replace(limit=TIME_LIMIT) for name, check in CHECKS.items()}
    seconds = TIME_LIMIT * len(checks)
    record = settle(checks, "cpu", tmp_path / "gpu.json", seconds=seconds, keep_going=True)
    wrong = {
        name: (one["outcome"], one.get("reason"))
        for name, one in record["checks"].items()
        if one["outcome"] != "right"
    }
    assert wrong == {"sanitizer": ("skipped", wrong["sanitizer"][1])}
