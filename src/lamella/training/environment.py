"""The environment of a run: versions, processor, BLAS and commit, which decide its last bits."""

import importlib.util
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info

from lamella.backend import Backend
from lamella.backend import numba as compiled
from lamella.backend.threads import cores
from lamella.core.version import __version__

SOURCES = Path(__file__).parents[1]


def environment(backend: Backend) -> dict[str, Any]:
    """Return what a run depends on beside its configuration, as JSON can hold it."""
    return {
        "versions": versions(),
        "backend": {"name": backend.name, "why": backend.reason},
        "blas": blas(),
        "cores": cores(),
        "cpu": processor(),
        "loops": loops(),
        "products": "compiled" if compiled.has_products() else "BLAS",
        "git": commit(),
    }


def loops() -> str:
    """Return what runs update rules on the host: numba's compiled loops, or numpy's blocks."""
    return f"numba {metadata.version('numba')}" if compiled.is_available() else "numpy"


def versions() -> dict[str, str]:
    """Return the versions of lamella, python and numpy, and the platform."""
    return {
        "lamella": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": platform.platform(),
    }


def blas() -> list[dict[str, Any]]:
    """Return what is known of each library that does numpy's matrix products."""
    libraries = [
        {
            "name": library["internal_api"],
            "version": library["version"],
            "architecture": library.get("architecture"),
            "threads": library["num_threads"],
        }
        for library in threadpool_info()
        if library["user_api"] == "blas"
    ]
    return sorted(libraries, key=str)  # threadpoolctl tells them in another order every time


def installed(package: str) -> bool:
    """Whether an optional package can be imported; it is not imported."""
    return importlib.util.find_spec(package) is not None


def processor() -> str:
    """Return the processor's name, which decides what kernels a BLAS takes."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def commit() -> str | None:
    """Return the git commit of lamella's sources, "+ changes" if they are others; None without git.

    Sources that git does not track, such as an installed wheel inside of a project, have none.
    """
    if not any((folder / ".git").exists() for folder in SOURCES.parents):
        return None
    if _git("ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    name, changes = _git("rev-parse", "HEAD"), _git("status", "--porcelain", "--", ".")
    if not name:
        return None
    return name + (" + changes" if changes else "")


def _git(*arguments: str) -> str | None:
    # Without the option git status writes the index, and leaves its lock behind if it is killed.
    command = ["git", "--no-optional-locks", "-C", str(SOURCES), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
