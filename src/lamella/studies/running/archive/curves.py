"""Numbers as bfloat16: the upper half of a float32, rounded; an error of at most 0.4%."""

import numpy as np


def to_bfloat16(values: np.ndarray) -> np.ndarray:
    """Return float32 values as uint16; NaN stays NaN, too large values become infinite."""
    bits = np.where(np.isnan(values), np.float32(np.nan), values).astype(np.float32).view(np.uint32)
    return ((bits + 0x8000) >> 16).astype(np.uint16)


def from_bfloat16(codes: np.ndarray) -> np.ndarray:
    """Return the values of `to_bfloat16` as float32."""
    return (codes.astype(np.uint32) << 16).view(np.float32)
