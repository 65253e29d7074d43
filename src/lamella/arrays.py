"""The words for arrays used in all signatures."""

from typing import Any, TypeAlias

Array: TypeAlias = Any  # an array of the backend: numpy.ndarray, or cupy.ndarray on a GPU
Shape = tuple[int, ...]  # of one sample or parameter: without the batch axis
