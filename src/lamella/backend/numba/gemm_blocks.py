"""A task of a matrix product: a block of rows by a panel of columns.

A task copies its panel of the second factor, piece after piece, to where it stays in the nearest
cache, and computes tile after tile with it.

Import this module only where numba is.
"""

import numba
import numpy as np

from lamella.backend.numba.gemm_kernel import (
    HALF,
    ROWS,
    TALL,
    VECTOR,
    WIDTH,
    copy_vectors,
    multiply_tile,
    transpose_tile,
)
from lamella.backend.numba.parallel_for import vector_at
from lamella.backend.numba.sparsity import (
    A_COLUMN,
    A_ROW,
    DEPTH,
    LIST,
    LISTED,
    ROOM,
    TERMS,
    A,
    K,
    M,
    list_terms,
)

BLOCK = 64  # rows of a task: so often is a panel used that was copied once
SMALL_BLOCK = 16  # where nothing is copied
AHEAD = 24  # rows of a factor that are asked for before they are copied

# More words that describe a product: addresses, strides and sizes, in elements.
B, B_ROW, B_COLUMN, N, BIAS, OUT = range(8, 14)


@numba.njit
def tasks_of(words, size):
    """Return how many tasks a product has; ``size`` is that of a number in bytes."""
    panels = -(-words[N] // (WIDTH * VECTOR // size))
    return -(-words[M] // (BLOCK if panels > 1 else SMALL_BLOCK)) * panels


def list_float32(words, task, memory):
    """List the terms of some tiles in single precision."""
    list_terms(words, task, memory, np.uint32)


def list_float64(words, task, memory):
    """List the terms of some tiles in double precision."""
    list_terms(words, task, memory, np.uint64)


def multiply_float32(words, task, memory):
    """Do a task of a product in single precision."""
    multiply_block(words, task, memory, np.float32)


def multiply_float64(words, task, memory):
    """Do a task of a product in double precision."""
    multiply_block(words, task, memory, np.float64)


@numba.njit
def multiply_block(words, task, memory, kind):
    """Compute a block of rows by a panel of columns."""
    rows, depth, out_row = words[M], words[K], words[N]
    a_row, a_column, b_row, b_column = words[A_ROW], words[A_COLUMN], words[B_ROW], words[B_COLUMN]
    a, b = vector_at(words[A], rows * depth, kind), vector_at(words[B], depth * out_row, kind)
    out = vector_at(words[OUT], rows * out_row, kind)
    terms = vector_at(words[TERMS], words[ROOM], np.uint8)
    lanes = VECTOR // a.itemsize
    width = WIDTH * lanes
    panels = -(-out_row // width)
    block = BLOCK if panels > 1 else SMALL_BLOCK
    first, column = task // panels * block, task % panels * width
    last, columns = min(first + block, rows), min(width, out_row - column)
    panel = vector_at(memory, LIST * width, kind)
    pieces = max(-(-depth // DEPTH), 1)
    for piece in range(pieces):
        start = piece * DEPTH
        length, old = min(DEPTH, depth - start), int(piece > 0)
        part, part_at, part_row = b, start * b_row + column, b_row
        if (rows > ROWS and panels > 1) or b_column != 1:
            copy_panel(b, b_row, b_column, start, length, column, columns, panel)
            part, part_at, part_row = panel, 0, width
        step = TALL if columns <= lanes and not words[LISTED] else ROWS
        for i in range(first, last, step):
            at, to = i * a_row + start * a_column, i * out_row + column
            height = min(step, last - i)
            if words[LISTED]:
                terms_at = (i // ROWS * pieces + piece) * LIST
            else:
                terms_at = 0 if length == DEPTH or pieces == 1 else LIST
            # fmt: off
            if height == 1:
                multiply_tile(1, WIDTH, a, at, a_row, a_column, part, part_at, part_row,
                              out, to, out_row, terms, terms_at, height, columns, old)
            elif step == TALL:
                multiply_tile(TALL, 1, a, at, a_row, a_column, part, part_at, part_row,
                              out, to, out_row, terms, terms_at, height, columns, old)
            elif columns > HALF * lanes:
                multiply_tile(ROWS, WIDTH, a, at, a_row, a_column, part, part_at, part_row,
                              out, to, out_row, terms, terms_at, height, columns, old)
            else:
                multiply_tile(ROWS, HALF, a, at, a_row, a_column, part, part_at, part_row,
                              out, to, out_row, terms, terms_at, height, columns, old)
            # fmt: on
    if words[BIAS]:
        bias = vector_at(words[BIAS], out_row, kind)[column : column + columns]
        for i in range(first, last):
            row = out[i * out_row + column : i * out_row + column + columns]
            for j in range(columns):
                row[j] += bias[j]


@numba.njit
def copy_panel(b, b_row, b_column, start, length, column, columns, panel):
    """Copy ``length`` rows of ``b`` from ``start`` on, of them ``columns`` from ``column`` on."""
    lanes = VECTOR // panel.itemsize
    width = WIDTH * lanes
    at = start * b_row + column * b_column
    if b_column == 1:
        for k in range(length):
            copy_vectors(WIDTH, b, at + k * b_row, panel, k * width, columns, AHEAD * b_row)
        return
    for k in range(0, length, lanes):
        for c in range(0, columns, lanes):
            transpose_tile(b, at + c * b_column + k, b_column, columns - c, length - k,
                           panel, k * width + c, width)  # fmt: skip
