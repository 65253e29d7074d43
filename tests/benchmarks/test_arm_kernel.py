"""Innermost loop of a matrix product for 64-bit ARM: no masks, no spills."""

import pytest

from lamella.backend import numba as compiled
from tests.subprocesses import ROOT, run_python

if compiled.products_problem():
    pytest.skip(compiled.products_problem(), allow_module_level=True)


@pytest.mark.slow
def test_loop_for_arm_is_one_branch_and_stays_in_registers() -> None:
    """LLVM makes a branch per lane of a masked load, where there are no such loads."""
    lines = run_python(ROOT / "benchmarks" / "arm_kernel.py").stdout.splitlines()
    loops = [line.strip("| ").split(" | ") for line in lines[2:]]
    assert {(core, dtype) for core, dtype, *_ in loops} == {
        (core, dtype)
        for core in ("neoverse-n1", "neoverse-v1", "cortex-a72", "apple-m1")
        for dtype in ("float32", "float64")
    }
    for _, _, instructions, fused, branches, spills in loops:
        assert (fused, branches, spills) == ("16", "1", "0")
        assert int(instructions) < 36
