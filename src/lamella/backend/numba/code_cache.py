"""Compile functions, and keep their machine code in files for the next process.

The code of a function contains all that it inlines. The key of a file therefore has a digest of all
compiled sources of lamella, and of the file or the generated source of the function itself.
"""

import contextlib
import functools
import linecache
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, TypeVar

from lamella.core.errors import UsageError

Compiled = TypeVar("Compiled", bound=Any)
GENERATED = (
    "lamella_rule_"  # begins the name of a generated module; the digest of its source ends it
)


@functools.cache
def compile_function(function: Callable[..., Any]) -> Any:
    """Return a compiled version of a function of arrays and numbers; the first call compiles it."""
    import numba

    return with_code_cache(numba.njit(nogil=True, error_model="numpy")(function))


def with_code_cache(compiled: Compiled) -> Compiled:
    """Make a function of numba, not compiled yet, use lamella's cache; use it as a decorator too.

    A function without a source file, such as one typed in, is compiled in each process.
    """
    from lamella.backend.numba.code_files import CodeFiles

    function = compiled.__wrapped__
    with contextlib.suppress(OSError):
        compiled._cache = CodeFiles(function, f"{_sources_digest()} {digest_of_source(function)}")
    if hasattr(compiled, "_compile_for_args"):  # numba calls it for arguments of new types
        compiled._compile_for_args = functools.partial(compile_now, compiled._compile_for_args)
    return compiled


def compile_now(compile_for: Callable[..., Any], *arguments: Any) -> Any:
    """Return ``compile_for(*arguments)``, which compiles a function with numba.

    Ctrl-C takes effect when that is done: within, it would crash the process. Raise a UsageError if
    this thread compiles already: numba's compiler cannot begin anew in a signal handler.
    """
    from numba.core.compiler_lock import global_compiler_lock

    if global_compiler_lock.is_locked():  # by this thread
        raise UsageError(
            "a signal handler ran code of lamella that is not compiled yet while this thread was "
            "compiling: use the handler's models once before the signals begin"
        )
    with _interrupts_wait():
        return compile_for(*arguments)


@contextlib.contextmanager
def _interrupts_wait() -> Iterator[None]:
    """Call the handler of Ctrl-C not before the end of this block."""
    handler = signal.getsignal(signal.SIGINT)
    is_main = threading.current_thread() is threading.main_thread()  # only there handlers run
    if not (is_main and callable(handler)):
        yield
        return
    waiting: list[tuple[int, FrameType | None]] = []
    try:
        signal.signal(signal.SIGINT, lambda number, frame: waiting.append((number, frame)))
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if waiting:
            handler(*waiting[0])


@functools.cache
def _sources_digest() -> str:
    """Return a digest of all sources in this package."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return _digest(b"".join(path.read_bytes() for path in sources))


def load_module(source: str) -> Any:
    """Return the module with this source, which is never read from a file."""
    name = f"{GENERATED}{_digest(source.encode())}"
    if name not in sys.modules:
        module, file = ModuleType(name), f"<{name}>"
        linecache.cache[file] = len(source), None, source.splitlines(True), file  # for tracebacks
        exec(compile(source, file, "exec"), vars(module))
        sys.modules.setdefault(name, module)
    return sys.modules[name]


def digest_of_source(function: Callable[..., Any]) -> str:
    """Return a digest of the source of a function's module; raise an OSError without its file."""
    if function.__module__.startswith(GENERATED):
        return function.__module__
    return _digest(Path(function.__code__.co_filename).read_bytes())


def _digest(data: bytes) -> str:
    import hashlib  # slow to import, and only needed with numba

    return hashlib.sha256(data).hexdigest()[:16]
