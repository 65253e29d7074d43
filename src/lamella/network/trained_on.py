"""Record of the inputs that a model was trained on: their scale and the names of their columns."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from lamella.core.errors import DataError, FileFormatError, UsageError
from lamella.core.typing import Array
from lamella.core.wording import first_of
from lamella.network.batches import Data

SAMPLES = 128  # for the typical size
LARGER, SMALLER = 10.0, 100.0  # factors from which on inputs are of another scale
# Names of the columns in Arrow's tables, in those of pandas and polars; Arrow's columns are arrays.
COLUMN_NAMES = ("column_names", "columns")
MOST_COLUMNS, MOST_CHARACTERS = 5_000, 2**17  # that are remembered: they are saved with the model


@dataclass(frozen=True)
class TrainedOn:
    """Scale of the inputs that a model was trained on, and names of their columns."""

    images: bool  # whether they were uint8, which is divided by 255
    largest: float  # magnitude of a number, after that division; of images, in a sample of them
    typical: float  # median over samples of the largest magnitude in a sample
    columns: tuple[str, ...] = ()  # empty if the inputs were no table with names

    @classmethod
    def of(
        cls,
        given: Any,
        data: Data,
        to_host: Callable[[Array], np.ndarray],
        before: "TrainedOn | None" = None,
    ) -> Self:
        """Return the record of inputs ``given``, which became the checked ``data``.

        Names of columns that the record ``before`` has stay: the data came in that order, see
        `ordered`.
        """
        columns = before.columns if before and before.columns else column_names(given)
        x, images = data.x, data.x.dtype == np.uint8
        some = to_host(x[:: -(-len(x) // SAMPLES)]).reshape(-1, x[0].size)
        sizes = some.max(axis=1).astype(float)
        if images:
            largest = float(sizes.max() if sizes.max() * LARGER > 255 else x.max())
            return cls(True, largest / 255, float(np.median(sizes)) / 255, columns)
        typical = np.median(np.maximum(sizes, -some.min(axis=1).astype(float)))
        return cls(False, data.largest, float(typical), columns)

    @classmethod
    def from_json(cls, table: Any) -> Self:
        """Return the record of a model file, or raise a FileFormatError if it is damaged."""
        try:
            found = cls(**{**table, "columns": tuple(table["columns"])})
            sizes = [float(found.largest), float(found.typical)]
            valid = all(0 <= size < math.inf for size in sizes) and isinstance(found.images, bool)
            valid = valid and all(isinstance(name, str) for name in found.columns)
        except (TypeError, ValueError, KeyError, OverflowError):
            valid = False
        if not valid:
            raise FileFormatError(f"the scale of the training data is damaged: {table!r:.80}")
        return found

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON values."""
        return {**asdict(self), "columns": list(self.columns)}

    def ordered(self, given: Any) -> Any:
        """Return a table with its columns in the order of the training data; all else unchanged.

        Raise a DataError if columns are missing, or others are there.
        """
        names = column_names(given)
        if not names or not self.columns or names == self.columns:
            return given
        missing = [name for name in self.columns if name not in set(names)]
        others = [name for name in names if name not in set(self.columns)]
        if missing or others:
            found = [f"lacks the columns {first_of(missing)}"] if missing else []
            found += [f"has the unknown columns {first_of(others)}"] if others else []
            raise DataError(
                f"x {' and '.join(found)}: the model was trained on {first_of(self.columns)}. If "
                "they mean the same, give np.asarray(x)"
            )
        names = self.columns
        return given.select(list(names)) if hasattr(given, "select") else given[list(names)]

    def difference(self, images: bool, largest: float) -> tuple[str, str] | None:
        """Return kind and description of a gross difference in scale; None if there is none.

        ``images`` and ``largest`` describe other inputs; largest is 1 for images, whatever their
        values.
        """
        if images and self.images:
            return None
        here = f"x has values up to {largest:.4g}"
        if images:
            here = "x is uint8, which is divided by 255"
        there = " (uint8, divided by 255)" if self.images else ""
        if 0 < self.largest * LARGER < largest:
            remedy = "prepare x as the training data"
            if self.images and 100 < largest <= 255:
                remedy = "use x / 255, or x.astype(np.uint8)"
            return "larger", (
                f"{here}, but the model was trained on values up to {self.largest:.3g}{there}: "
                f"{remedy}"
            )
        if 0 < largest * SMALLER < self.typical:
            remedy = 'use x.astype("float32")' if images else "prepare x as the training data"
            return "smaller", (
                f"{here}, but the model was trained on values of about {self.typical:.3g}: {remedy}"
            )
        return None


def column_names(table: Any) -> tuple[str, ...]:
    """Return the names of a table's columns; empty for arrays, and where they are no names."""
    if type(table) is np.ndarray:
        return ()
    for attribute in COLUMN_NAMES:
        found = getattr(table, attribute, None)
        if found is not None and not callable(found):
            names = tuple(found)
            texts = [name for name in names if isinstance(name, str)]
            unique = len(set(texts)) == len(names) <= MOST_COLUMNS
            return names if unique and sum(map(len, texts)) <= MOST_CHARACTERS else ()
    return ()


def predicts_numbers(model: Any) -> bool:
    """Return whether the targets of a model's last `fit` were numbers, no classes or answers."""
    return model.trained_on is not None and model.target_kind is None


def expect_classes(model: Any) -> None:
    """Raise a UsageError if a model was trained on numbers."""
    if predicts_numbers(model):
        raise UsageError(
            "the model was trained on numbers, which are no classes and have no probabilities: "
            "read predict(x)"
        )
