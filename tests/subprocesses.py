"""Python in separate processes, with one time limit for all of them."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TIME_LIMIT = 600  # seconds: only a deadlock takes longer, however busy the machine is


def run_python(
    *arguments: object,
    folder: Path = ROOT,
    environment: Mapping[str, str] | None = None,
    status: int | None = 0,
) -> "subprocess.CompletedProcess[str]":
    """Run Python with these arguments in a folder; expect a status unless it is None.

    The variables of ``environment`` are added to those of this process.
    """
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
    )
    assert status in (None, done.returncode), f"{done.returncode}\n{done.stdout}{done.stderr}"
    return done


def start_python(
    *arguments: object, environment: Mapping[str, str] | None = None, **options: Any
) -> "subprocess.Popen[str]":
    """Start Python with these arguments; ``communicate`` reads its stderr."""
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        env={**os.environ, **(environment or {})},
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def loaded_packages(code: str) -> set[str]:
    """Return the packages that Python has loaded after some code."""
    report = "\nimport sys; print(*{name.partition('.')[0] for name in sys.modules})"
    return set(run_python("-W", "error", "-c", code + report).stdout.splitlines()[-1].split())


def missing_extra(package: str, code: str) -> str:
    """Return the MissingExtraError of some code if a package cannot be imported."""
    lines = "\n".join(f"    {line}" for line in code.splitlines())
    hidden = (
        f"import sys\nsys.modules[{package!r}] = None\n"
        "from lamella.core.errors import MissingExtraError\n"
        f"try:\n{lines}\nexcept MissingExtraError as error:\n    print(error)"
    )
    return run_python("-c", hidden).stdout


def wait_until(
    condition: Callable[[], bool], process: "subprocess.Popen[str] | None" = None
) -> None:
    """Wait until a condition holds; fail if the process that should bring it about has ended."""
    end = time.monotonic() + TIME_LIMIT
    while not condition():
        if process is not None and process.poll() is not None:
            _, errors = process.communicate(timeout=TIME_LIMIT)
            raise AssertionError(
                f"the process ended too soon, with status {process.poll()}: {errors}"
            )
        assert time.monotonic() < end, "the condition never held"
        time.sleep(0.002)


def expect_success(child: BaseProcess) -> None:
    """Wait for a child process; fail if it hangs or ends with an error."""
    child.join(TIME_LIMIT)
    status = child.exitcode
    child.kill()
    child.join()
    assert status == 0, "the child hangs" if status is None else f"status {status}"
