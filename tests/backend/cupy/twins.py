"""The tasks of kernels.cu in numpy, with sums in the same order."""

import numpy as np

THREADS, TILE, GROUPS = 256, 16, 4


def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return a b. Group g of threads adds pieces g, g + GROUPS, ... of TILE terms."""
    parts = np.zeros((GROUPS, len(a), b.shape[1]), a.dtype)
    for k in range(len(b)):
        parts[k // TILE % GROUPS] += a[:, k, None] * b[k]
    return in_order(parts)


def sum_rows(b: np.ndarray) -> np.ndarray:
    """Return the sum of the rows, added as the terms of a product."""
    parts = np.zeros((GROUPS, b.shape[1]), b.dtype)
    for k in range(len(b)):
        parts[k // TILE % GROUPS] += b[k]
    return in_order(parts)


def total(x: np.ndarray, tiles: int = 1) -> np.ndarray:
    """Return the sum of a vector for each tile: by threads, then by halves of the block."""
    threads = tiles * THREADS
    sums = np.zeros(threads, x.dtype)
    for start in range(0, len(x), threads):
        sums[: len(x) - start] += x[start : start + threads]
    cells = sums.reshape(tiles, THREADS)
    while cells.shape[1] > 1:
        half = cells.shape[1] // 2
        cells = cells[:, :half] + cells[:, half:]
    return cells[:, 0]


def in_order(parts: np.ndarray) -> np.ndarray:
    result = parts[0]
    for part in parts[1:]:
        result = result + part
    return result


def softmax(z: np.ndarray) -> np.ndarray:
    p = np.exp(z - z.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)


def log_softmax(z: np.ndarray) -> np.ndarray:
    z = z - z.max(axis=-1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
