"""Functions made into machine code, and the files that let numba keep it.

numba keeps machine code beside the file of the function that it was made of. What lamella writes
by itself it therefore writes into files of the user's cache.
"""

import functools
import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lamella.disk import write_atomically


@functools.cache
def compile_function(function: Callable[..., Any]) -> Any:
    """Return a plain Python function of arrays and numbers, compiled when it is first called."""
    import numba

    return numba.njit(cache=True, nogil=True, error_model="numpy")(function)


def load_module(source: str) -> Any:
    """Return the module of this source; it is written to a file if it is new."""
    name = f"lamella_rule_{_digest(source.encode())}"
    if name not in sys.modules:
        path = _cache() / f"{name}.py"
        if not path.exists():
            write_atomically(path, source.encode())
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules[name] = module
    return sys.modules[name]


def digest_of_file(path: str) -> str:
    """Return a digest of a file as it is now, for the source of what has its code within."""
    return _digest(Path(path).read_bytes())


def _digest(data: bytes) -> str:
    import hashlib  # slow to import, and needed only where numba is

    return hashlib.sha256(data).hexdigest()[:16]


def _cache() -> Path:
    """Return the user's folder for compiled rules, or a temporary one where that is no use."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lamella"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass
    import tempfile

    return Path(tempfile.mkdtemp(prefix="lamella-"))
