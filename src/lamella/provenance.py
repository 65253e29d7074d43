"""Where a run came from: the processor that computed it, and the commit of lamella's sources."""

import platform
import subprocess
from pathlib import Path

SOURCES = Path(__file__).parent


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
