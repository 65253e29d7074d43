"""Facts about the machine, and warnings about other load on it."""

import importlib.metadata
import os
import platform
import time
from pathlib import Path
from typing import Any

from lamella.training.environment import processor

PACKAGES = ("lamella", "numpy", "numba", "torch", "jax", "jaxlib", "optax", "scikit-learn")
SLOWING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
BUSY = 0.05


def facts() -> dict[str, Any]:
    """Return processor, system and versions as JSON data."""
    return {
        "processor": processor(),
        "cores": len(processors()),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
        "environment": {name: os.environ[name] for name in SLOWING if name in os.environ},
    }


def processors() -> list[int]:
    """Return the numbers of the processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def version(package: str) -> str | None:
    """Return the version of an installed package, or None."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def busy_share(seconds: float = 1.0) -> float | None:
    """Return the busy fraction of all cores while this process sleeps; None if unknown."""
    if not Path("/proc/stat").exists():
        return None
    busy, total = _ticks()
    time.sleep(seconds)
    later_busy, later_total = _ticks()
    return (later_busy - busy) / max(later_total - total, 1)


def _ticks() -> tuple[int, int]:
    ticks = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)  # without idle time and waiting for disks


def warnings(threads: int) -> list[str]:
    """Return sentences on conditions that distort measurements on this machine."""
    found = [
        f"{name}={os.environ[name]} is set: it slows down numpy's matrix products, and with them "
        "all contestants except PyTorch and JAX"
        for name in SLOWING
        if name in os.environ
    ]
    if threads > len(processors()):
        found.append(f"{threads} threads on {len(processors())} cores compete for time")
    return found
