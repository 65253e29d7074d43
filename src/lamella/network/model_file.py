"""A model as a file: safetensors, with the architecture in the header. Never pickle, never code.

Copies of models, and models sent to other processes, are made from the same parts: copies of views
are not views of one vector.
"""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lamella.backend import Backend, get_backend
from lamella.core.config import arguments_of, from_json, named_parts, to_json
from lamella.core.disk import write_atomically
from lamella.core.errors import FileFormatError
from lamella.network.trainable import Trainable

FORMAT = "lamella-1"


def save(model: Trainable, path: Any) -> None:
    """Write a model to a safetensors file.

    The tensors are all parameters and states by name; the header holds, as JSON, the layers with
    their hyper-parameters, loss, optimizer and metrics. The optimizer's moments are not kept. The
    file is written whole or not at all.

    Parameters
    ----------
    model : Trainable
        A built model.
    path : path
        Customarily ending in ".safetensors".

    Raises
    ------
    UsageError
        If the model is not built, or the file cannot be written; an old one is kept then.
    """
    from safetensors.numpy import save as serialise

    model.built()
    header, arrays = to_parts(model)
    # One entry only: the order of several would differ from one writing to the next.
    content = serialise(arrays, {"lamella": json.dumps({"format": FORMAT, **header})})
    write_atomically(Path(path), content)


def to_parts(model: Trainable) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return what makes a model: its description, as JSON can hold it, and its arrays."""
    header: dict[str, Any] = {"model": to_json(model), "in_shape": None}
    arrays: dict[str, np.ndarray] = {}
    if model.store is not None:
        header["in_shape"], arrays = list(model.in_shape), model.state_dict()
    if model.compiled:
        parts = {"loss": model.loss, "optimizer": model.optimizer, "metrics": model.metrics}
        header["compiled"] = {name: to_json(part) for name, part in parts.items()}
    return header, arrays


def from_parts(
    header: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
    known: Mapping[str, Callable[..., Any]],
    backend: str | Backend = "auto",
) -> Trainable:
    """Undo `to_parts`.

    Parameters
    ----------
    header, arrays
        What `to_parts` returned.
    known : dict of name to class or function
        All that the description may name; nothing else is ever looked up.
    backend : str or Backend
        Where the model shall compute.

    Raises
    ------
    FileFormatError
        If the description is incomplete, or names what is not in ``known``.
    """
    backend = get_backend(backend)
    known = {name: _on(backend, part) for name, part in known.items()}
    if not isinstance(header, dict) or not isinstance(header.get("in_shape", 0), list | None):
        raise FileFormatError("the description of the model is incomplete")
    model = from_json(header.get("model"), known)
    if not isinstance(model, Trainable):
        raise FileFormatError(
            f"expected the description of a model, got {header.get('model')!r:.80}"
        )
    compiled = header.get("compiled")
    if isinstance(compiled, dict):
        parts = {
            name: from_json(compiled.get(name), known) for name in ("loss", "optimizer", "metrics")
        }
        if not isinstance(parts["metrics"], list):
            raise FileFormatError(f"metrics must be a list, got {parts['metrics']!r}")
        model.compile(parts["loss"], parts["optimizer"], parts["metrics"])
    if header["in_shape"] is not None:
        model.declare(header["in_shape"])
        model.expect_arrays(arrays)  # before memory is taken for what the file only claims
        model.build(header["in_shape"])
        model.load_state_dict(arrays)
    return model


def _on(backend: Backend, part: Callable[..., Any]) -> Callable[..., Any]:
    """Return a model's class with the backend filled in; all else as it is."""
    if isinstance(part, type) and issubclass(part, Trainable) and "backend" in arguments_of(part):
        return partial(part, backend=backend)
    return part


def reduce(
    model: Trainable,
) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
    """Return what ``__reduce__`` of a model returns: how to make it again, and its state."""
    header, arrays = to_parts(model)
    parts = [model.loss, model.optimizer, *model.metrics] if model.compiled else []
    known = named_parts([model, *parts])
    state: dict[str, Any] = {"epochs_done": model.epochs_done}
    if model.compiled:
        state["compiled_at"] = model.compiled_at
    if model.store is not None:
        state["draws"] = [layer.rng.draws for layer in model.layers]
        if model.compiled:
            state["optimizer"] = model.optimizer.state_dict()
    return from_parts, (header, arrays, known, model.backend), state


def restore(model: Trainable, state: dict[str, Any]) -> None:
    """Give a model that was made again the state it had."""
    model.epochs_done = state["epochs_done"]
    model.compiled_at = state.get("compiled_at", 0)
    for layer, draws in zip(model.layers, state.get("draws", ()), strict=False):
        layer.rng.draws = draws
    if "optimizer" in state:
        model.optimizer.load_state_dict(state["optimizer"])
