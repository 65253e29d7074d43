"""Compiles the kernels of a training as a GPU would, without one; warnings are errors.

python -m tests.backend.cupy.compile_kernels [--compiler nvcc|nvrtc] [--architectures 75 90 ...]

needs nvcc of a CUDA toolkit, or the library of NVRTC (``pip install nvidia-cuda-nvrtc``).
"""

import argparse
import ctypes
import importlib.util
import re
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

import lamella as lm
from lamella.backend.cupy import graph_backend
from lamella.backend.cupy.graph_backend import GraphBackend
from lamella.backend.cupy.graphs import TapeReplay
from lamella.backend.cupy.kernels import Kernels
from lamella.backend.cupy.stacks import Stack
from lamella.backend.cupy.task import Function, Task
from lamella.testing import strict_cupy

ARCHITECTURES = (75, 80, 86, 89, 90, 100, 120)
CUPY_OPTIONS = ("-ftz=true",)  # which cupy adds
Source = tuple[str, tuple[str, ...]]  # text, options
Compiler = Callable[[Source, Sequence[int]], str]  # returns its log, or raises a RuntimeError


class RecordedModule(strict_cupy.RawModule):
    """A module whose source is kept."""

    sources: ClassVar[dict[Source, None]] = {}

    def __init__(self, *, code: str, options: Sequence[str] = (), **other: Any) -> None:
        super().__init__(code=code, options=options, **other)
        self.sources[code, tuple(options)] = None


class StackedReplay(TapeReplay):
    """A replay whose kernels for several networks are compiled, too."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        Stack(strict_cupy, self.nodes, self.kernels_of, members=2)


def sources_of_trainings() -> list[Source]:
    """Return the source of all tasks in both dtypes, and of each module that trainings launch."""
    strict_cupy.RawModule = RecordedModule  # type: ignore[misc]
    graph_backend.TapeReplay = StackedReplay  # type: ignore[misc]
    for dtype in ("float32", "float64"):
        count = strict_cupy.zeros(1, np.int32)
        Kernels(strict_cupy, dtype).launch(Task(Function("advance"), None, 1, [count], [count]))
    rng = np.random.default_rng(0)
    x, labels = rng.integers(0, 256, (50, 40), np.uint8), rng.integers(0, 4, 50)
    for layers, loss, optimizer in (
        ([lm.Dense(20), lm.ReLU()], lm.SoftmaxCrossEntropy(), lm.Adam(1e-3)),
        (
            [lm.Dense(20), lm.BatchNorm(), lm.Tanh(), lm.Dropout(0.3)],
            lm.SoftmaxCrossEntropy(label_smoothing=0.1),
            lm.AdamW(1e-3, weight_decay=0.1),
        ),
    ):
        model = lm.Sequential([*layers, lm.Dense(4)], seed=1, backend=GraphBackend(strict_cupy))
        model.compile(loss, optimizer, metrics=["accuracy"])
        model.fit(x, labels, epochs=2, batch_size=20, verbose=False)
    return list(RecordedModule.sources)


def by_nvcc(source: Source, architectures: Sequence[int]) -> str:
    """Compile with nvcc for all architectures at once."""
    text, options = source
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernels.cu"
        path.write_text(text)
        flags = ["-Werror", "all-warnings", "-Xcompiler", "-Wall", "-Xptxas", "-v", "-fatbin"]
        flags += [f"-gencode=arch=compute_{number},code=sm_{number}" for number in architectures]
        command = ["nvcc", *flags, *CUPY_OPTIONS, *options, "-o", "kernels.fatbin", str(path)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stderr


def nvrtc_compiler() -> Compiler:
    """Return a function that compiles with NVRTC, as cupy does."""
    library = ctypes.CDLL(nvrtc_path())

    def call(name: str, *arguments: Any) -> int:
        return int(getattr(library, name)(*arguments))

    def compile_for(source: Source, architecture: int) -> None:
        text, options = source
        program, size = ctypes.c_void_p(), ctypes.c_size_t()
        call("nvrtcCreateProgram", ctypes.byref(program), text.encode(), b"lamella.cu", 0, 0, 0)
        flags = [f"-arch=sm_{architecture}", *CUPY_OPTIONS, *options]
        words = (ctypes.c_char_p * len(flags))(*(flag.encode() for flag in flags))
        status = call("nvrtcCompileProgram", program, len(flags), words)
        call("nvrtcGetProgramLogSize", program, ctypes.byref(size))
        log = ctypes.create_string_buffer(size.value)
        call("nvrtcGetProgramLog", program, log)
        call("nvrtcDestroyProgram", ctypes.byref(program))
        if status or log.value.strip():
            raise RuntimeError(log.value.decode())

    def compile_source(source: Source, architectures: Sequence[int]) -> str:
        for architecture in architectures:
            compile_for(source, architecture)
        return ""

    return compile_source


def nvrtc_path() -> str:
    """Return the path of NVRTC from a wheel, or its name for a toolkit's."""
    spec = importlib.util.find_spec("nvidia")
    for folder in (spec and spec.submodule_search_locations) or ():
        for path in sorted(Path(folder).glob("*/lib/libnvrtc.so.*")):
            if "alt" not in path.name and "builtins" not in path.name:
                return str(path)
    return "libnvrtc.so"


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--compiler", choices=["nvcc", "nvrtc"], default="nvcc")
    options.add_argument("--architectures", type=int, nargs="+", default=ARCHITECTURES)
    given = options.parse_args()
    compiler = by_nvcc if given.compiler == "nvcc" else nvrtc_compiler()
    sources = sources_of_trainings()
    log = "".join(compiler(source, given.architectures) for source in sources)
    print(f"{len(sources)} modules compiled without a warning for {given.architectures}")
    pattern = r"for 'sm_(\d+)'.*?(\d+) bytes spill stores.*?Used (\d+) registers"
    kernels = [tuple(map(int, found)) for found in re.findall(pattern, log, re.DOTALL)]
    for number in given.architectures:
        registers = [used for place, _, used in kernels if place == number]
        spilled = sum(spilled for place, spilled, _ in kernels if place == number)
        if registers:
            print(
                f"sm_{number}: at most {max(registers)} registers, {spilled} bytes spilled in all"
            )


if __name__ == "__main__":
    main()
