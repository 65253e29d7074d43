"""The checks find bugs that are planted into kernels.cu."""

from pathlib import Path
from typing import NamedTuple

import pytest

from lamella.backend.cupy.tasks import KERNELS
from lamella.testing.strict_cupy.raw_kernels import compiler_problem
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
