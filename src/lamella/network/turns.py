"""Turns of threads: one at a time uses the memory of a model.

All results of a model lie in scratch memory that its next computation overwrites. Threads that
predict, evaluate or train with one model therefore take turns: `fit` has one turn for each batch, a
prediction one as a whole.
"""

import copy
import os
import threading
import weakref
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from lamella.core.errors import UsageError

Options = ParamSpec("Options")
Result = TypeVar("Result")
_all: "weakref.WeakSet[Turns]" = weakref.WeakSet()


class Turns:
    """The right to use a model's memory. A thread can hold the ``lock`` more than once.

    ``is_busy`` says whether the thread with the lock is in the middle of a computation, and
    ``fits`` whether `fit` is running.
    """

    def __init__(self) -> None:
        self.reset()
        _all.add(self)

    def reset(self) -> None:
        """Forget all other threads, which do not exist in a forked process."""
        self.lock = threading.RLock()
        self.is_busy = self.fits = False

    def take(self, work: Callable[..., Any], *args: Any) -> Any:
        """Return ``work(*args)``, which uses the model's memory, when it is this thread's turn.

        Raise a UsageError if this very thread is in the middle of such work: in a signal handler,
        or in a layer.
        """
        with self.lock:
            if self.is_busy:
                raise UsageError(
                    "this model is in the middle of a step: a signal handler or a layer can "
                    "predict with it or evaluate it, but not train it"
                )
            self.is_busy = True
            try:
                return work(*args)
            finally:
                self.is_busy = False

    def take_or_copy(self, model: Any, work: Callable[..., Any], *args: Any) -> Any:
        """Return ``work(model, *args)`` like `take`, with a copy of the model if it is busy."""
        with self.lock:
            if self.is_busy:
                with model.backend.aside():
                    return work(copy.deepcopy(model), *args)
            return self.take(work, model, *args)


def one_at_a_time(
    fit: Callable[Concatenate[Any, Options], Result],
) -> Callable[Concatenate[Any, Options], Result]:
    """Return ``fit`` of a model, which is a UsageError while another one runs on the model."""

    @wraps(fit)
    def fit_alone(model: Any, /, *args: Options.args, **options: Options.kwargs) -> Result:
        turns, fits = model.turns, False
        try:  # Ctrl-C may come between any two calls
            with turns.lock:
                if turns.fits:
                    raise UsageError(
                        "fit is running on this model, in another thread or in a callback: wait "
                        "for its end, or train a copy.deepcopy(model)"
                    )
                turns.fits = fits = True
            return fit(model, *args, **options)
        finally:
            if fits:
                turns.fits = False

    return fit_alone


def _reset_after_fork() -> None:
    for turns in list(_all):
        turns.reset()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_after_fork)
