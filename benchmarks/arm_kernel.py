"""Count the instructions of the innermost loop of a matrix product on processors of 64-bit ARM.

    python benchmarks/arm_kernel.py

The code for ARM is generated on any processor, and LLVM compiles it for each ARM core that the
table names; nothing runs. The loop is that of a whole tile: 4 rows by 4 registers, 16 fused steps.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import llvmlite.binding as llvm

AS_ARM = Path(__file__).parents[1] / "tests" / "backend" / "numba" / "as_arm"
TRIPLE = "aarch64-unknown-linux-gnu"
CORES = ("neoverse-n1", "neoverse-v1", "cortex-a72", "apple-m1")
TILE = 16  # fused steps of a turn


def generated(name: str) -> str:
    """Return LLVM's code of a task of `lamella.backend.numba.gemm_blocks`, optimized."""
    from numba.core.ccallback import CFunc

    from lamella.backend.numba import gemm_blocks
    from lamella.backend.numba.parallel_for import TASK_TYPE

    types = TASK_TYPE.args, TASK_TYPE.return_type
    task = CFunc(getattr(gemm_blocks, name), types, locals={}, options={})
    task.compile()
    return re.sub(r"(?m)^target .*\n", "", task.inspect_llvm())


def assembly(code: str, core: str) -> list[str]:
    """Return the instructions and labels for a core."""
    machine = llvm.Target.from_triple(TRIPLE).create_target_machine(cpu=core, opt=3)
    module = llvm.parse_assembly(code)
    module.triple, module.data_layout = TRIPLE, str(machine.target_data)
    lines = (line.split("//")[0].strip() for line in machine.emit_assembly(module).splitlines())
    return [line for line in lines if re.match(r"\.L\w+:|[a-z]", line)]


def innermost_loops(lines: list[str]) -> list[list[str]]:
    """Return the instructions of each loop without a loop or a label of another one within."""
    loops, begin = [], 0
    for number, line in enumerate(lines):
        if line.endswith(":"):
            begin = number
        elif re.match(rf"(b\.|cb|tb|b\s).*{re.escape(lines[begin][:-1])}$", line):
            loops.append(lines[begin + 1 : number + 1])
    return loops


def main() -> None:
    """Print a table of the loops of whole tiles."""
    print("| core | numbers | instructions | fmla | branches | loads and stores of the stack |")
    print("|---|---|---|---|---|---|")
    for dtype in ("float32", "float64"):
        code = generated(f"multiply_{dtype}")
        for core in CORES:
            for loop in innermost_loops(assembly(code, core)):
                words = [line.split()[0] for line in loop]
                if words.count("fmla") == TILE:
                    branches = sum(re.match(r"b|cb|tb|ret", word) is not None for word in words)
                    spills = sum("[sp" in line for line in loop)
                    print(f"| {core} | {dtype} | {len(loop)} | {TILE} | {branches} | {spills} |")


if __name__ == "__main__":
    if str(AS_ARM) not in sys.path:
        path = os.pathsep.join([str(AS_ARM), os.environ.get("PYTHONPATH", "")])
        environment = {**os.environ, "PYTHONPATH": path}
        sys.exit(subprocess.run([sys.executable, __file__], env=environment).returncode)
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    main()
