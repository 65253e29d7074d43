"""Parent side of a worker: start it, send commands and read its answers."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NPROC",  # read by XLA as the number of processors
)


class Left(Exception):
    """A contestant cannot run; the message gives the reason."""


class Worker:
    """A contestant in its own process.

    Parameters
    ----------
    name : str
        One of the ``MAKERS`` of the module.
    setup : dict
        Task, data and weights; see ``benchmarks.peers.worker.start``. Its entry "environment" has
        variables for the process.
    module : str
        The module to run, which calls ``benchmarks.peers.worker.serve``.

    Raises
    ------
    Left
        If the process does not start.
    """

    def __init__(
        self, name: str, setup: dict[str, Any], module: str = "benchmarks.peers.worker"
    ) -> None:
        self.name = name
        threads = setup["threads"]
        environment = os.environ | {variable: str(threads) for variable in THREAD_VARIABLES}
        if threads == 1:
            flags = environment.get("XLA_FLAGS", "")
            environment["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen=false".strip()
        environment |= setup["environment"]
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115, lives as long as the worker
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self.about = self.ask(contestant=name, **setup)

    def ask(self, **command: Any) -> dict[str, Any]:
        """Send a command, wait for it and return the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            print(json.dumps(command), file=self._process.stdin, flush=True)
        except BrokenPipeError:
            raise Left(self._last_words()) from None
        line = self._process.stdout.readline()
        if not line:
            raise Left(self._last_words())
        return json.loads(line)

    def _last_words(self) -> str:
        self._process.wait()
        self._errors.seek(0)
        lines = [line.strip() for line in self._errors if line.strip()]
        return lines[-1] if lines else f"ended with code {self._process.returncode}"

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._errors.close()
