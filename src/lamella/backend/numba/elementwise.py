"""Rules and loops as machine code.

The loop of a rule is generated as Python source from its program. Nothing is compiled with
fast-math: sums, products, quotients and roots have the same bits as numpy's.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lamella.backend.elementwise import OPERATIONS, Program
from lamella.backend.numba.call_recorder import call, current_recorder
from lamella.backend.numba.code_cache import load_module
from lamella.backend.threads import workers

PIECE = 2**14  # numbers of a vector that are one task: some microseconds
SHARED = 2**16  # a vector so long is worth sharing between threads

# Python writes these not as C. A comparison gives a truth value, which must not widen the rest.
PYTHON = OPERATIONS | {
    "absolute": "abs({})",
    "sign": "np.sign({})",
    "sqrt": "np.sqrt({})",
    "power": "{} ** {}",
    "exp": "np.exp({})",
    "expm1": "np.expm1({})",
    "log": "np.log({})",
    "log1p": "np.log1p({})",
    "tanh": "np.tanh({})",
    "maximum": "np.maximum({}, {})",
    "minimum": "np.minimum({}, {})",
    "greater": "T({} > {})",
    "greater_equal": "T({} >= {})",
    "less": "T({} < {})",
    "less_equal": "T({} <= {})",
}
# Of a scalar, numba's last bit may differ; of an array, numpy is faster (see `NumbaBackend.map`).
TRANSCENDENTAL = ("exp", "expm1", "log", "log1p", "tanh", "power")


def compile_loop(
    program: Program, arrays: Sequence[np.ndarray], outputs: Sequence[np.ndarray]
) -> Callable[..., None]:
    """Bind a program to numpy vectors, as `lamella.backend.numpy_elementwise.run_in_blocks` does.

    Long vectors are shared between threads, a piece at a time.
    """
    own = [next((i for i, a in enumerate(arrays) if a is out), None) for out in outputs]
    written = [out for out, at in zip(outputs, own, strict=True) if at is None]
    given = _given(program)
    module = load_module(to_python(program, own, arrays[0].dtype))
    vectors = [*arrays, *written]
    if arrays[0].size >= SHARED:
        return _shared_loop(program, given, module, vectors)
    loop = module.loop

    def run(*scalars: float) -> None:
        call(loop, *vectors, *_numbers(program, given, scalars))

    return run


def _shared_loop(
    program: Program, given: Sequence[int], module: Any, arrays: Sequence[np.ndarray]
) -> Callable[..., None]:
    """Return a loop over long vectors whose pieces are done by all threads there are."""
    from lamella.backend.numba.parallel_for import compile_task, run
    from lamella.backend.numba.thread_pool import get_pool

    numbers = np.zeros(len(given))
    held = [*arrays, numbers]  # a task knows only where they are
    words = np.array([arrays[0].size, *(array.ctypes.data for array in held)])
    task, address = compile_task(module.task), words.ctypes.data
    pieces = -(-arrays[0].size // PIECE)

    def loop(*scalars: float) -> None:
        numbers[:] = _numbers(program, given, scalars)
        pool = get_pool()
        with pool.lock:
            run(pool.board, task, address, pieces, workers())
            recorder = current_recorder()
            if recorder is not None:
                own_words, own_numbers = words.copy(), numbers.copy()
                own_words[-1] = own_numbers.ctypes.data
                arguments = pool.board, task, own_words.ctypes.data, pieces, workers()
                recorder.add_call(run, arguments, own_words, own_numbers, *held)
        pool.wake()

    return loop


def compile_map(program: Program) -> Callable[..., None]:
    """Return ``run(out, arrays, scalars)``, which applies a rule to whole arrays."""
    given = _given(program)
    loops: dict[tuple[np.dtype, tuple[int, ...]], Any] = {}

    def run(out: np.ndarray, arrays: Sequence[np.ndarray], scalars: Sequence[float]) -> None:
        if out.ndim != 2:
            arrays, out = [_rows(array) for array in arrays], _rows(out)
        axes = tuple([array.ndim for array in arrays])
        loop = loops.get((out.dtype, axes))
        if loop is None:
            source = to_python(program, [None], out.dtype, axes=axes)
            loop = loops[out.dtype, axes] = load_module(source).loop
        call(loop, *arrays, out, *_numbers(program, given, scalars))

    return run


def _given(program: Program) -> list[int]:
    """Return the numbers of the scalar values that a loop is given; it computes all others."""
    inputs = range(program.arrays, program.arrays + program.scalars)
    inexact = [s.result for s in program.scalar_steps if s.ufunc.__name__ in TRANSCENDENTAL]
    return [*inputs, *(() if program.is_fixed else program.constants), *inexact]


def _numbers(program: Program, given: Sequence[int], scalars: Sequence[float]) -> Sequence[float]:
    """Return the values of the numbers ``given``: most often, these are the rule's scalars."""
    if len(given) == program.scalars == len(scalars):
        return scalars
    values = program.scalar_values(scalars)
    return [values[i] for i in given]


def _rows(array: np.ndarray) -> np.ndarray:
    return array.reshape(len(array), -1)


def to_python(
    program: Program,
    own: Sequence[int | None],
    dtype: np.dtype,
    *,
    axes: Sequence[int] | None = None,
) -> str:
    """Write a program as a Python module with a function ``loop`` over vectors, or a matrix's rows.

    ``own`` has for each result the array argument that it replaces. It is then written through the
    same name: a second name for the same memory would keep the compiler from using vectors. With
    ``axes`` results are matrices: 2 for an array argument that is one, 1 if it serves all rows.
    """
    at = "[i]" if axes is None else "[i, j]"
    places = [at if axes is None or count == 2 else "[j]" for count in axes or [1] * program.arrays]
    names = {i: f"x{i}" for i in range(program.arrays)}
    names.update((i, f"s{i}") for i in program.shared)
    body = [f"x{i} = a{i}{place}" for i, place in enumerate(places)]
    for step in program.steps:
        names[step.result] = f"t{step.result}"
        formula = PYTHON[step.ufunc.__name__].format(*(names[i] for i in step.inputs))
        body.append(f"t{step.result} = {formula}")
    targets = [f"o{k}" if place is None else f"a{place}" for k, place in enumerate(own)]
    for target, value in zip(targets, program.outputs, strict=True):
        body.append(f"{target}{at} = {names[value]}")
    arguments = [f"a{i}" for i in range(program.arrays)]
    arguments += [target for target in targets if target.startswith("o")]
    scalars = [f"d{i}" for i in _given(program)]
    indices = "i" if axes is None else "ij"
    over = "a0" if axes is None else targets[0]
    loops = [f"{'    ' * k}for {n} in range({over}.shape[{k}]):" for k, n in enumerate(indices)]
    lines = [
        "import numba",
        "import numpy as np",
        "from lamella.backend.numba.code_cache import with_code_cache",
        "from lamella.backend.numba.parallel_for import vector_at",
        "from lamella.core.errors import ShapeError",
        "from numpy import inf, nan",
        "",
        f"T = np.{dtype.name}",
        "",
        "",
        "@with_code_cache",
        '@numba.njit(nogil=True, error_model="numpy")',
        f"def loop({', '.join([*arguments, *scalars])}):",
        *(f"    {line}" for line in _scalars(program)),
        *(_expect_shapes(axes) if axes is not None else ()),
        *(f"    {line}" for line in loops),
        *(f"    {'    ' * len(indices)}{line}" for line in body),
    ]
    if axes is None:
        lines += _task(len(arguments), len(scalars))
    return "\n".join(lines) + "\n"


def _scalars(program: Program) -> list[str]:
    """Write the scalar values: computed in double precision, then cast to that of the arrays."""
    given = _given(program)
    lines = [f"d{i} = np.float64(d{i})" for i in given]
    lines += [f"d{i} = {x!r}" for i, x in program.constants.items() if i not in given]
    for step in program.scalar_steps:
        if step.result not in given:
            formula = PYTHON[step.ufunc.__name__].format(*(f"d{i}" for i in step.inputs))
            lines.append(f"d{step.result} = {formula}")
    return lines + [f"s{i} = T(d{i})" for i in program.shared]


def _expect_shapes(axes: Sequence[int]) -> list[str]:
    """Write a check of the arrays' shapes, without which the loop would leave their memory."""
    wrong = [f"a{i}.shape != o0.shape[{2 - count}:]" for i, count in enumerate(axes)]
    message = "the arrays of a rule must have the shape of the result, or that of its rows"
    return [f"    if {' or '.join(wrong)}:", f'        raise ShapeError("{message}")']


def _task(arrays: int, scalars: int) -> list[str]:
    """Write a function ``task`` that does the loop for one piece of vectors, given as words."""
    pieces = [f"vector_at(words[{i + 1}], words[0], T)[begin:end]" for i in range(arrays)]
    numbers = [f"numbers[{i}]" for i in range(scalars)]
    return [
        "",
        "",
        "def task(words, number, memory):",
        f"    begin = number * {PIECE}",
        f"    end = min(begin + {PIECE}, words[0])",
        f"    numbers = vector_at(words[{arrays + 1}], {scalars}, np.float64)",
        f"    loop({', '.join([*pieces, *numbers])})",
    ]
