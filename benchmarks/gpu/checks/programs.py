"""Checks by other programs: pytest, compute-sanitizer, and the comparison with peers."""

import importlib.util
import re
import shutil
import subprocess
import sys

from benchmarks.gpu.checks.bench import Bench, Figures, SkippedError, WrongError, expect
from benchmarks.gpu.race import race
from benchmarks.peers.measure import mnist_folder
from benchmarks.peers.process import ROOT
from benchmarks.peers.ratios import ratios, spread
from benchmarks.peers.table import notes
from benchmarks.peers.tasks import Task

PROCESSES = 4  # of pytest, on one GPU


def run_tests(bench: Bench, arguments: list[str]) -> Figures:
    """Run pytest, on a GPU the tests that need one; return the number of tests that passed."""
    if importlib.util.find_spec("pytest") is None:
        raise SkippedError("pytest is not installed")
    chosen = ["-m", "gpu"] if bench.is_gpu else ["-m", "not slow and not gpu"]
    if bench.is_gpu and importlib.util.find_spec("xdist") is not None:
        chosen += ["-n", str(PROCESSES)]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    if done.returncode == 1 and failed:
        raise WrongError(f"{len(failed)} tests failed: {', '.join(failed[:8])}")
    expect(done.returncode == 0, f"pytest ended with {done.returncode}: {last_line(done)}")
    return {"tests": last_line(done)}


def last_line(done: "subprocess.CompletedProcess[str]") -> str:
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return lines[-1].strip("= ") if lines else ""


def all_tests(bench: Bench) -> Figures:
    """Run all tests of a GPU; on the stand-in those of one layer."""
    chosen = ["--ignore=tests/backend/cupy"] if bench.is_gpu else ["tests/layers/test_dense.py"]
    return run_tests(bench, chosen)


def sanitizer(bench: Bench) -> Figures:
    """Train under compute-sanitizer: no wrong address, no race between threads of a block."""
    program = shutil.which("compute-sanitizer")
    if program is None or not bench.is_gpu:
        raise SkippedError("compute-sanitizer needs a GPU" if program else "it is not installed")
    figures: Figures = {}
    for tool in ("memcheck", "racecheck"):
        command = [program, "--tool", tool, "--error-exitcode", "9", sys.executable]
        command += ["-m", "benchmarks.gpu.checks.sanitized"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        summary = re.findall(r"^=+ (\w+ SUMMARY: .*)$", done.stdout, re.MULTILINE)
        figures[tool] = summary[-1] if summary else last_line(done)
        found = [line for line in done.stdout.splitlines() if line.startswith("=========")][:4]
        expect(done.returncode != 9, f"{tool}: {figures[tool]}: {' '.join(found)}")
        if done.returncode or not summary:
            raise SkippedError(f"{tool} ended with {done.returncode}: {last_line(done)}")
    return figures


def benchmark(bench: Bench) -> Figures:
    """Train lamella, PyTorch and JAX in turn, with losses compared; seconds and ratios."""
    figures: Figures = {}
    measurements = []
    names = ["784-256-30-10@64", "784-2048-256-10@64"] if bench.is_gpu else ["784-12-10@16"]
    contestants = None if bench.is_gpu else ["lamella", "lamella eager", "PyTorch", "JAX"]
    with mnist_folder(images=60_000 if bench.is_gpu else 256) as folder:
        for name in names:
            result = race(
                Task.parse(name, "adam"),
                folder,
                device=bench.device,
                names=contestants,
                rounds=5 if bench.is_gpu else 1,
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
            expect(not result["differences"], f"{name}: {'; '.join(result['differences'])}")
    return {**figures, "measurements": measurements}
