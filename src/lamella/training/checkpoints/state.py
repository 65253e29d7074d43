"""State of a training between two batches, as JSON and arrays.

It has the values of a model's parts, too, which callbacks may change: the learning rate, a dropout
rate, ...
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from lamella.core.config import Configured, to_json
from lamella.core.errors import UsageError
from lamella.network.fingerprint import ATTACHED
from lamella.network.trainable import Trainable
from lamella.training.callbacks.base import Callback

PLAIN = (bool, int, float, str, np.generic)
Change = tuple[Any, str, Any]  # object, name and value of an attribute
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


def part_values(model: Trainable) -> list[dict[str, Any]]:
    """Return hyper-parameters and other plain attributes of each part, as JSON values."""
    values = [_values(part) for part in _parts(model)]
    for table, layer in zip(values, model.layers, strict=False):
        table["trainable"] = layer.trainable
    return values


def changed_values(model: Trainable, saved: Sequence[Mapping[str, Any]]) -> list[Change]:
    """Return the assignments that turn the parts' values into those of `part_values`.

    Raise a UsageError if a value was replaced by an object of another class, which cannot be
    created from JSON.
    """
    parts = zip(_parts(model), saved, strict=True)
    return [change for part, values in parts for change in _changes(part, values)]


def _parts(model: Trainable) -> list[Any]:
    penalties = [parameter.regularizer for parameter in model.regularized]
    return [*model.layers, model.loss, model.optimizer, *model.metrics, *penalties]


def _values(part: Configured) -> dict[str, Any]:
    names = [name for name in vars(part) if name[0] != "_" and name not in ATTACHED]
    plain = {name: getattr(part, name) for name in names if isinstance(vars(part)[name], PLAIN)}
    return {name: to_json(value) for name, value in {**plain, **part.config()}.items()}


def _changes(part: Any, values: Mapping[str, Any]) -> Iterator[Change]:
    for name, value in values.items():
        present = getattr(part, name, None)
        if _is_same(present, value):
            continue
        given = value.get("class", value.get("function")) if isinstance(value, dict) else None
        if given is None:
            yield part, name, value
        elif isinstance(present, Configured) and given == type(present).__name__:
            yield from _changes(present, value["config"])
        else:
            raise UsageError(
                f"a callback replaced {type(part).__name__}.{name}, {present!r}, by a {given}, "
                "which a checkpoint cannot restore: give it to compile, or set it in the "
                "load_state_dict of the callback"
            )


def _is_same(present: Any, value: Any) -> bool:
    try:
        return repr(to_json(present)) == repr(value)  # of NaN too, unlike ==
    except UsageError:  # it has become an array
        return False
