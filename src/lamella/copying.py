"""Copies of models, and models sent to other processes: by what is saved, and what training adds.

Copying attribute by attribute would not do: copies of views are no longer views of one vector.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lamella.configured import named_parts
from lamella.files import from_parts, to_parts

if TYPE_CHECKING:
    from lamella.model import Sequential


def reduce(
    model: "Sequential",
) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
    """Return what ``__reduce__`` of a model returns: how to make it again, and its state."""
    header, arrays = to_parts(model)
    parts = [model.loss, model.optimizer, *model.metrics] if model.compiled else []
    own = named_parts([model, *parts])
    state: dict[str, Any] = {"epochs_done": model.epochs_done}
    if model.compiled:
        state["compiled_at"] = model.compiled_at
    if model.store is not None:
        state["draws"] = [layer.rng.draws for layer in model.layers]
        if model.compiled:
            state["optimizer"] = model.optimizer.state_dict()
    return from_parts, (header, arrays, own, model.backend), state


def restore(model: "Sequential", state: dict[str, Any]) -> None:
    """Give a model that was made again the state it had."""
    model.epochs_done = state["epochs_done"]
    model.compiled_at = state.get("compiled_at", 0)
    for layer, draws in zip(model.layers, state.get("draws", ()), strict=False):
        layer.rng.draws = draws
    if "optimizer" in state:
        model.optimizer.load_state_dict(state["optimizer"])
