"""The user's folder of compiled code."""

import os
from pathlib import Path


def cache_folder(given: str | None = None) -> Path:
    """Return the folder of lamella's compiled code, which may not exist.

    Parameters
    ----------
    given : str, optional
        Folder to use in place of the user's cache folder.

    Raises
    ------
    RuntimeError
        If the user has no home folder.
    """
    return Path(given or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lamella"
