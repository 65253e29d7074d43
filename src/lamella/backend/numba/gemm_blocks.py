"""Tasks of a matrix product: each computes a block of rows by a panel of columns.

A task copies its panel of the second factor piece by piece into memory that fits the L1 cache,
and multiplies tile by tile with the copy. Requires numba.
"""

import numba
import numpy as np

from lamella.backend.numba.gemm_kernel import (
    HALF,
    READS_WHOLE,
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
    CAPACITY,
    DEPTH,
    LIST,
    LIST_BYTES,
    TERMS,
    A,
    K,
    M,
    list_terms,
)

BLOCK = 64  # rows per task, which all use one copy of the panel
SMALL_BLOCK = 16  # rows per task where no panel is copied
PREFETCH_ROWS = 24  # distance of the prefetch that precedes a copy

# More words of a product descriptor: addresses, strides and sizes, in elements.
B, B_ROW, B_COLUMN, N, BIAS, OUT = range(8, 14)


@numba.njit
def count_tasks(words, size):
    """Return the number of tasks of a product of numbers of ``size`` bytes."""
    panels = -(-words[N] // (WIDTH * VECTOR // size))
    return -(-words[M] // (BLOCK if panels > 1 else SMALL_BLOCK)) * panels


def list_float32(words, task, memory):
    """List the terms of some tiles in single precision."""
    list_terms(words, task, memory, np.uint32)


def list_float64(words, task, memory):
    """List the terms of some tiles in double precision."""
    list_terms(words, task, memory, np.uint64)


def multiply_float32(words, task, memory):
    """Compute a task of a product in single precision."""
    multiply_block(words, task, memory, np.float32)


def multiply_float64(words, task, memory):
    """Compute a task of a product in double precision."""
    multiply_block(words, task, memory, np.float64)


@numba.njit
def multiply_block(words, task, memory, kind):
    """Compute a block of rows by a panel of columns."""
    rows, depth, out_row = words[M], words[K], words[N]
    a_row, a_column, b_row, b_column = words[A_ROW], words[A_COLUMN], words[B_ROW], words[B_COLUMN]
    a, b = vector_at(words[A], rows * depth, kind), vector_at(words[B], depth * out_row, kind)
    out = vector_at(words[OUT], rows * out_row, kind)
    terms = vector_at(words[TERMS], words[CAPACITY], np.uint8)
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
        # Where the kernel reads whole registers, only a copy has them at the right edge.
        if (rows > ROWS and panels > 1) or (
            b_column != 1 or columns < width if READS_WHOLE else b_column != 1
        ):
            copy_panel(b, b_row, b_column, start, length, column, columns, panel)
            part, part_at, part_row = panel, 0, width
        step = TALL if columns <= lanes and not words[LIST_BYTES] else ROWS
        for i in range(first, last, step):
            at, to = i * a_row + start * a_column, i * out_row + column
            height = min(step, last - i)
            if words[LIST_BYTES]:
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
    """Copy ``b[start : start + length, column : column + columns]`` into ``panel``."""
    lanes = VECTOR // panel.itemsize
    width = WIDTH * lanes
    at = start * b_row + column * b_column
    if b_column == 1:
        for k in range(length):
            copy_vectors(WIDTH, b, at + k * b_row, panel, k * width, columns, PREFETCH_ROWS * b_row)
        return
    for k in range(0, length, lanes):
        for c in range(0, columns, lanes):
            transpose_tile(b, at + c * b_column + k, b_column, columns - c, length - k,
                           panel, k * width + c, width)  # fmt: skip
