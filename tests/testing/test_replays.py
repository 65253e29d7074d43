"""Checks of marked methods: work whose replay gives other results is refused."""

from typing import Any

import numpy as np
import pytest

from lamella.backend import numba as compiled
from lamella.backend.selection import host_backend
from lamella.backend.workspace import Workspace, replayable
from lamella.core.errors import CheckError
from lamella.testing.replays import expect_replay

if compiled.products_problem():
    pytest.skip(compiled.products_problem(), allow_module_level=True)


class Scaled(Workspace):
    """Multiplies by a factor, which grows with each call or not."""

    def __init__(self, growth: float) -> None:
        self.factor, self.growth = 2.0, growth

    @replayable
    def marked(self, x: Any) -> dict[str, Any]:
        self.factor += self.growth
        return {"y": self.map("y", lambda x, k: x * k, x, scalars=(self.factor,))}

    def unmarked(self, x: Any) -> dict[str, Any]:
        return self.marked(x)


def check(part: Scaled, method: Any) -> None:
    part.attach(backend=host_backend(), dtype="float64")
    expect_replay([method], method, [np.arange(6.0).reshape(2, 3)], [part._scratch], part)


def test_work_that_depends_on_its_arrays_alone_passes() -> None:
    part = Scaled(0.0)
    check(part, part.marked)


def test_number_that_changes_outside_the_scalars_is_found() -> None:
    part = Scaled(1.0)
    with pytest.raises(CheckError, match=r"y is wrong at \[.*replayed over other numbers"):
        check(part, part.marked)


def test_unmarked_work_is_not_checked() -> None:
    part = Scaled(1.0)
    check(part, part.unmarked)
    assert part.factor == 2.0
