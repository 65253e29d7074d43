"""Environment of a run, which determines its last bits: versions, processor, BLAS, commit."""

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
from lamella.training.processor import processor

SOURCES = Path(__file__).parents[1]


def environment(backend: Backend) -> dict[str, Any]:
    """Return the environment of a run as JSON values."""
    return {
        "versions": {
            "lamella": __version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
            "platform": platform.platform(),
        },
        "backend": {"name": backend.name, "why": backend.reason},
        "blas": blas(),
        "cores": cores(),
        "cpu": processor(),
        # The engine of update rules on the host.
        "loops": f"numba {metadata.version('numba')}" if compiled.is_available() else "numpy",
        "products": "compiled" if compiled.has_products() else "BLAS",
        "git": commit(),
    }


def blas() -> list[dict[str, Any]]:
    """Return name, version, architecture and threads of each loaded BLAS library."""
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
    return sorted(libraries, key=str)  # threadpoolctl's order varies


def installed(package: str) -> bool:
    """Whether an optional package is installed; it is not imported."""
    return importlib.util.find_spec(package) is not None


def commit() -> str | None:
    """Return the git commit of lamella's sources, with "+ changes" if they are modified.

    None without git, and for sources that git does not track, such as an installed wheel.
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
    # Without this option git status locks the index, and leaves the lock if it is killed.
    command = ["git", "--no-optional-locks", "-C", str(SOURCES), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
