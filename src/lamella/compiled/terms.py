"""Which terms of a matrix product matter: those where a tile's rows are not all zero.

Images are mostly black, and a term that is 0 changes no sum. Left out number by number that would
cost more than it saves, since a processor cannot foresee such a pattern. Left out where all rows
of a tile agree, it halves the work, at the price of one look at the factor.

Import this module only where numba is.
"""

# mypy: disallow-untyped-defs = False
import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from lamella.compiled.sharing import vector_at
from lamella.compiled.tile import END, INDEX, LANE, ROWS, element, repeat

DEPTH = 248  # terms that are listed together: each is a byte, and after them comes END
PIECE = DEPTH + 8  # bytes of a list
TILES = 4  # of a task
DENSE = 0.75  # share of terms that matter from which on a list does not pay

# The words that tell where the first factor is, and where the lists of terms go.
A, A_ROW, A_COLUMN, M, K, LISTED, TERMS, ROOM = range(8)


@numba.njit
def bytes_for_lists(rows, depth):
    """Return how much memory the lists take: one for all tiles side by side and piece of a sum."""
    return -(-rows // ROWS) * -(-depth // DEPTH) * PIECE


@numba.njit
def list_all(terms, count):
    """List all terms of a piece."""
    for k in range(count):
        terms[k] = k
    terms[count] = END


@numba.njit
def looks_dense(words, memory, itemsize):
    """Guess whether few terms are zero, by one tile in the middle."""
    if itemsize == 4:
        return share_in_the_middle(words, memory, np.uint32) > DENSE
    return share_in_the_middle(words, memory, np.uint64) > DENSE


@numba.njit
def share_in_the_middle(words, memory, bits):
    """Return which share of terms matters to one tile and one piece of the sum."""
    rows, depth = words[M], words[K]
    first, start = rows // ROWS // 2 * ROWS, depth // DEPTH // 2 * DEPTH
    if first == rows or start == depth:  # these are as many as fit: take the first
        first = start = 0
    last, count = min(first + ROWS, rows), min(DEPTH, depth - start)
    seen = vector_at(memory, count, bits)
    a = vector_at(words[A], rows * depth, bits)
    gather_bits(a, words[A_ROW], words[A_COLUMN], first, last, start, count, seen)
    found = 0
    for k in range(count):
        found += seen[k] != 0
    return found / count


@numba.njit
def list_terms(words, task, memory, bits):
    """List the terms of some tiles: numbers from 0 to 255 for each piece of the sum.

    ``bits`` is the unsigned integer as wide as the numbers. What is no zero in bits counts, such
    as -0.
    """
    for tile in range(task * TILES, min((task + 1) * TILES, -(-words[M] // ROWS))):
        list_terms_of_tile(words, tile, memory, bits)


@numba.njit
def list_terms_of_tile(words, tile, memory, bits):
    """List the terms of one tile."""
    rows, depth = words[M], words[K]
    a_row, a_column = words[A_ROW], words[A_COLUMN]
    a = vector_at(words[A], rows * depth, bits)
    pieces = -(-depth // DEPTH)
    lists = vector_at(words[TERMS], (tile + 1) * pieces * PIECE, np.uint8)
    first = tile * ROWS
    last = min(first + ROWS, rows)
    seen = vector_at(memory, DEPTH, bits)
    for piece in range(pieces):
        start = piece * DEPTH
        count = min(DEPTH, depth - start)
        gather_bits(a, a_row, a_column, first, last, start, count, seen)
        found = lists[(tile * pieces + piece) * PIECE :]
        n = 0
        for k in range(count):
            found[n] = k
            n += seen[k] != 0
        found[n] = END


@intrinsic
def any_bits(_, a, at, count):
    """Return the bits that any of ``count`` integers, at most ROWS, has."""
    whole = ir.VectorType(ir.IntType(a.dtype.bitwidth), ROWS)

    def write(context, code, signature, values):
        start = element(context, code, signature.args[0], values[0], values[1])
        place = code.bitcast(start, whole.as_pointer())
        lanes = ir.Constant(ir.VectorType(INDEX, ROWS), list(range(ROWS)))
        inside = code.icmp_signed("<", lanes, repeat(code, values[2], lanes.type))
        bits = a.dtype.bitwidth
        load = cgutils.get_or_insert_function(
            code.module,
            ir.FunctionType(whole, [place.type, LANE, inside.type, whole]),
            f"llvm.masked.load.v{ROWS}i{bits}.p0",
        )
        numbers = code.call(load, [place, LANE(bits // 8), inside, ir.Constant(whole, None)])
        reduce = cgutils.get_or_insert_function(
            code.module, ir.FunctionType(whole.element, [whole]), f"llvm.vector.reduce.or.v{ROWS}i{bits}"
        )
        return code.call(reduce, [numbers])

    return a.dtype(a, types.intp, types.intp), write


@numba.njit
def gather_bits(a, a_row, a_column, first, last, start, count, seen):
    """Fill ``seen`` with the bits that any of some rows has in each of some columns."""
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
