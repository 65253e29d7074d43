"""The user's folder of compiled code."""

import os
from pathlib import Path


def cache_folder(given: str | None = None) -> Path:
    """Return the folder of lamella's compiled code, in ``given`` or the user's cache folder.

    It may not exist. Raise a RuntimeError if the user has no home folder.
    """
    return Path(given or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lamella"
