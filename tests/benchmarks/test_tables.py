"""Notes of the tables: threads, wide spreads, missing contestants."""

from typing import Any

import pytest

from benchmarks.growth.__main__ import cell
from benchmarks.growth.__main__ import table as growth_table
from benchmarks.growth.series import make_series
from benchmarks.peers.table import chosen_threads


def pools(threads: int) -> list[dict[str, Any]]:
    openmp = {"user_api": "openmp", "internal_api": "libgomp", "num_threads": 1}
    return [{"user_api": "blas", "internal_api": "openblas", "num_threads": threads}, openmp]


def test_table_names_contestants_with_fewer_threads_than_allowed() -> None:
    contestants = {
        "lamella": {"pools": pools(2), "pools_at_work": pools(1)},
        "PyTorch": {"pools": pools(2), "pools_at_work": pools(2)},
    }
    assert chosen_threads(contestants) == "; lamella itself took 1 of openblas"


def test_table_does_not_mention_threads_if_all_were_used() -> None:
    assert chosen_threads({"JAX": {"pools": pools(2), "pools_at_work": pools(2)}}) == ""


@pytest.mark.parametrize(
    ("values", "said"),
    [([20.0, 20.0, 20.0], "20.0 (2.00)"), ([10.0, 20.0, 40.0], "20.0 (2.00)*"), (None, "")],
)
def test_growth_cell_marks_wide_spreads(values: list[float] | None, said: str) -> None:
    cost = {"lamella": [10.0, 10.0, 10.0]} | ({"JAX": values} if values else {})
    assert cell(cost, "JAX") == said


def test_growth_table_names_missing_contestants() -> None:
    point = {
        "at": 4096,
        "cost": {"lamella": [10.0, 10.0]},
        "busy_share_before": 0.5,
        "differences": ["JAX: loss 9.0"],
        "left_out": {"PyTorch fused": "no memory"},
    }
    lines = growth_table({"of": "width", "title": "w", "unit": "us a step", "points": [point]})
    assert "PyTorch fused takes no part at width 4,096: no memory" in lines
    assert "NOT THE SAME at width 4,096: JAX: loss 9.0." in lines
    assert "NOT ALONE at width 4,096: 50% of the machine was busy before." in lines


def test_growth_varies_one_thing_at_a_time() -> None:
    width, depth, batch, samples = make_series("sgd")
    assert {(len(point.task.sizes), point.task.batch) for point in width.points} == {(3, 64)}
    assert [len(point.task.sizes) - 2 for point in depth.points] == [p.at for p in depth.points]
    assert {point.task.sizes for point in batch.points} == {(784, 256, 30, 10)}
    assert [point.task.batch for point in batch.points] == [point.at for point in batch.points]
    assert len({point.task for point in samples.points}) == 1
    assert [point.samples for point in samples.points] == [point.at for point in samples.points]
