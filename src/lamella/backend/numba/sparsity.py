"""Lists of the terms of a matrix product that are not zero in all rows of a tile.

Images are mostly black, and a zero term changes no sum. Skipping single numbers costs more in
mispredicted branches than it saves. Skipping the terms that are zero in all rows of a tile saves
more than half of the work, at the price of one pass over the factor. Requires numba.
"""

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from lamella.backend.numba.gemm_kernel import END, LANE, ROWS, either, element, mask
from lamella.backend.numba.parallel_for import vector_at

DEPTH = 120  # terms per piece of the sum; that many rows of a panel fit the L1 cache
LIST = 128  # bytes of the list of one piece: numbers below DEPTH, then END
TILES = 8  # tiles per task
DENSE = 0.75  # lists do not pay above this fraction of nonzero terms

# The first words of a product descriptor: address, strides and shape of the first factor, address
# of the lists, their size in bytes (0 for none) and the capacity of their memory.
A, A_ROW, A_COLUMN, M, K, TERMS, LIST_BYTES, CAPACITY = range(8)


@numba.njit
def bytes_of_lists(rows, depth):
    """Return the size of all lists: one per tile of rows and piece of the sum."""
    return -(-rows // ROWS) * -(-depth // DEPTH) * LIST


@numba.njit
def is_probably_dense(words, memory, bits):
    """Estimate from one piece of the middle tile whether few terms are zero."""
    rows, depth = words[M], words[K]
    first = (rows - 1) // 2 // ROWS * ROWS
    start = (depth - 1) // 2 // DEPTH * DEPTH
    count = min(DEPTH, depth - start)
    a, merged = vector_at(words[A], rows * depth, bits), vector_at(memory, count, bits)
    last = min(first + ROWS, rows)
    merge_rows(a, words[A_ROW], words[A_COLUMN], first, last, start, count, merged)
    found = 0
    for k in range(count):
        found += merged[k] != 0
    return found > DENSE * count


@numba.njit
def list_terms(words, task, memory, bits):
    """List the terms of some tiles.

    ``bits`` is the unsigned integer as wide as the numbers. Numbers with any bit set, such as -0,
    count as nonzero.
    """
    rows, depth = words[M], words[K]
    pieces = -(-depth // DEPTH)
    a, merged = vector_at(words[A], rows * depth, bits), vector_at(memory, DEPTH, bits)
    lists = vector_at(words[TERMS], words[LIST_BYTES], np.uint8)
    for tile in range(task * TILES, min((task + 1) * TILES, -(-rows // ROWS))):
        first = tile * ROWS
        last = min(first + ROWS, rows)
        for piece in range(pieces):
            start = piece * DEPTH
            count = min(DEPTH, depth - start)
            merge_rows(a, words[A_ROW], words[A_COLUMN], first, last, start, count, merged)
            write_list(merged, count, lists[(tile * pieces + piece) * LIST :])


@numba.njit
def write_list(merged, count, terms):
    """List the positions of the nonzero integers among the first ``count``."""
    n = 0
    for k in range(count):
        terms[n] = k
        n += merged[k] != 0
    terms[n] = END


@numba.njit
def merge_rows(a, a_row, a_column, first, last, start, count, merged):
    """Write the bitwise or of rows ``first`` to ``last`` into ``merged``, for some columns."""
    if a_column == 1:
        merged = merged[:count]
        merged[:] = 0
        for i in range(first, last):
            row = a[i * a_row + start : i * a_row + start + count]
            for k in range(len(row)):
                merged[k] |= row[k]
        return
    for k in range(count):
        merged[k] = any_bits(a, first + (start + k) * a_column, last - first)


@intrinsic
def any_bits(_, a, at, count):
    """Return the bitwise or of ``count`` adjacent integers, at most ROWS."""
    bits = a.dtype.bitwidth
    numbers = ir.VectorType(ir.IntType(bits), ROWS)

    def write(context, code, signature, values):
        start = element(context, code, signature.args[0], values[0], values[1])
        place = code.bitcast(start, numbers.as_pointer())
        some, all_inside = mask(code, values[2], 0, numbers)
        load = cgutils.get_or_insert_function(
            code.module,
            ir.FunctionType(numbers, [place.type, LANE, some.type, numbers]),
            f"llvm.masked.load.v{ROWS}i{bits}.p0",
        )
        arguments = [place, LANE(bits // 8), some, ir.Constant(numbers, None)]
        found = either(
            code,
            all_inside,
            lambda: code.load(place, align=bits // 8),
            lambda: code.call(load, arguments),
        )
        join = cgutils.get_or_insert_function(
            code.module,
            ir.FunctionType(numbers.element, [numbers]),
            f"llvm.vector.reduce.or.v{ROWS}i{bits}",
        )
        return code.call(join, [found])

    return a.dtype(a, types.intp, types.intp), write
