"""Files of machine code in the user's cache folder, for the next process.

Each file holds the code of one function for one signature. Its name is a digest of all that the
code depends on, and its content begins with a digest of the rest. A file that is missing, damaged
or of another program, and a folder that cannot be written, therefore cost the time of compiling
and nothing else.

numba's own cache is not used: its folder is a setting of the whole process, and a damaged file in
it fails every later process. Requires numba.
"""

import hashlib
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.core.caching import NullCache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

from lamella.core.disk import cache_folder, write_atomically

VERSIONS = repr((sys.version, numba.__version__, llvmlite.__version__, np.__version__))
DIGEST = hashlib.sha256().digest_size  # bytes


class CodeFiles(NullCache):  # type: ignore[misc]
    """Cache of a compiled function's machine code, in the form that numba expects.

    ``source`` is a digest of the sources that the code is compiled from.
    """

    def __init__(self, function: Callable[..., Any], source: str) -> None:
        self._function, self._source = function, source

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled function for a signature; None if there is no whole file of it."""
        target_context.refresh()
        try:
            key = self._key(sig, target_context.codegen())
            path = self._path(key)
            content = path.read_bytes() if path.is_file() else b""
            if content[:DIGEST] != _seal(key, content[DIGEST:]):
                return None
            return CompileResult._rebuild(target_context, *pickle.loads(content[DIGEST:]))
        except Exception:  # whatever is wrong, compiling mends it
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Write a compiled function to its file, where that can be done."""
        if data.lifted or data.library.has_dynamic_globals:  # code that has addresses in it
            return
        try:
            key = self._key(sig, data.codegen)
            path, code = self._path(key), dumps(data._reduce())
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, _seal(key, code) + code)
        except Exception:  # a full disk, no home folder, ...: the next process compiles again
            return

    def _key(self, sig: Any, codegen: Any) -> bytes:
        """Return a digest of all that the machine code depends on."""
        code = self._function.__code__
        cells = tuple(cell.cell_contents for cell in self._function.__closure__ or ())
        parts = self._source, code.co_qualname, code.co_firstlineno, code.co_code, dumps(cells)
        everything = repr((VERSIONS, str(sig), codegen.magic_tuple(), parts))
        return hashlib.sha256(everything.encode()).digest()

    def _path(self, key: bytes) -> Path:
        return code_folder() / f"{self._function.__name__.strip('<>')}-{key.hex()[:32]}.nbc"


def _seal(key: bytes, code: bytes) -> bytes:
    return hashlib.sha256(key + code).digest()


def code_folder() -> Path:
    """Return the folder of the files: numba's, where one is set, else the user's.

    Raise a RuntimeError if the user has no home folder.
    """
    return cache_folder(numba.config.CACHE_DIR)
