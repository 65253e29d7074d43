"""Compile functions, and cache their machine code in files for the next process.

numba caches the code of a function, with all that it inlines, under the function's own file only.
The cache folder is therefore named by a digest of all compiled sources of lamella, so that no other
version's code is found. Generated modules are written to files, since numba caches only those.
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
    """Return a compiled version of a function of arrays and numbers; the first call compiles it."""
    import numba

    return with_code_cache(numba.njit(cache=True, nogil=True, error_model="numpy"))(function)


def with_code_cache(decorator: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Make a numba decorator, such as ``numba.njit(cache=True)``, use lamella's cache folder."""

    def decorate(function: Any) -> Any:
        with _code_cache():
            return decorator(function)

    return decorate


@contextmanager
def _code_cache() -> Iterator[None]:
    """Set numba's cache folder for the functions that are decorated within this block."""
    import numba

    before = numba.config.CACHE_DIR
    folder = Path(before) if before else _cache_folder()
    numba.config.CACHE_DIR = str(folder / f"lamella_code_{_sources_digest()}")
    try:
        yield
    finally:
        numba.config.CACHE_DIR = before


@functools.cache
def _sources_digest() -> str:
    """Return a digest of all sources in this package."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return _digest("".join(digest_of_file(str(path)) for path in sources).encode())


def load_module(source: str) -> Any:
    """Return the module with this source; write it to a file if it is new."""
    name = f"lamella_rule_{_digest(source.encode())}"
    if name not in sys.modules:
        path = _cache_folder() / f"{name}.py"
        if not path.exists():
            write_atomically(path, source.encode())
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        with _code_cache():
            spec.loader.exec_module(module)
        sys.modules[name] = module
    return sys.modules[name]


def digest_of_file(path: str) -> str:
    """Return a digest of a file's content, for generated sources that depend on it."""
    return _digest(Path(path).read_bytes())


def _digest(data: bytes) -> str:
    import hashlib  # slow to import, and only needed with numba

    return hashlib.sha256(data).hexdigest()[:16]


def _cache_folder() -> Path:
    """Return the user's cache folder, or a temporary one if that is not writable."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lamella"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass
    return _temporary_folder()


@functools.cache
def _temporary_folder() -> Path:
    import tempfile

    return Path(tempfile.mkdtemp(prefix="lamella-"))
