"""Bind an optimizer's rule to the weights, gradients and slots that it updates in each step."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy import maximum, minimum, sqrt

from lamella.backend import Backend
from lamella.backend.elementwise import trace
from lamella.backend.parameters import ParameterStore
from lamella.backend.rules import bind_rule, expect_results
from lamella.core.typing import Array

FLUSH_MARGIN = 2.0**26  # slots under this many times the smallest normal number become 0
# Weights earlier, so that what a penalty makes of them, rate (1 - beta1) w and the like, and what
# is left of that where it changes its sign, is not denormal either.
WEIGHT_MARGIN = 2.0**40

Key = tuple[bool, int]  # of a parameter: whether it is a matrix, and steps in which it was frozen
Updates = list[tuple[Callable[..., None], bool, int]]  # with the key


def bind_whole(owner: Any, store: ParameterStore, keys: Sequence[Key | None]) -> Updates:
    """Run an elementwise rule over neighbouring parameters of equal keys; None is not updated."""
    updates = []
    for (matrices, frozen), span in store.runs(keys):
        w, g = store.values[span], store.grads[span]
        kept = {name: vector[span] for name, vector in owner.state.items()}
        count = len(owner.scalars_of(matrices)(1))
        run = bind_rule(owner, store.backend, (w, g, *kept.values()), {"w": w, **kept}, count)
        updates.append((run, matrices, frozen))
    return updates


def bind_each(owner: Any, store: ParameterStore, keys: Sequence[Key | None]) -> Updates:
    """Run the rule over one parameter after the other, as arrays."""
    updates: Updates = []
    for (parameter, span), key in zip(store.spans, keys, strict=True):
        if key is not None:
            kept = [vector[span].reshape(parameter.shape) for vector in owner.state.values()]
            updates.append((_whole(owner, parameter.value, parameter.grad, *kept), *key))
    return updates


def bind_flushes(
    store: ParameterStore, slots: Mapping[str, Array], trained: Sequence[bool | None]
) -> list[tuple[Callable[..., None], float]]:
    """Return functions that set tiny numbers to 0, and for each the smallest number that stays."""
    flushes = []
    for _, span in store.runs(trained):
        margins = [(store.values[span], WEIGHT_MARGIN)]
        margins += [(vector[span], FLUSH_MARGIN) for vector in slots.values()]
        for vector, margin in margins:
            smallest = float(np.finfo(vector.dtype).tiny) * margin
            program = trace(lambda x, low: x * (abs(x) >= low), 1, 1)
            flushes.append((store.backend.compile_rule(program, [vector], [vector]), smallest))
    return flushes


def bind_max(store: ParameterStore) -> list[Callable[[], None]]:
    """Return functions that scale columns over the ``max_norm`` of a parameter down to it."""
    most = float(np.finfo(store.values.dtype).max)
    limited = [p for p in store if p.max_norm and p.trainable]
    return [_limit_columns(store.backend, p.value, min(p.max_norm, most)) for p in limited]


def _limit_columns(backend: Backend, w: Array, limit: float) -> Callable[[], None]:
    w = w.reshape(-1, w.shape[-1])
    squares = backend.zeros(w.size, w.dtype).reshape(w.shape)
    norms = backend.zeros(w.shape[-1], w.dtype)
    square = backend.map(trace(lambda w: w * w, 1, 0))
    factor = backend.map(trace(lambda total, most: most / maximum(sqrt(total), most), 1, 1))
    scale = backend.map(trace(lambda w, factor: w * factor, 2, 0))

    def run() -> None:
        square(squares, (w,), ())
        factor(norms, (backend.sum_rows(squares, norms),), (limit,))
        scale(w, (w, norms), ())

    return run


def bind_cuts(backend: Backend, vectors: Sequence[Array]) -> list[Callable[..., None]]:
    """Return functions of a limit, which cut the numbers of vectors to [-limit, limit]."""
    program = trace(lambda g, limit: minimum(maximum(g, -limit), limit), 1, 1)
    return [backend.compile_rule(program, [g], [g]) for g in vectors]


def _whole(owner: Any, w: Array, g: Array, *kept: Array) -> Callable[..., None]:
    def run(*scalars: float) -> None:
        results = owner.rule(w, g, *kept, *scalars)
        results = results if isinstance(results, tuple) else (results,)
        expect_results(owner, ("w", *owner.slots), len(results))
        for old, new in zip((w, *kept), results, strict=True):
            old[...] = new

    return run
