"""Run one of the checks; see `benchmarks.gpu.checks.process.serve`."""

from benchmarks.gpu.checks import CHECKS
from benchmarks.gpu.checks.process import serve

if __name__ == "__main__":
    serve(CHECKS)
