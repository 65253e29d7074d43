"""LambdaCallback: hooks as functions."""

from collections.abc import Callable
from typing import Any

from lamella.core.errors import ArgumentError
from lamella.core.names import expect_known
from lamella.training.callbacks.base import HOOKS, Callback, expect_signature


class LambdaCallback(Callback):
    """Callback made of functions.

    Parameters
    ----------
    **hooks : functions
        By the names of the hooks of `Callback`, with their arguments.

    Examples
    --------
    ``LambdaCallback(on_epoch_end=lambda model, epoch, logs: print(logs["loss"]))``

    References
    ----------
    After keras.callbacks.LambdaCallback.
    """

    def __init__(self, **hooks: Callable[..., Any]) -> None:
        self.hooks = hooks
        for name, function in hooks.items():
            expect_known("LambdaCallback's argument", name, HOOKS)
            if not callable(function):
                raise ArgumentError(f"{name} must be a function, got {function!r:.80}")
            setattr(self, name, function)
            expect_signature(self, name)
