"""Arrays from the user's objects: lists, tables of other libraries, tensors, device arrays."""

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np

from lamella.backend.parameters import Parameter, State
from lamella.core.errors import DataError, ShapeError
from lamella.core.validation import expect_unmasked, instance

NUMBERS = "biuf"  # kinds of dtypes


def to_numpy(name: str, data: Any) -> np.ndarray:
    """Return the data as a numpy array of numbers; copy cupy's arrays to the host.

    Tables may mix columns of numbers of any kind; missing numbers become NaN. Raise a DataError
    that names the argument if it does not hold numbers, or lies on a device that numpy cannot read.
    """
    if hasattr(data, "__cuda_array_interface__"):
        if not hasattr(data, "get"):
            raise DataError(
                f"{name} is a {type(data).__name__} on a GPU: copy it to the host first, such as "
                f"{name}.cpu().numpy()"
            )
        data = data.get()
    if type(data) is not np.ndarray:
        expect_unmasked(name, data)
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise DataError(f"rows of different lengths do not form an array: {error}") from error
    except (TypeError, RuntimeError) as error:  # tensors with gradients, or of other devices
        raise DataError(
            f"{name}, a {type(data).__name__}, cannot be read as an array: {error}"
        ) from error
    if array.dtype.kind in NUMBERS:
        return array
    dtypes = getattr(data, "dtypes", ())
    columns = dtypes if hasattr(dtypes, "__iter__") else [dtypes]
    kinds = [getattr(dtype, "kind", "O") for dtype in columns]
    if kinds and all(kind in NUMBERS for kind in kinds):  # columns of several kinds, or nullable
        array = np.asarray(data.to_numpy(dtype="float64", na_value=np.nan))
        whole = "f" not in kinds and not np.isnan(array).any()
        return array.astype(np.int64) if whole else array
    kind = "None" if data is None else f"a {type(data).__name__}"
    found = f"an array of {array.dtype}" if array.ndim else kind
    raise DataError(f"{name} must hold numbers, got {found}{_remedy(name, data, array)}")


def expect_same(given: Any, parts: Sequence[Parameter | State]) -> dict[str, np.ndarray]:
    """Return arrays by name, which must be floats of the parts' names and shapes."""
    table = instance("arrays", given, Mapping, "model.state_dict()")
    names = {part.name for part in parts}
    if names != set(table):
        raise ShapeError(
            f"the arrays do not belong to this model: missing {sorted(names - set(table))}, "
            f"unknown {sorted(map(str, set(table) - names))}"
        )
    arrays = {name: to_numpy(name, array) for name, array in table.items()}
    for part in parts:
        found = arrays[part.name]
        if found.shape != part.shape:
            raise ShapeError(f"{part.name} has shape {part.shape} here, but {found.shape} there")
        if found.dtype.kind != "f":
            raise DataError(f"{part.name} must hold floats, got {found.dtype}")
    return arrays


def _remedy(name: str, data: Any, array: np.ndarray) -> str:
    if hasattr(data, "toarray"):
        return f": use {name}.toarray(), since lamella takes no sparse matrices"
    if array.ndim == 0:
        return ""
    values = array.reshape(-1)[:1000].tolist()
    if array.dtype.kind in "UST" or any(isinstance(value, str) for value in values):
        if name == "y":
            return " (text): number the classes with names, y = np.unique(y, return_inverse=True)"
        return " (text): replace words by numbers, such as a column of 0 and 1 for each word"
    if array.dtype != object:
        return ""
    if any(value is None or str(value) == "<NA>" for value in values):
        return " with missing values: fill them, or drop these samples"
    other = next((value for value in values if not isinstance(value, Real | np.ndarray)), None)
    if other is not None and not hasattr(other, "__float__"):
        return f" with a {type(other).__name__}: replace it by numbers"
    return f': use np.asarray({name}, "float32")'
