"""Sums of products as chains of fused multiplications and additions, in plain numpy.

A slow reference without vectors, tiles, lists of terms and threads.
"""

import numpy as np


def two_sum(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rounded sum in double precision and its rounding error (Knuth)."""
    total = a + b
    of_b = total - a
    return total, (a - (total - of_b)) + (b - of_b)


def two_product(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rounded product in double precision and its rounding error (Dekker)."""
    product = a * b
    (a_high, a_low), (b_high, b_low) = split(a), split(b)
    rest = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    return product, rest


def split(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return two halves whose products are exact."""
    scaled = a * (2.0**27 + 1)
    high = scaled - (scaled - a)
    return high, a - high


def sum_to_odd(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the sum in double precision; if it is inexact, the neighbour with an odd last bit.

    Rounding the result once more equals rounding the exact sum.
    """
    total, rest = two_sum(a, b)
    even = total.view(np.int64) % 2 == 0
    return np.where((rest != 0) & even, np.nextafter(total, np.copysign(np.inf, rest)), total)


def fused(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Return ``a b + c`` rounded once, for numbers of one precision far from its limits."""
    kind = c.dtype
    a, b, c = (np.asarray(x, np.float64) for x in np.broadcast_arrays(a, b, c))
    if kind == np.float32:  # whose products are exact in double precision
        return sum_to_odd(a * b, c).astype(kind)
    # S. Boldo and G. Melquiond, "Emulation of FMA and correctly rounded sums", 2008.
    high, low = two_product(a, b)
    total, rest = two_sum(c, low)
    total, more = two_sum(high, total)
    return total + sum_to_odd(rest, more)


def chain(a: np.ndarray, b: np.ndarray, bias: np.ndarray | None = None) -> np.ndarray:
    """Return the product of two matrices, term after term in the order of the sum."""
    total = np.zeros((len(a), b.shape[1]), a.dtype)
    for k in range(len(b)):
        total = fused(a[:, k, None], b[k], total)
    return total if bias is None else total + bias
