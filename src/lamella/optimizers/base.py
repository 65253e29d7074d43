"""Base of all optimizers: a rule for one number, applied to all weights."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from lamella.backend.parameters import ParameterStore
from lamella.core.config import Configured
from lamella.core.descriptors import checked
from lamella.core.errors import FileFormatError, UsageError
from lamella.core.typing import Array
from lamella.core.validation import instance, positive
from lamella.optimizers.schedules import Schedule, expect_rate, rate_at
from lamella.optimizers.updates import Key, bind_cuts, bind_each, bind_flushes, bind_max, bind_whole

FLUSH_EVERY = 16  # steps; what shrinks to 0.4 or slower each cannot pass the gap in between
NO_MODEL = "the optimizer has no model yet: give it to compile, and build the model"
Scalars = Callable[[int], tuple[float, ...]]


class Optimizer(Configured, ABC):
    """Change the parameters after each batch. A subclass writes one formula, its `rule`.

    ``rule(w, g, *slots, *scalars)`` returns the new weight and the new slots (moments and the
    like, one per weight, initially 0) for one number. The backend applies it to all of them: in
    blocks that fit the cache, or as one kernel on a GPU. The rule may use arithmetic, comparisons
    and numpy's elementwise functions, but not branch.

    Denormal numbers slow a processor down a hundredfold. Every 16 steps, slots under 2^26 times
    the smallest normal number (8e-31 in float32) and weights under 2^40 times it (1.3e-26) are
    therefore set to 0; a denormal weight would otherwise make its slots denormal again. On a GPU
    cupy compiles kernels that take denormal float32 numbers for 0; those of float64 cost nothing.

    Parameters
    ----------
    lr : float or Schedule
        Learning rate, > 0.
    clip_value : float, optional
        Cut each number of the gradients to [-clip_value, clip_value], > 0, as
        torch.nn.utils.clip_grad_value_ does; before ``clip_norm``.
    clip_norm : float, optional
        Scale gradients down so that their joint norm is at most this, > 0. A norm whose square
        overflows the dtype (over 1.8e19 in float32) scales them to 0. As
        torch.nn.utils.clip_grad_norm_.

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
    lr: float | Schedule = checked(expect_rate)
    clip_norm: float | None = checked(positive, optional=True)
    clip_value: float | None = checked(positive, optional=True)
    _store: ParameterStore | None = None
    _owner: object = None

    def __init__(
        self,
        lr: float | Schedule,
        *,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        self.lr = lr
        self.clip_norm, self.clip_value = clip_norm, clip_value
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

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        raise UsageError(f"learning_rate is the rate of a step, computed from lr: set lr = {value}")

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
        self._own_steps = np.zeros(len(store), int)
        self._bind(store)

    def follow_trainable(self) -> None:
        """Update from the next step on the parameters of layers that are `Layer.trainable` now."""
        if self._store is not None:
            self._own_steps = self._steps_of_each()
            self._bind(self._store)

    def _bind(self, store: ParameterStore) -> None:
        """Bind the rule to the parameters that are trained; each has taken its own steps so far."""
        self._bound, self._bound_at = (type(self), id(self.state)), self.t
        self._is_trained = np.array([p.trainable for p, _ in store.spans], bool)
        alike = self.scalars_of(True) == self.scalars_of(False)
        keys: list[Key | None] = [
            (alike or p.is_matrix, self.t - int(steps)) if p.trainable else None
            for (p, _), steps in zip(store.spans, self._own_steps, strict=True)
        ]
        self._updates = (bind_whole if self.elementwise else bind_each)(self, store, keys)
        trained = [True if p.trainable else None for p, _ in store.spans]
        self._flushes = bind_flushes(store, self.state, trained)
        self._limits = bind_max(store)
        self._grads = [store.grads[span] for _, span in store.runs(trained)]
        self._cuts: list[Callable[..., None]] = []  # made when clip_value asks for them
        self._shrink: Callable[[float], None] | None = None  # made when clip_norm asks for it

    def _steps_of_each(self) -> np.ndarray:
        """Return the number of steps that each parameter took, in the order of the store."""
        return np.asarray(self._own_steps + (self.t - self._bound_at) * self._is_trained)

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
            raise UsageError(NO_MODEL)
        self.t += 1
        if self.clip_value is not None:
            self._cuts = self._cuts or bind_cuts(self._store.backend, self._grads)
            for cut in self._cuts:
                cut(self.clip_value)
        if self.clip_norm is not None and self._grads:
            if self._shrink is None:
                self._shrink = self._store.backend.bind_norm_limit(self._grads)
            self._shrink(self.clip_norm)
        if self._bound != (type(self), id(self.state)):
            self.follow_trainable()
        for update, matrices, frozen in self._updates:
            update(*self.scalars_of(matrices)(self.t - frozen))
        for limit in self._limits:
            limit()
        if self.t % FLUSH_EVERY == 0 and self._store.backend.on_host:
            self.flush_tiny()

    def flush_tiny(self) -> None:
        """Set weights and slots to 0 that are too small for fast arithmetic."""
        for flush, smallest in self._flushes:
            flush(smallest)

    def scalars_of(self, matrices: bool) -> Scalars:
        """Return `scalars` for weights, or for biases and scales; they are the same here."""
        return self.scalars

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return copies of the slots, and ``t``, as numpy arrays.

        ``steps`` has the steps of each parameter, if some were frozen in some steps.
        """
        if self._store is None:
            raise UsageError(NO_MODEL)
        host = self._store.backend.to_host
        arrays = {slot: np.array(host(vector)) for slot, vector in self.state.items()}
        steps = self._steps_of_each()
        own = {} if (steps == self.t).all() else {"steps": steps}
        return {"t": np.array(self.t), **own, **arrays}

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Copy in a result of `state_dict`."""
        if self._store is None:
            raise UsageError(NO_MODEL)
        instance("state", state, Mapping, "optimizer.state_dict()")
        shapes = {"t": (), **{slot: vector.shape for slot, vector in self.state.items()}}
        if "steps" in state:
            shapes["steps"] = self._own_steps.shape
        for slot, shape in shapes.items():
            if slot not in state or np.shape(state[slot]) != shape:
                raise FileFormatError(
                    f"the optimizer state has no {slot!r} of shape {shape}: it belongs to another "
                    f"optimizer than {type(self).__name__}, or to another model"
                )
        for slot, vector in self.state.items():
            vector[...] = self._store.backend.asarray(state[slot], vector.dtype)
        self.t = int(state["t"])
        self._own_steps = np.array(state.get("steps", np.full(len(self._store), self.t)), int)
        self._bind(self._store)
