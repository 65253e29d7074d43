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

SOURCES = Path(__file__).parents[1]
# Linux names the cores of ARM by two numbers: CPU implementer and CPU part.
ARM = {
    "0xd03": "Cortex-A53",  # Raspberry Pi 3
    "0xd07": "Cortex-A57",
    "0xd08": "Cortex-A72",  # Raspberry Pi 4, Graviton
    "0xd0b": "Cortex-A76",  # Raspberry Pi 5
    "0xd0c": "Neoverse N1",  # Graviton 2, Altra
    "0xd40": "Neoverse V1",  # Graviton 3
    "0xd49": "Neoverse N2",  # Cobalt
    "0xd4f": "Neoverse V2",  # Graviton 4, Grace
}
MAKERS = {"0x41": "ARM", "0x51": "Qualcomm", "0x61": "Apple", "0xc0": "Ampere"}


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


def processor() -> str:
    """Return the processor's name, by which a BLAS selects its kernels.

    Of one with several kinds of cores it has the names of all kinds.
    """
    found = None
    if platform.system() == "Darwin":
        found = _output("/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string")
    return found or name_in(_cpuinfo()) or platform.processor() or platform.machine()


def name_in(cpuinfo: str) -> str:
    """Return the processor's name in the text of ``/proc/cpuinfo``; empty if there is none."""
    names: list[str] = []
    maker = ""
    for line in cpuinfo.splitlines():
        key, _, value = (part.strip() for part in line.partition(":"))
        if key == "model name":
            names.append(value)
        elif key == "CPU implementer":
            maker = value
        elif key == "CPU part":
            known = ARM.get(value, f"part {value}") if maker == "0x41" else f"part {value}"
            names.append(f"{MAKERS.get(maker, f'implementer {maker}')} {known}")
    return " and ".join(dict.fromkeys(names))


def _cpuinfo() -> str:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


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
    return _output("git", "--no-optional-locks", "-C", str(SOURCES), *arguments)


def _output(*command: str) -> str | None:
    """Return the text that a command prints, or None if it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
