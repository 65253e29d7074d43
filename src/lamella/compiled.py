"""A rule as one compiled loop, where numba is installed (the extra ``fast``).

The loop is written out from the recorded rule as plain Python, kept in a file of the user's cache
(so that numba can keep the machine code beside it), and compiled without fast-math: sums,
products, quotients and roots have the same bits as numpy's.
"""

import functools
import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lamella.disk import write_atomically
from lamella.elementwise import Program

# How each operation is written. A comparison gives a truth value, which must not widen the rest.
PYTHON = {
    "add": "{} + {}",
    "subtract": "{} - {}",
    "multiply": "{} * {}",
    "divide": "{} / {}",
    "negative": "-{}",
    "positive": "{}",
    "absolute": "abs({})",
    "sign": "np.sign({})",
    "square": "{0} * {0}",
    "sqrt": "np.sqrt({})",
    "power": "{} ** {}",
    "exp": "np.exp({})",
    "log": "np.log({})",
    "tanh": "np.tanh({})",
    "maximum": "np.maximum({}, {})",
    "minimum": "np.minimum({}, {})",
    "greater": "T({} > {})",
    "greater_equal": "T({} >= {})",
    "less": "T({} < {})",
    "less_equal": "T({} <= {})",
}


@functools.cache
def is_available() -> bool:
    """Whether numba is installed and can be imported."""
    if importlib.util.find_spec("numba") is None:
        return False
    try:
        import numba  # noqa: F401
    except ImportError:  # for instance because it does not know this numpy yet
        return False
    return True


def compile_loop(
    program: Program, arrays: Sequence[np.ndarray], outputs: Sequence[np.ndarray]
) -> Callable[..., None]:
    """Bind a program to numpy vectors, as `lamella.elementwise.run_in_blocks` does."""
    number = arrays[0].dtype.type
    own = [next((i for i, a in enumerate(arrays) if a is out), None) for out in outputs]
    written = [out for out, at in zip(outputs, own, strict=True) if at is None]
    shared = [i for i in range(program.size) if program.is_scalar(i)]
    loop = _load(to_python(program, own, arrays[0].dtype))

    def run(*scalars: float) -> None:
        values = program.scalar_values(scalars)
        loop(*arrays, *written, *(number(values[i]) for i in shared))

    return run


def to_python(program: Program, own: Sequence[int | None], dtype: np.dtype) -> str:
    """Write a program as a Python module with a function ``loop`` over vectors.

    Parameters
    ----------
    program : Program
    own : sequence of int or None
        For each result the array argument that it replaces. It is then written through the same
        name: a second name for the same memory would keep the compiler from using vectors.
    dtype : dtype
        Of all numbers.
    """
    names = {i: f"x{i}" for i in range(program.arrays)}
    scalars = [i for i in range(program.size) if program.is_scalar(i)]
    names.update((i, f"s{i}") for i in scalars)
    body = [f"x{i} = a{i}[i]" for i in range(program.arrays)]
    for step in program.steps:
        names[step.result] = f"t{step.result}"
        formula = PYTHON[step.ufunc.__name__].format(*(names[i] for i in step.inputs))
        body.append(f"t{step.result} = {formula}")
    targets = [f"o{k}" if at is None else f"a{at}" for k, at in enumerate(own)]
    for target, value in zip(targets, program.outputs, strict=True):
        body.append(f"{target}[i] = {names[value]}")
    arguments = [f"a{i}" for i in range(program.arrays)]
    arguments += [target for target in targets if target.startswith("o")]
    arguments += [names[i] for i in scalars]
    lines = [
        "import numba",
        "import numpy as np",
        "",
        f"T = np.{dtype.name}",
        "",
        "",
        '@numba.njit(cache=True, nogil=True, error_model="numpy")',
        f"def loop({', '.join(arguments)}):",
        "    for i in range(a0.size):",
        *(f"        {line}" for line in body),
    ]
    return "\n".join(lines) + "\n"


def _load(source: str) -> Any:
    """Return the loop of this source, from the module that holds it; it is made if it is new."""
    import hashlib  # slow to import, and needed only where numba is

    name = f"lamella_rule_{hashlib.sha256(source.encode()).hexdigest()[:16]}"
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
    return sys.modules[name].loop


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
