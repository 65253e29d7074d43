"""An array on the host, and statements as functions."""

from typing import Any

import numpy as np

HOST = np.ones((2, 3), np.float32)


def written(x: Any, index: Any, value: Any) -> None:
    x[index] = value


def added(x: Any, value: Any) -> None:
    x += value
