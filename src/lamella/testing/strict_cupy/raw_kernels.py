"""Stand-ins for cupy.RawModule and cupy.RawKernel: CUDA source, compiled by g++ and run here.

Only kernels with one argument are supported, a struct of at most 1056 bytes, passed by value as a
numpy array of size 1. ``cuda_on_cpu.hpp`` says how threads and blocks run; `thread_order` chooses
their order.
"""

import ctypes
import functools
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from lamella.core.disk import cache_folder
from lamella.testing.strict_cupy.counting import StrictError
from lamella.testing.strict_cupy.streams import CUDARuntimeError, current, launch

HEADER = Path(__file__).with_name("cuda_on_cpu.hpp")
FLAGS = (
    *("-std=c++17", "-O2", "-fPIC", "-shared", "-ffp-contract=off", "-U_FORTIFY_SOURCE"),
    *("-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-Wno-unused-function"),
    "-Wno-unknown-pragmas",
)
MOST_BYTES = 1056  # of a kernel's argument
_orders = [0]


class CompilerMissingError(RuntimeError):
    """Raw kernels cannot run here."""


@functools.cache
def compiler_problem() -> str:
    """Return the reason why raw kernels cannot run here; empty if they can."""
    if sys.platform != "linux" or not shutil.which("g++"):
        return "the GPU's kernels run on the CPU with g++ on Linux only"
    return ""


@contextmanager
def thread_order(order: int) -> Iterator[None]:
    """Run threads and blocks forwards (0), backwards (1) or shuffled by a seed above 1."""
    _orders.append(order)
    try:
        yield
    finally:
        _orders.pop()


@functools.cache
def compile_library(source: str, flags: tuple[str, ...] = ()) -> ctypes.PyDLL:
    """Return CUDA source as a library of the CPU, from the cache folder if it is there.

    Raises
    ------
    CompilerMissingError
        If there is no g++.
    CUDARuntimeError
        If the source cannot be compiled; the message is the compiler's.
    """
    if problem := compiler_problem():
        raise CompilerMissingError(problem)
    key, folder = _digest(repr((_compiler(), FLAGS, source, flags)).encode()), _folder()
    if folder is None:
        with tempfile.TemporaryDirectory() as temporary:
            return _load(_compile(source, flags, key, Path(temporary)))
    for path in folder.glob(f"{key}-*.so"):
        if path.stem == f"{key}-{_digest(path.read_bytes())}":  # a damaged one can end the process
            return _load(path)
    return _load(_compile(source, flags, key, folder))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


@functools.cache
def _compiler() -> tuple[str, str]:
    """Return all but the source and its flags that the machine code depends on."""
    version = subprocess.run(["g++", "--version"], capture_output=True, text=True, check=True)
    return version.stdout, HEADER.read_text()


def _folder() -> Path | None:
    """Return the cache folder, or None where there is none to write in."""
    try:
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):
        return None
    return folder if os.access(folder, os.W_OK) else None


def _compile(source: str, flags: Sequence[str], key: str, folder: Path) -> Path:
    """Return the path of a new library, whose name has the digest of its content."""
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        text, library = Path(temporary) / "kernels.cu", Path(temporary) / "kernels.so"
        text.write_text(source)
        command = ["g++", *FLAGS, *flags, "-include", str(HEADER), "-x", "c++", str(text)]
        done = subprocess.run([*command, "-o", str(library)], capture_output=True, text=True)
        if done.returncode:
            raise CUDARuntimeError(f"NVRTC_ERROR_COMPILATION: {done.stderr}")
        path = folder / f"{key}-{_digest(library.read_bytes())}.so"
        return library.replace(path)


def _load(path: Path) -> ctypes.PyDLL:
    # PyDLL keeps other threads of Python waiting: the library's fibers are the process's.
    library = ctypes.PyDLL(str(path))
    library.launch.argtypes = [
        *(ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p)
    ]
    library.launch.restype = None
    return library


class RawModule:
    """CUDA source, compiled when its first kernel is asked for or by ``compile``."""

    def __init__(
        self, *, code: str, options: Sequence[str] = (), backend: str = "nvrtc", **other: Any
    ) -> None:
        if other:
            raise StrictError(f"the stand-in's RawModule has no {sorted(other)}")
        self.code, self.options = code, tuple(options)

    def get_function(self, name: str) -> "RawFunction":
        function = RawFunction(self, name)
        function.load()
        return function

    def compile(self, log_stream: Any = None) -> None:
        self.library()

    def library(self) -> ctypes.PyDLL:
        flags = tuple(option for option in self.options if option.startswith("-D"))
        return compile_library(self.code, flags)


class RawFunction:
    """A kernel of a `RawModule`."""

    def __init__(self, module: RawModule, name: str) -> None:
        self.module, self.name = module, name
        self._address: int | None = None

    def __call__(
        self, grid: tuple[int, ...], block: tuple[int, ...], args: Any, *, shared_mem: int = 0
    ) -> None:
        if len(args) != 1 or not isinstance(args[0], np.ndarray) or args[0].size != 1:
            raise StrictError(
                f"{self.name}: the stand-in passes one argument, a numpy array of size 1, by value"
            )
        if args[0].nbytes > MOST_BYTES:
            raise StrictError(f"{self.name}: an argument of more than {MOST_BYTES} bytes")
        if shared_mem or len(grid) != 1 or len(block) != 1:
            raise StrictError(f"{self.name}: the stand-in has one axis and static shared memory")
        if not 0 < grid[0] < 2**31 or not 0 < block[0] <= 1024:
            raise CUDARuntimeError("CUDA_ERROR_INVALID_VALUE: invalid argument")
        run = self.load().launch
        argument = np.zeros(MOST_BYTES, np.uint8)  # copied: the caller may change it
        argument[: args[0].nbytes] = np.frombuffer(args[0].tobytes(), np.uint8)
        address, pointer = self._address, ctypes.c_void_p(argument.ctypes.data)

        def work(kept: np.ndarray = argument) -> None:
            run(address, int(grid[0]), int(block[0]), _orders[-1], pointer)

        launch(work)

    def load(self) -> ctypes.PyDLL:
        """Find the kernel in its library, which is compiled if it must be."""
        library = self.module.library()
        if self._address is None:
            if current().is_capturing():
                raise StrictError(f"{self.name} is loaded while the current stream is capturing")
            try:
                function = getattr(library, self.name)
            except AttributeError:
                raise CUDARuntimeError(
                    f"CUDA_ERROR_NOT_FOUND: named symbol not found: {self.name}"
                ) from None
            self._address = ctypes.cast(function, ctypes.c_void_p).value
        return library


class RawKernel(RawFunction):
    """One kernel of CUDA source."""

    def __init__(
        self, code: str, name: str, options: Sequence[str] = (), backend: str = "nvrtc"
    ) -> None:
        super().__init__(RawModule(code=code, options=options, backend=backend), name)
