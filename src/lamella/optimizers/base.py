"""Base of all optimizers: a rule for one number, applied to all weights."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from lamella.backend.elementwise import trace
from lamella.backend.parameters import ParameterStore
from lamella.backend.rules import bind_rule, expect_results
from lamella.core.config import Configured
from lamella.core.errors import FileFormatError, UsageError
from lamella.core.typing import Array
from lamella.core.validation import positive
from lamella.optimizers.schedules import Schedule, expect_rate, rate_at

FLUSH_EVERY = 16  # steps; what shrinks to 0.4 or slower each cannot pass the gap in between
FLUSH_MARGIN = 2.0**26  # slots under this many times the smallest normal number become 0
# Weights earlier, so that what a penalty makes of them, rate (1 - beta1) w and the like, and what
# is left of that where it changes its sign, is not denormal either.
WEIGHT_MARGIN = 2.0**40


Scalars = Callable[[int], tuple[float, ...]]
Updates = list[tuple[Callable[..., None], bool]]


class Optimizer(Configured, ABC):
    """Change the parameters after each batch. A subclass writes one formula, its `rule`.

    ``rule(w, g, *slots, *scalars)`` returns the new weight and the new slots (moments and the
    like, one per weight, initially 0) for one number. The backend applies it to all of them: in
    blocks that fit the cache, or as one kernel on a GPU. The rule may use arithmetic, comparisons
    and numpy's elementwise functions, but not branch.

    Denormal numbers slow a processor down a hundredfold. Every 16 steps, slots under 2^26 times
    the smallest normal number (8e-31 in float32) and weights under 2^40 times it (1.3e-26) are
    therefore set to 0; a denormal weight would otherwise make its slots denormal again.

    Parameters
    ----------
    lr : float or Schedule
        Learning rate, > 0.
    clip_norm : float, optional
        Scale gradients down so that their joint norm is at most this, > 0. A norm whose square
        overflows the dtype (over 1.8e19 in float32) scales them to 0.

    Attributes
    ----------
    slots : tuple of str
        Names of the vectors that the rule updates.
    elementwise : bool
        False for a rule that needs a whole parameter at a time, such as its norm: it then gets
        arrays, one parameter after the other, and has ``self.xp`` for their functions.
    t : int
        Steps done.
    """

    slots: tuple[str, ...] = ()
    elementwise: bool = True
    t: int = 0
    _store: ParameterStore | None = None
    _owner: object = None

    def __init__(self, lr: float | Schedule, *, clip_norm: float | None = None) -> None:
        self.lr = expect_rate("lr", lr)
        self.clip_norm = None if clip_norm is None else positive("clip_norm", clip_norm)
        self._epoch, self._epoch_start, self._epoch_steps = 0, 0, 1

    @abstractmethod
    def scalars(self, t: int) -> tuple[float, ...]:
        """Return the scalars of the rule in step ``t`` (from 1), computed once per step."""

    @abstractmethod
    def rule(self, w: Any, g: Any, *slots_and_scalars: Any) -> Any:
        """Return the new weight and new slots for one weight ``w`` with gradient ``g``."""

    @property
    def learning_rate(self) -> float:
        """Learning rate of the current or last step."""
        done = max(self.t - 1 - self._epoch_start, 0)
        return rate_at(self.lr, self._epoch + done / self._epoch_steps)

    def begin_epoch(self, epoch: int, steps: int, done: int = 0) -> None:
        """Start epoch ``epoch`` (from 0) of ``steps`` steps for the schedules.

        ``done`` steps are done already if a training is resumed within an epoch.
        """
        self._epoch, self._epoch_start, self._epoch_steps = epoch, self.t - done, steps

    @property
    def position(self) -> tuple[int, int, int]:
        """Position in the schedule, as `begin_epoch` takes it: epoch, its steps, steps done."""
        return self._epoch, self._epoch_steps, self.t - self._epoch_start

    def attach(self, store: ParameterStore, owner: object) -> None:
        """Attach to the parameters of the model ``owner`` and allocate the slots.

        Raises
        ------
        UsageError
            If it is attached to a different model.
        """
        self.expect_free(owner)
        self._store, self._owner = store, owner
        self.xp = store.backend.xp
        self.t = 0
        self.begin_epoch(0, 1)
        size, dtype = store.values.size, store.values.dtype
        self.state: Mapping[str, Array] = MappingProxyType(
            {slot: store.backend.zeros(size, dtype) for slot in self.slots}
        )
        self._bind()

    def expect_free(self, owner: object) -> None:
        """Raise a UsageError if it is attached to a model other than ``owner``."""
        if self._owner is not None and self._owner is not owner:
            raise UsageError(
                f"this {type(self).__name__} already drives another model, whose moments it "
                "keeps: make a new one for each model"
            )

    def step(self) -> None:
        """Update every parameter from its gradient."""
        if self._store is None:
            raise UsageError("the optimizer has no model yet: give it to compile")
        self.t += 1
        if self.clip_norm is not None:
            self._clip(self._store.grads, self.clip_norm)
        if self._bound != (type(self), id(self.state)):
            self._bind()
        for update, matrices in self._updates:
            update(*self.scalars_of(matrices)(self.t))
        if self.t % FLUSH_EVERY == 0:
            for flush, smallest in self._flushes:
                flush(smallest)

    def scalars_of(self, matrices: bool) -> Scalars:
        """Return `scalars` for weights, or for biases and scales; they are the same here."""
        return self.scalars

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return copies of the slots, and ``t``, as numpy arrays."""
        assert self._store is not None
        host = self._store.backend.to_host
        arrays = {slot: np.array(host(vector)) for slot, vector in self.state.items()}
        return {"t": np.array(self.t), **arrays}

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Copy in a result of `state_dict`."""
        assert self._store is not None
        for slot, shape in [("t", ()), *((name, v.shape) for name, v in self.state.items())]:
            if slot not in state or np.shape(state[slot]) != shape:
                raise FileFormatError(
                    f"the optimizer state has no {slot!r} of shape {shape}: it belongs to another "
                    f"optimizer than {type(self).__name__}, or to another model"
                )
        for slot, vector in self.state.items():
            vector[...] = self._store.backend.asarray(state[slot], vector.dtype)
        self.t = int(state["t"])

    def _bind(self) -> None:
        self._bound = type(self), id(self.state)
        self._updates = self._bind_whole() if self.elementwise else self._bind_each()
        self._flushes = self._bind_flushes()

    def _bind_whole(self) -> Updates:
        """Run the rule over weights and over all else, or over both together if they are alike."""
        assert self._store is not None
        store, updates = self._store, []
        parts = [(store.matrices, True), (store.vectors, False)]
        if self.scalars_of(True) == self.scalars_of(False):
            parts = [(slice(0, store.values.size), True)]
        for span, matrices in parts:
            if span.start == span.stop:
                continue
            w, g = store.values[span], store.grads[span]
            count = len(self.scalars_of(matrices)(1))
            kept = [vector[span] for vector in self.state.values()]
            moved = {"w": w, **dict(zip(self.slots, kept, strict=True))}
            run = bind_rule(self, store.backend, (w, g, *kept), moved, count)
            updates.append((run, matrices))
        return updates

    def _bind_each(self) -> Updates:
        """Run the rule over one parameter after the other, as arrays."""
        assert self._store is not None

        def whole(w: Array, g: Array, *kept: Array) -> Callable[..., None]:
            def run(*scalars: float) -> None:
                results = self.rule(w, g, *kept, *scalars)
                results = results if isinstance(results, tuple) else (results,)
                expect_results(self, ("w", *self.slots), len(results))
                for old, new in zip((w, *kept), results, strict=True):
                    old[...] = new

            return run

        updates: Updates = []
        for parameter, span in self._store.spans:
            kept = [vector[span].reshape(parameter.shape) for vector in self.state.values()]
            update = whole(parameter.value, parameter.grad, *kept)
            updates.append((update, parameter.is_matrix))
        return updates

    def _bind_flushes(self) -> list[tuple[Callable[..., None], float]]:
        assert self._store is not None
        backend, flushes = self._store.backend, []
        margins = [(self._store.values, WEIGHT_MARGIN)]
        margins += [(vector, FLUSH_MARGIN) for vector in self.state.values()]
        for vector, margin in margins:
            smallest = float(np.finfo(vector.dtype).tiny) * margin
            program = trace(lambda x, low: x * (abs(x) >= low), 1, 1)
            flushes.append((backend.compile_rule(program, [vector], [vector]), smallest))
        return flushes

    def _clip(self, grads: Array, limit: float) -> None:
        # All on the device: whether to scale is not asked, a factor of 1 is multiplied in.
        xp = self.xp
        norm = xp.sqrt(xp.vdot(grads, grads))
        grads *= xp.minimum(limit / (norm + 1e-6), 1.0)
