"""Which terms of a matrix product matter: those where a tile's rows are not all zero.

Images are mostly black, and a term that is 0 changes no sum. To leave them out number by number
costs more than it saves, since a processor cannot foresee such a pattern. To leave them out where
all rows of a tile agree, for all of its columns at once, saves more than half of the work, at the
price of one look at the factor.

Import this module only where numba is.
"""

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from lamella.backend.numba.gemm_kernel import END, INDEX, LANE, ROWS, element, repeat
from lamella.backend.numba.parallel_for import vector_at

DEPTH = 120  # terms that are listed together; as many rows of a panel stay in the nearest cache
LIST = 128  # bytes of such a list: numbers below DEPTH, and END
TILES = 8  # of a task
DENSE = 0.75  # share of terms that matter from which on lists do not pay

# The words that tell where the first factor is and how it lies, and where the lists are: LISTED is
# the number of their bytes, 0 if there are none, and ROOM how many there can be.
A, A_ROW, A_COLUMN, M, K, TERMS, LISTED, ROOM = range(8)


@numba.njit
def bytes_of_lists(rows, depth):
    """Return how much memory the lists take: one for each tile's rows and piece of the sum."""
    return -(-rows // ROWS) * -(-depth // DEPTH) * LIST


@numba.njit
def is_probably_dense(words, memory, bits):
    """Guess whether few terms are zero, by the rows of one tile and a piece in the middle."""
    rows, depth = words[M], words[K]
    first = (rows - 1) // 2 // ROWS * ROWS
    start = (depth - 1) // 2 // DEPTH * DEPTH
    count = min(DEPTH, depth - start)
    a, seen = vector_at(words[A], rows * depth, bits), vector_at(memory, count, bits)
    look(a, words[A_ROW], words[A_COLUMN], first, min(first + ROWS, rows), start, count, seen)
    found = 0
    for k in range(count):
        found += seen[k] != 0
    return found > DENSE * count


@numba.njit
def list_terms(words, task, memory, bits):
    """List the terms of some tiles.

    ``bits`` is the unsigned integer as wide as the numbers: what is not 0 in all of its bits, such
    as -0, counts.
    """
    rows, depth = words[M], words[K]
    pieces = -(-depth // DEPTH)
    a, seen = vector_at(words[A], rows * depth, bits), vector_at(memory, DEPTH, bits)
    lists = vector_at(words[TERMS], words[LISTED], np.uint8)
    for tile in range(task * TILES, min((task + 1) * TILES, -(-rows // ROWS))):
        first = tile * ROWS
        last = min(first + ROWS, rows)
        for piece in range(pieces):
            start = piece * DEPTH
            count = min(DEPTH, depth - start)
            look(a, words[A_ROW], words[A_COLUMN], first, last, start, count, seen)
            write_list(seen, count, lists[(tile * pieces + piece) * LIST :])


@numba.njit
def write_list(seen, count, terms):
    """List which of the first ``count`` integers are not 0."""
    n = 0
    for k in range(count):
        terms[n] = k
        n += seen[k] != 0
    terms[n] = END


@numba.njit
def look(a, a_row, a_column, first, last, start, count, seen):
    """Fill ``seen`` with the bits that any row from ``first`` to ``last`` has in some columns."""
    if a_column == 1:
        seen = seen[:count]
        seen[:] = 0
        for i in range(first, last):
            row = a[i * a_row + start : i * a_row + start + count]
            for k in range(len(row)):
                seen[k] |= row[k]
        return
    for k in range(count):
        seen[k] = any_bits(a, first + (start + k) * a_column, last - first)


@intrinsic
def any_bits(_, a, at, count):
    """Return the bits that any of ``count`` integers in a row has; at most as many as ROWS."""
    bits = a.dtype.bitwidth
    numbers = ir.VectorType(ir.IntType(bits), ROWS)

    def write(context, code, signature, values):
        start = element(context, code, signature.args[0], values[0], values[1])
        place = code.bitcast(start, numbers.as_pointer())
        order = ir.Constant(ir.VectorType(INDEX, ROWS), list(range(ROWS)))
        inside = code.icmp_signed("<", order, repeat(code, values[2], order.type))
        load = cgutils.get_or_insert_function(
            code.module,
            ir.FunctionType(numbers, [place.type, LANE, inside.type, numbers]),
            f"llvm.masked.load.v{ROWS}i{bits}.p0",
        )
        found = code.call(load, [place, LANE(bits // 8), inside, ir.Constant(numbers, None)])
        join = cgutils.get_or_insert_function(
            code.module,
            ir.FunctionType(numbers.element, [numbers]),
            f"llvm.vector.reduce.or.v{ROWS}i{bits}",
        )
        return code.call(join, [found])

    return a.dtype(a, types.intp, types.intp), write
