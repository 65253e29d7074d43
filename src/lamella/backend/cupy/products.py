"""Products of matrices as tasks: of lamella's own kernel, or of cuBLAS for large ones."""

from lamella.backend.cupy.task import LARGE_PRODUCT, Function, Task
from lamella.core.typing import Array

TILE = 16  # rows and columns of a product for one block, as in kernels.cu
LARGE = 2**27  # multiplications from which on cuBLAS is faster than the own kernel
MOST = 2**31  # cuBLAS counts in 32 bits


def is_product(a: Array, b: Array, out: Array, bias: Array | None) -> bool:
    """Whether the shapes are those of a product of matrices; numbers of others lie elsewhere."""
    if not (a.ndim == b.ndim == 2 and a.shape[1] == b.shape[0]):
        return False
    shape = (a.shape[0], b.shape[1])
    return out.shape == shape and (bias is None or bias.shape == shape[1:])


def is_large(a: Array, b: Array) -> bool:
    """Whether cuBLAS should multiply these matrices."""
    return bool(a.size * b.shape[1] > LARGE)


def product(a: Array, b: Array, out: Array, bias: Array | None) -> Task:
    """Return the task that writes ``a @ b + bias`` into ``out``; a and b may be any views."""
    (m, k), n = a.shape, b.shape[1]
    steps = [step // each.itemsize for each in (a, b) for step in each.strides]
    values = a, b, out, bias, None, m, n, k, *steps
    return Task(Function("product"), out.dtype, -(-m // TILE) * -(-n // TILE), values, [out])


def large_product(a: Array, b: Array, out: Array, workspace: Array) -> Task:
    """Return the task that writes ``a @ b`` into ``out``, for matrices that `have_lines`."""
    (m, k), n = a.shape, b.shape[1]
    values = a, b, out, workspace, m, n, k, *_lines(a), *_lines(b)
    return Task(LARGE_PRODUCT, out.dtype, 1, values, [out, workspace])


def have_lines(*matrices: Array) -> bool:
    """Whether the rows or the columns of each matrix are lines in memory, as cuBLAS needs them."""
    return all(_lines(matrix) and max(*matrix.shape, *_lines(matrix)) < MOST for matrix in matrices)


def _lines(matrix: Array) -> tuple[int, ...]:
    """Return whether the lines are columns, and the numbers from line to line; () without lines.

    The stride of an axis of length 1 means nothing: that of a new axis is 0.
    """
    (rows, columns), size = matrix.shape, matrix.itemsize
    down, across = (step // size for step in matrix.strides)
    if (across == 1 or columns == 1) and (down >= columns or rows == 1):
        return 0, down if rows > 1 else columns
    if (down == 1 or rows == 1) and (across >= rows or columns == 1):
        return 1, across if columns > 1 else rows
    return ()
