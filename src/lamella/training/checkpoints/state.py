"""State of a training between two batches, as JSON and arrays."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lamella.network.trainable import Trainable
from lamella.training.callbacks.base import Callback
from lamella.training.checkpoints.part_values import changed_values, part_values

Header = dict[str, Any]
Arrays = dict[str, np.ndarray]


def collect(model: Trainable, callbacks: Sequence[Callback]) -> tuple[Header, Arrays]:
    """Return the state of a model and its callbacks, without the position in training."""
    parts = {"model": model.state_dict(), "optimizer": model.optimizer.state_dict()}
    states = []
    for index, callback in enumerate(callbacks):
        state = callback.state_dict()
        parts[f"callback {index}"] = {
            name: value for name, value in state.items() if isinstance(value, np.ndarray)
        }
        plain = {name: v for name, v in state.items() if not isinstance(v, np.ndarray)}
        states.append({"class": type(callback).__name__, "state": plain})
    header = {
        "draws": [layer.rng.draws for layer in model.layers],
        "values": part_values(model),
        "callbacks": states,
        "stop_reason": model.stop_reason,
        "blas_threads": model.blas_threads,
    }
    arrays = {f"{part}/{name}": array for part, of in parts.items() for name, array in of.items()}
    return header, arrays


def restore(
    model: Trainable,
    callbacks: Sequence[Callback],
    header: Header,
    arrays: Mapping[str, np.ndarray],
) -> None:
    """Restore the state that `collect` returned."""
    model.load_state_dict(_part(arrays, "model"))
    model.optimizer.load_state_dict(_part(arrays, "optimizer"))
    for layer, draws in zip(model.layers, header["draws"], strict=True):
        layer.rng.draws = draws
    for part, name, value in changed_values(model, header["values"]):
        setattr(part, name, value)
    model.stop(header["stop_reason"])  # unless on_fit_begin of a callback did
    # Not strict: the last callback, a progress bar, may be present in only one of the two runs.
    for index, (callback, saved) in enumerate(zip(callbacks, header["callbacks"], strict=False)):
        callback.load_state_dict({**saved["state"], **_part(arrays, f"callback {index}")})


def _part(arrays: Mapping[str, np.ndarray], part: str) -> Arrays:
    start = f"{part}/"
    return {name[len(start) :]: array for name, array in arrays.items() if name.startswith(start)}
