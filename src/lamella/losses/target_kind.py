"""Meaning of the targets that a model is trained on: classes, or yes-or-no answers."""

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from lamella.core.errors import FileFormatError
from lamella.losses.labels import holds_classes


@dataclass(frozen=True)
class TargetKind:
    """Meaning of targets. The training data say it; a part of the data may not show it.

    With ``several`` each output is a yes-or-no answer of its own, so that a sample may have several
    labels, rather than one class. With ``signed`` answers are -1 and 1 rather than 0 and 1.
    """

    several: bool
    signed: bool

    @classmethod
    def of(cls, target: np.ndarray, before: Self | None = None) -> Self | None:
        """Return the kind of targets in the form of the loss; None for other numbers.

        ``before`` is the kind that they had in an earlier training. It decides what they leave
        open: rows that are all one-hot may have several labels, and rows of 1 may be signed.
        """
        low, high = target.min(), target.max()
        if target.ndim == 1 and holds_classes(target) and low >= 0:
            return cls(several=False, signed=False)
        if high > 1 or (low < 0 and not (abs(target) == 1).all()):
            return None
        several, signed = not holds_classes(target), bool(low < 0)
        if before is not None:
            is_hot = bool(((target == 0) | (target == 1)).all())
            several = several or (before.several and is_hot)
            signed = signed or (before.signed and bool(low == 1))
        return cls(several, signed)

    @classmethod
    def from_json(cls, table: Any) -> Self:
        """Return the kind in a model file, or raise a FileFormatError if it is damaged."""
        try:
            found = cls(**table)
        except TypeError:
            found = None
        if found is None or {type(found.several), type(found.signed)} != {bool}:
            raise FileFormatError(f"the kind of the targets is damaged: {table!r:.80}")
        return found

    def to_json(self) -> dict[str, bool]:
        """Return the kind as JSON values."""
        return asdict(self)
