"""Measure how much trainings of one seed differ when another condition changes.

    python benchmarks/bits.py

Each case trains 784-256-30-10 for an epoch on MNIST (batches of 64, Adam) in its own process. The
table shows the largest difference of any weight from the first case, after 1, 100 and all steps,
and the test accuracy. "the same" means equal bits.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

LOOKS = (1, 100, 938)  # steps
AVX2 = "+sse3,+ssse3,+sse4.1,+sse4.2,+popcnt,+cx16,+avx,+avx2,+fma,+f16c,+bmi,+bmi2,+lzcnt,+movbe"
# Environment variables and command-line options of each case.
CASES: dict[str, tuple[dict[str, str], list[str]]] = {
    "baseline": ({}, []),
    "repeated": ({}, []),
    "one thread": ({"OPENBLAS_NUM_THREADS": "1"}, []),
    "BLAS kernels of another processor": ({"OPENBLAS_CORETYPE": "Haswell"}, []),
    "processor with AVX2 only, for numba": (
        {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": AVX2},
        [],
    ),
    "without numba": ({}, ["--without-numba"]),
    "without numba, one BLAS thread": ({"OPENBLAS_NUM_THREADS": "1"}, ["--without-numba"]),
    "on a GPU": ({}, ["--backend", "cupy"]),
    "float64": ({}, ["--dtype", "float64"]),
    "another seed": ({}, ["--seed", "2024"]),
}


def train(options: argparse.Namespace) -> None:
    """Train in this process and write weights and accuracy to ``options.out``."""
    if options.without_numba:
        sys.modules["numba"] = None  # type: ignore[assignment]
    import lamella as lm

    found: dict[str, Any] = {}

    class Look(lm.Callback):
        def on_batch_end(self, model: lm.Sequential, batch: int, log: object) -> None:
            if batch + 1 in LOOKS:
                found[str(batch + 1)] = np.array(model.backend.to_host(model.built().values))

    images, test = lm.datasets.mnist()
    kind = {"backend": options.backend, "dtype": options.dtype}
    model = lm.MLP([256, 30], seed=options.seed, **kind)
    model.fit(images.x, images.y, epochs=1, batch_size=64, callbacks=[Look()], verbose=False)
    found["accuracy"] = model.evaluate(test.x, test.y)["accuracy"]
    np.savez(options.out, **found)


def run(case: str, out: Path) -> dict[str, np.ndarray] | None:
    """Train one case in its own process; return None if this machine cannot run it."""
    settings, words = CASES[case]
    environment = {k: v for k, v in os.environ.items() if k != "OPENBLAS_CORETYPE"} | settings
    command = [sys.executable, __file__, "--out", str(out), *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        print(f"{case}: skipped: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    with np.load(out) as arrays:
        return dict(arrays)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--without-numba", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--backend", default="numpy", help=argparse.SUPPRESS)
    parser.add_argument("--dtype", default="float32", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=2023, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    options = parse()
    if options.out is not None:
        train(options)
        return
    print(f"| | {' | '.join(f'step {step}' for step in LOOKS)} | test accuracy |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        first: dict[str, np.ndarray] = {}
        for number, case in enumerate(CASES):
            found = run(case, Path(folder) / f"{number}.npz")
            if found is None:
                continue
            first = first or found
            apart = [float(np.abs(found[str(s)] - first[str(s)]).max()) for s in LOOKS]
            cells = ["the same" if far == 0 else f"{far:.1e}" for far in apart]
            print(f"| {case} | {' | '.join(cells)} | {float(found['accuracy']):.2%} |", flush=True)


if __name__ == "__main__":
    main()
