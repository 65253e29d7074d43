"""A check in its own process: both sides."""

import contextlib
import faulthandler
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.gpu.checks.bench import Bench, Figures, SkippedError
from benchmarks.peers.process import ROOT

GRACE = 30.0  # seconds after its limit until a check that did not end itself is killed
LOG = 4000  # last characters of the output of a check that is not right
GOES_ON = ("right", "skipped")


class Check(NamedTuple):
    """A function that raises an AssertionError for a wrong number, and its limit of seconds."""

    run: Callable[[Bench], Figures]
    limit: float


def run(module: str, name: str, device: str, limit: float) -> dict[str, Any]:
    """Run a check in a process that ends with all that it started; return its outcome.

    Parameters
    ----------
    module : str
        Calls `serve`, such as "benchmarks.gpu.checks".
    name : str
    device : {"gpu", "cpu"}
    limit : float
        Seconds.
    """
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as log:
        file = Path(folder) / "outcome.json"
        command = [sys.executable, "-m", module, name, device, str(limit), str(file)]
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True
        )
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(limit + GRACE)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # it leads a session of its own
            process.wait()
        seconds = round(time.perf_counter() - began, 2)
        if file.exists():
            found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        elif seconds >= limit:
            found = {"outcome": "out of time", "reason": f"it took over {limit:.0f} seconds"}
        else:
            found = {"outcome": "failed", "reason": f"it ended with {process.returncode}"}
        if found["outcome"] not in GOES_ON:
            log.seek(0)
            found["log"] = log.read()[-LOG:]
    return {**found, "seconds": seconds}


def serve(checks: Mapping[str, Check]) -> None:
    """Run the check that the command line names, and write its outcome to the file named there.

    A check that takes longer than its limit ends with its place in the code.
    """
    name, device, limit, file = sys.argv[1:]
    faulthandler.dump_traceback_later(float(limit), exit=True)
    found = outcome(checks[name], device)
    whole = Path(f"{file}.part")
    whole.write_text(json.dumps(found, default=str), encoding="utf-8")
    whole.replace(file)
    faulthandler.cancel_dump_traceback_later()


def outcome(check: Check, device: str) -> dict[str, Any]:
    """Return the outcome of a check, with its figures or the reason."""
    try:
        return {"outcome": "right", "figures": check.run(Bench(device))}
    except SkippedError as reason:
        return {"outcome": "skipped", "reason": str(reason)}
    except AssertionError as wrong:
        traceback.print_exc()
        return {"outcome": "wrong", "reason": str(wrong).strip()}
    except Exception as error:
        traceback.print_exc()
        return {"outcome": "failed", "reason": f"{type(error).__name__}: {error}"}
