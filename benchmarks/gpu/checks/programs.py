"""Checks by other programs: pytest, compute-sanitizer, and the comparison with peers."""

import importlib.util
import os
import shutil
import subprocess
import sys

from benchmarks.gpu.checks.bench import Bench, Figures, SkippedError, expect
from benchmarks.gpu.race import race
from benchmarks.gpu.worker import MAKERS
from benchmarks.peers.measure import mnist_folder
from benchmarks.peers.process import ROOT
from benchmarks.peers.ratios import ratios, spread
from benchmarks.peers.table import notes
from benchmarks.peers.tasks import Task

PROCESSES = 4  # of pytest, on one GPU
FOUND = 9  # status of compute-sanitizer if it finds an error
SLOW = "PyTorch compiled"  # compiles for a minute


def run_tests(bench: Bench, arguments: list[str]) -> Figures:
    """Run pytest, on a GPU the tests that need one; return the number of tests that passed."""
    if importlib.util.find_spec("pytest") is None:
        raise SkippedError("pytest is not installed")
    chosen = ["-m", "gpu"] if bench.is_gpu else ["-m", "not slow and not gpu"]
    if bench.is_gpu and importlib.util.find_spec("xdist") is not None:
        chosen += ["-n", str(PROCESSES)]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen, *arguments]
    code, lines = run_program(command)
    failed = [line.split()[1] for line in lines if line.startswith(("FAILED ", "ERROR "))]
    expect(not failed, f"{len(failed)} tests failed: {', '.join(failed[:8])}")
    expect(code == 0, f"pytest ended with {code}: {lines[-1:]}")
    return {"tests": lines[-1].strip("= ")}


def run_program(command: list[str]) -> tuple[int, list[str]]:
    """Run a program; return its status and its output, which a check out of time shows, too."""
    lines = []
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            lines += [line.rstrip()] if line.strip() else []
    return process.returncode, lines


def all_tests(bench: Bench) -> Figures:
    """Run all tests of a GPU; on the stand-in those of one layer."""
    chosen = ["--ignore=tests/backend/cupy"] if bench.is_gpu else ["tests/layers/test_dense.py"]
    return run_tests(bench, chosen)


def sanitizer(bench: Bench) -> Figures:
    """Train under compute-sanitizer: no wrong address, no race between threads of a block."""
    folders = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/cuda/bin"])
    program = shutil.which("compute-sanitizer", path=folders)
    if not bench.is_gpu or program is None:
        raise SkippedError("it needs a GPU" if program else "compute-sanitizer is not installed")
    figures: Figures = {}
    for tool in ("memcheck", "racecheck"):
        # cupy asks the driver for things that it may refuse; such errors are no errors of ours.
        options = ["--report-api-errors", "no"] if tool == "memcheck" else []
        command = [program, "--tool", tool, *options, "--error-exitcode", str(FOUND)]
        code, lines = run_program(
            [*command, sys.executable, "-m", "benchmarks.gpu.checks.sanitized"]
        )
        found = [line.strip("= ") for line in lines if line.startswith("=========")]
        expect(code != FOUND, f"{tool}: {'; '.join(found[:6])}")
        if code or not any("SUMMARY" in line for line in found):
            raise SkippedError(f"{tool} ended with {code}: {lines[-1:]}")
        figures[tool] = found[-1]
    return figures


def benchmark(bench: Bench) -> Figures:
    """Train lamella, PyTorch and JAX in turn, with losses compared; seconds and ratios."""
    figures: Figures = {}
    measurements = []
    names = ["784-256-30-10@64", "784-2048-256-10@64"] if bench.is_gpu else ["784-12-10@16"]
    contestants = list(MAKERS) if bench.is_gpu else ["lamella", "lamella eager", "PyTorch", "JAX"]
    with mnist_folder(images=60_000 if bench.is_gpu else 256) as folder:
        for name in names:
            result = race(
                Task.parse(name, "adam"),
                folder,
                device=bench.device,
                names=[one for one in contestants if one != SLOW or name == names[0]],
                rounds=3 if bench.is_gpu else 1,
                seconds=0.1,
                samples=None if bench.is_gpu else 256,
            )
            times = {key: one["step_seconds"] for key, one in result["contestants"].items()}
            base = next(iter(times.values()))
            figures[name] = {
                "us a step": {key: 1e6 * spread(own).median for key, own in times.items()},
                "ratio": {key: ratios(own, base).median for key, own in times.items()},
                "notes": notes(result),
            }
            measurements.append(result)
            ours = result["left_out"].get("lamella")
            expect(ours is None, f"{name}: lamella takes no part: {ours}")
            losses = [text for text in result["differences"] if ": loss " in text]
            expect(not losses, f"{name}: {'; '.join(losses)}")
    return {**figures, "measurements": measurements}
