"""Exceptions and warnings; each message names the expectation, the value found and the remedy."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


class LamellaError(Exception):
    """Base class of every error that lamella raises on purpose."""


class ArgumentError(LamellaError, ValueError):
    """A hyper-parameter or option has the wrong type or is out of range."""


class ShapeError(LamellaError, ValueError):
    """An array does not have the shape that the layer, loss or model expects."""


class DataError(LamellaError, ValueError):
    """The data cannot be used for training: empty, not finite, or labels out of range."""


class UsageError(LamellaError, RuntimeError):
    """A valid call comes at the wrong time, or two parts are incompatible."""


class BackendError(LamellaError, RuntimeError):
    """The requested array backend is unavailable; the message gives the reason and the remedy."""


class FileFormatError(LamellaError, ValueError):
    """A file is damaged, truncated, or of an unexpected kind."""


class MissingExtraError(LamellaError, ImportError):
    """An optional dependency is not installed; the message names the extra that provides it."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(package, extra, purpose)

    def __str__(self) -> str:
        package, extra, purpose = self.args
        return f"{purpose} needs {package}, which is not installed: pip install 'lamella[{extra}]'"


class DivergenceWarning(UserWarning):
    """Training diverged: losses or weights are no longer finite numbers."""


class CheckWarning(UserWarning):
    """`fit` found a property of the data or model that prevents learning."""


class CheckError(LamellaError, AssertionError):
    """A check of `lamella.testing` found a fault in a layer, loss or optimizer."""


def warn_user(message: str, category: type[Warning]) -> None:
    """Issue a warning at the line outside lamella that led to it, however deep it arises."""
    frame, level = sys._getframe(1), 2
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == "lamella":
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


@contextmanager
def numpy_warnings_off() -> Iterator[None]:
    """Let numpy not warn of overflow and the like, which end in one DivergenceWarning.

    Where a user has set numpy to raise errors, it still does.
    """
    warned = {kind: "ignore" for kind, mode in np.geterr().items() if mode == "warn"}
    with np.errstate(**warned):  # type: ignore[arg-type]
        yield
