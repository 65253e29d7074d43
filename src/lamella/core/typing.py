"""Type aliases for arrays, shapes and initializers."""

from __future__ import annotations  # numpy.random is imported only when it is used

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = Any  # an array of the backend: numpy.ndarray, or cupy.ndarray on a GPU
Shape = tuple[int, ...]  # of one sample or parameter, without the batch axis
Initializer = Callable[["np.random.Generator", Shape], np.ndarray]
