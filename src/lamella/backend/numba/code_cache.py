"""Functions made into machine code, and where it is kept for the next process.

numba keeps the code of a function, with that of all it calls, by the function's own file only. In a
folder that is named by all of lamella's compiled sources nothing is found that another version has
left. What lamella writes by itself are files in the user's cache, since numba keeps no code of what
is in no file.
"""

import functools
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lamella.core.disk import write_atomically


@functools.cache
def compile_function(function: Callable[..., Any]) -> Any:
    """Return a plain Python function of arrays and numbers, compiled when it is first called."""
    import numba

    return kept(numba.njit(cache=True, nogil=True, error_model="numpy"))(function)


def kept(decorator: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a decorator of numba's, such as ``numba.njit(cache=True)``, that uses our folder."""

    def decorate(function: Any) -> Any:
        with _keeping():
            return decorator(function)

    return decorate


@contextmanager
def _keeping() -> Iterator[None]:
    """Let numba keep the code of what is decorated in this block in our folder."""
    import numba

    before = numba.config.CACHE_DIR
    folder = Path(before) if before else _cache()
    numba.config.CACHE_DIR = str(folder / f"lamella_code_{_version()}")
    try:
        yield
    finally:
        numba.config.CACHE_DIR = before


@functools.cache
def _version() -> str:
    """Return a digest of all sources in this folder."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return _digest("".join(digest_of_file(str(path)) for path in sources).encode())


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
        with _keeping():
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
    return _temporary()


@functools.cache
def _temporary() -> Path:
    import tempfile

    return Path(tempfile.mkdtemp(prefix="lamella-"))
