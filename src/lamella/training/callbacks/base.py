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

    Attributes
    ----------
    changes_training : bool
        Whether the numbers of a training can depend on it. If so, a training is resumed only with
        the same arguments of the callback.
    """

    changes_training: bool = True

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


HOOKS = {
    name: list(inspect.signature(hook).parameters)
    for name, hook in vars(Callback).items()
    if name.startswith("on_")
}


def logged_text(value: Any, spec: str) -> str:
    """Return a logged value as text: numbers in the format ``spec``, all else as it is."""
    value = plain(value)
    return format(value, spec if isinstance(value, int | float) else "")


def expect_hooks(callback: Callback) -> None:
    """Raise a UsageError if a method is named like a hook and `fit` would never call it.

    Methods ``on_...`` that other methods of the callback use are its own.
    """
    kind: Any = type(callback)
    for name in [name for name in dir(callback) if name.startswith("on_")]:
        if name not in HOOKS and name not in names_in_code(kind):
            advice = suggestion(name, HOOKS) or f"hooks are {', '.join(HOOKS)}"
            raise UsageError(f"fit never calls {kind.__name__}.{name}: {advice}")
    for name in HOOKS:
        if getattr(kind, name) is not getattr(Callback, name):
            expect_signature(callback, name)


def expect_signature(callback: Callback, name: str) -> None:
    """Raise a UsageError if a hook does not take the arguments of `fit`, in their order."""
    wanted, hook = HOOKS[name][1:], getattr(callback, name)
    if inspect.iscoroutinefunction(hook) or inspect.isgeneratorfunction(hook):
        raise UsageError(
            f"{type(callback).__name__}.{name} is async or has a yield, so that a call of it does "
            "nothing: write a plain function"
        )
    try:
        signature = inspect.signature(hook)
    except ValueError:  # a function of C
        return
    try:
        signature.bind(*wanted)
        given = enumerate(signature.parameters)
        moved = any(word in wanted and wanted.index(word) != i for i, word in given)
    except TypeError:
        moved = True
    if moved:
        raise UsageError(
            f"{type(callback).__name__}.{name}{signature} does not take the arguments of fit: "
            f"write def {name}({', '.join(wanted if name in vars(callback) else HOOKS[name])})"
        )
