"""Base class of callbacks."""

import inspect
from typing import Any

from lamella.core.disk import plain
from lamella.core.errors import UsageError
from lamella.core.names import suggestion
from lamella.core.signatures import KnownNames, names_in_code
from lamella.network.trainable import Trainable
from lamella.training.epoch_log import EpochLog


class Callback(KnownNames):
    """Base of all callbacks: override the hooks that you need.

    Call ``model.stop("why")`` to end training. An exception raised by a hook ends `fit`, which
    still calls `on_fit_end`.
    """

    def on_fit_begin(self, model: Trainable, epochs: int, batches: int) -> None:
        """Training begins: ``epochs`` epochs of ``batches`` batches each."""

    def on_epoch_begin(self, model: Trainable, epoch: int) -> None:
        """Epoch ``epoch`` (from 0, counted over all calls of fit) begins."""

    def on_batch_end(self, model: Trainable, batch: int, log: EpochLog) -> None:
        """Batch ``batch`` (from 0) is done. ``log.last()`` is its loss, still on the device."""

    def on_epoch_end(self, model: Trainable, epoch: int, logs: dict[str, Any]) -> None:
        """An epoch is done; ``logs`` holds plain numbers: loss, accuracy, val_loss, ...

        What a callback adds, later callbacks see and log files contain: numbers, text or None.
        """

    def state_dict(self) -> dict[str, Any]:
        """Return the state to save in a checkpoint: JSON values and arrays.

        Override this and `load_state_dict` if hooks depend on earlier calls; `fit` uses both with
        a ``checkpoint``.
        """
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state of `state_dict`; called after `on_fit_begin`, before the next batch."""

    def on_fit_end(self, model: Trainable) -> None:
        """Training has ended: completed, stopped or failed."""


def logged_text(value: Any, spec: str) -> str:
    """Return a logged value as text: numbers in the format ``spec``, all else as it is."""
    value = plain(value)
    return format(value, spec if isinstance(value, int | float) else "")


def expect_hooks(callback: Callback) -> None:
    """Raise a UsageError if a method is named like a hook and `fit` would never call it.

    Methods ``on_...`` that other methods of the callback use are its own.
    """
    kind: Any = type(callback)
    known = [name for name in vars(Callback) if name.startswith("on_")]
    for name in [name for name in dir(callback) if name.startswith("on_")]:
        if name not in known and name not in names_in_code(kind):
            advice = suggestion(name, known) or f"hooks are {', '.join(known)}"
            raise UsageError(f"fit never calls {kind.__name__}.{name}: {advice}")
    for name in known:
        if getattr(kind, name) is not getattr(Callback, name):
            _expect_signature(callback, name)


def _expect_signature(callback: Callback, name: str) -> None:
    """Raise a UsageError if a hook cannot be called as `fit` calls it."""
    expected = inspect.signature(getattr(Callback, name)).replace(return_annotation="")
    arguments = list(expected.parameters)
    try:
        inspect.signature(getattr(callback, name)).bind(*arguments[1:])
    except TypeError as error:
        kind = type(callback).__name__
        raise UsageError(
            f"fit calls {kind}.{name} with {len(arguments) - 1} arguments: write "
            f"def {name}({', '.join(arguments)})"
        ) from error
    except ValueError:  # a function without a signature
        return
