"""The device of a benchmark: a GPU, or for smoke tests the processor with lamella's stand-in."""

import subprocess
from typing import Any

import lamella as lm
from lamella.backend import Backend

FIELDS = ("name", "driver_version", "memory.total", "clocks.max.sm")


def open_backend(device: str) -> Backend:
    """Return lamella's backend for "gpu" (cupy) or "cpu" (the strict stand-in for cupy)."""
    if device == "gpu":
        return lm.get_backend("cupy")
    from lamella.backend.cupy.graph_backend import GraphBackend
    from lamella.testing import strict_cupy

    return GraphBackend(strict_cupy, "stand-in")


def gpu_facts() -> dict[str, Any] | None:
    """Return name, driver, memory and clock of the first GPU, or None without a driver."""
    query = ["nvidia-smi", f"--query-gpu={','.join(FIELDS)}", "--format=csv,noheader", "--id=0"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return dict(zip(FIELDS, (word.strip() for word in answer.stdout.split(",")), strict=False))
