"""The checks find bugs that are planted into kernels.cu and into the joining of tasks."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from lamella.backend import CupyBackend
from lamella.backend.cupy import joins, kernels
from lamella.backend.cupy.kernels import KERNELS
from lamella.core.errors import DivergenceWarning
from lamella.testing import strict_cupy
from lamella.testing.strict_cupy.raw_kernels import compiler_problem, thread_order
from tests.backend.cupy import kernel_checks
from tests.backend.cupy.bench import Bench
from tests.backend.cupy.kernel_checks import run_checks
from tests.backend.cupy.test_sanitizers import ADDRESS, address_environment

pytestmark = pytest.mark.slow


class Mutant(NamedTuple):
    """A text of kernels.cu, another in its place, and the check that finds it."""

    old: str
    new: str
    check: str
    reads_beyond: bool = False  # unused numbers: only the address sanitizer finds it


MUTANTS = {
    "barrier before pieces": Mutant(
        "before\n            __syncthreads();\n", "before\n", "products"
    ),
    "barrier after pieces": Mutant(
        "            __syncthreads();\n        }\n        if (round < rounds)",
        "        }\n        if (round < rounds)",
        "products",
    ),
    "barrier before parts": Mutant("    __syncthreads();  // the pieces'", "    //", "products"),
    "barrier after parts": Mutant(
        "    __syncthreads();\n    const T* part", "    const T* part", "products"
    ),
    "barrier in total": Mutant(
        "        __syncthreads();\n        if (threadIdx.x < half)",
        "        if (threadIdx.x < half)",
        "sums",
    ),
    "barrier of some threads": Mutant(
        "        __syncthreads();\n        if (threadIdx.x < half)",
        "        if (threadIdx.x < half) __syncthreads();\n        if (threadIdx.x < half)",
        "sums",
    ),
    "limit of rows": Mutant("ma < M &&", "ma <= M &&", "products", reads_beyond=True),
    "limit of columns": Mutant("nb < N && kb < K", "nb < N && kb <= K", "products"),
    "limit of results": Mutant("i < M && j < N)", "i < M)", "products"),
    "limit of a vector": Mutant("i < (size);", "i <= (size);", "smooth_rows"),
    "last term": Mutant("k < TILE; ++k", "k < TILE - 1; ++k", "products"),
    "order of terms": Mutant("k / TILE % GROUPS", "k % GROUPS", "products"),
    "first of equals": Mutant("z[k] > z[best]", "z[k] >= z[best]", "accuracy"),
    "place among equals": Mutant("k >= own", "k > own", "accuracy"),
    "every answer": Mutant("all &= ", "all |= ", "answers"),
    "counter": Mutant("++*AT(int, 0)", "*AT(int, 0) += 2", "the_log"),
    "short batch": Mutant("(i64)*AT(const int, 2) * SIZE(4)", "SIZE(6) * 2", "picks"),
    "range of labels": Mutant(
        "label >= 0 && label < K ?", "label < K ?", "cross_entropy", reads_beyond=True
    ),
    "rounds of Philox": Mutant("round < 10", "round < 9", "random_numbers"),
    "first block": Mutant("(u64)block + 1, bits", "(u64)block, bits", "random_numbers"),
    "threshold": Mutant("0xFFFF) < threshold", "0xFFFF) <= threshold", "random_numbers"),
    "halves of words": Mutant("i % 2 * 32", "(1 - i % 2) * 32", "random_numbers"),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_checks_find_a_planted_bug(name: str, tmp_path: Path) -> None:
    if compiler_problem():
        pytest.skip(compiler_problem())
    mutant, text = MUTANTS[name], KERNELS.read_text()
    assert mutant.old in text
    kernels = tmp_path / "kernels.cu"
    kernels.write_text(text.replace(mutant.old, mutant.new))
    arguments, environment = ADDRESS, address_environment()
    if not mutant.reads_beyond:
        arguments, environment = (), {}
    checks = f"--kernels={kernels}", f"--checks={mutant.check}"
    errors = run_checks(tmp_path, *checks, *arguments, **environment)
    found = "AssertionError", "AddressSanitizer", "was not reached by all"
    assert any(text in errors for text in found), errors


def expect_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Expect that a training differs from numpy's, or from itself in another order of threads."""
    monkeypatch.setattr(kernel_checks, "FIRST_TRAINED", {})
    with pytest.raises((AssertionError, DivergenceWarning)):
        train_in_all_orders()


def train_in_all_orders() -> None:
    for order in kernel_checks.ORDERS:
        with thread_order(order):
            kernel_checks.check_trainings(Bench(CupyBackend(strict_cupy), np.float32))


def test_checks_find_a_missing_barrier_between_joined_tasks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write = kernels._several

    def without_barriers(*arguments: Any) -> str:
        return write(*arguments).replace("__syncthreads()", "")

    monkeypatch.setattr(kernels, "_several", without_barriers)
    expect_found(monkeypatch)


def test_checks_find_dependent_tasks_that_run_side_by_side(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(joins, "_apart", lambda some, others: True)
    expect_found(monkeypatch)
