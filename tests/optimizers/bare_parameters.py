"""Optimizers on a few bare parameters, without a model."""

from collections.abc import Sequence

import numpy as np

import lamella as lm
from lamella.backend import Backend
from lamella.backend.parameters import Parameter, ParameterStore
from lamella.backend.selection import host_backend
from lamella.layers.initializers import zeros


def drive(
    optimizer: lm.Optimizer,
    arrays: Sequence[np.ndarray],
    *,
    backend: Backend | None = None,
    dtype: str = "float64",
) -> ParameterStore:
    """Make a parameter of each array and let the optimizer drive them."""
    backend = backend or host_backend()
    parameters = [Parameter(f"0.Bare.p{i}", a.shape, zeros) for i, a in enumerate(arrays)]
    store = ParameterStore(parameters, backend, np.dtype(dtype))
    for parameter, array in zip(parameters, arrays, strict=True):
        parameter.value = backend.asarray(array, dtype)
    optimizer.attach(store, owner=store)
    return store


def step(optimizer: lm.Optimizer, store: ParameterStore, grads: Sequence[np.ndarray]) -> None:
    """Write gradients and do one step."""
    for parameter, grad in zip(store, grads, strict=True):
        parameter.grad = store.backend.asarray(grad, store.values.dtype)
    optimizer.step()


def values(store: ParameterStore) -> list[np.ndarray]:
    """Copies of the parameters on the host."""
    return [np.array(store.backend.to_host(parameter.value)) for parameter in store]
