"""The tasks touch no memory beyond their arrays, and do nothing that C++ leaves undefined."""

import subprocess
from pathlib import Path

import pytest

from lamella.testing.strict_cupy.raw_kernels import compiler_problem
from tests.backend.cupy.kernel_checks import run_checks

pytestmark = pytest.mark.slow
ADDRESS = "--dtypes=float32", "--guards=0", "--flags=-fsanitize=address"
UNDEFINED = (
    "--dtypes=float32",
    "--flags=-fsanitize=undefined",
    "--flags=-fno-sanitize-recover=all",
)


def library_of(sanitizer: str) -> str:
    """Return the path of a sanitizer's library; skips the test if there is none."""
    if compiler_problem():
        pytest.skip(compiler_problem())
    command = ["g++", f"-print-file-name=lib{sanitizer}.so"]
    path = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    if not Path(path).is_absolute():
        pytest.skip(f"g++ has no {path} here")
    return path


def address_environment() -> dict[str, str]:
    """Return the variables with which Python can load code for the address sanitizer."""
    return {"LD_PRELOAD": library_of("asan"), "ASAN_OPTIONS": "detect_leaks=0"}


def test_tasks_touch_only_their_arrays(tmp_path: Path) -> None:
    assert not run_checks(tmp_path, *ADDRESS, **address_environment())


def test_tasks_have_no_undefined_behaviour(tmp_path: Path) -> None:
    library_of("ubsan")
    assert not run_checks(tmp_path, *UNDEFINED)
