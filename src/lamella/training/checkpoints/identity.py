"""Identity of a training: two trainings with equal identities compute the same bits."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lamella.core.config import named_parts, to_json
from lamella.core.signatures import arguments_of
from lamella.network.batches import Data
from lamella.network.trainable import Trainable
from lamella.training.callbacks import Callback, LambdaCallback
from lamella.training.checkpoints.code_digest import changed_code, code_digests

PLAIN = (bool, int, float, str, np.generic, type(None))
DESCRIPTIONS = {
    "model": "layers, seed or dtype",
    "frozen": "frozen layers",
    "begun": "epochs trained before",
    "start": "initial weights or moments",
    "data": "the training data",
    "validation": "the validation data",
}


def identity(
    model: Trainable,
    data: Data,
    validation: Data | None,
    rows: np.ndarray,
    callbacks: Sequence[Callback],
    **options: Any,
) -> dict[str, Any]:
    """Return everything that determines a training as JSON values; arrays by their SHA-256."""
    host = model.backend.to_host
    start = {**model.state_dict(), **model.optimizer.state_dict()}
    kinds: list[Any] = [type(callback) for callback in callbacks]
    for callback in callbacks:
        kinds += callback.hooks.values() if isinstance(callback, LambdaCallback) else []
    penalties = [parameter.regularizer for parameter in model.regularized]
    parts = named_parts(
        [model, *model.layers, model.loss, model.optimizer, *model.metrics, *penalties]
    )
    start["draws"] = np.array([layer.rng.draws for layer in model.layers])
    return {
        "model": [to_json(model), to_json(model.layers)],
        "frozen": [layer.trainable for layer in model.layers],
        "loss": to_json(model.loss),
        "optimizer": to_json(model.optimizer),
        "metrics": [to_json(metric) for metric in model.metrics],
        "begun": [model.epochs_done, model.compiled_at],
        "start": digest(start),
        "data": digest({"rows": rows, **_arrays(data, host)}),
        "validation": digest(_arrays(validation, host)) if validation else "none",
        "callbacks": [_described(callback) for callback in callbacks],
        "code": code_digests(parts.values()) | code_digests(kinds, numbers=False),
        **options,
    }


def identity_differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """Return descriptions of the parts in which two identities differ."""
    names = [name for name in here if name != "code" and there.get(name) != here[name]]
    descriptions = {
        **DESCRIPTIONS,
        "callbacks": _changed_callbacks(there["callbacks"], here["callbacks"]),
    }
    found = [descriptions.get(name, name.replace("_", " ")) for name in names]
    changed = changed_code(there.get("code", {}), here["code"])
    return [*found, *(f"the code of {name}" for name in changed)]


def _described(callback: Callback) -> list[Any]:
    """Return the class of a callback, and its arguments that are numbers, text or None."""
    arguments = arguments_of(type(callback)) if callback.changes_training else ()
    names = [name for name in arguments if name in vars(callback)]
    held = {name: vars(callback)[name] for name in names}
    plain = {name: to_json(value) for name, value in held.items() if isinstance(value, PLAIN)}
    return [type(callback).__name__, plain]


def _changed_callbacks(there: Sequence[Any], here: Sequence[Any]) -> str:
    """Return the first difference between the callbacks of two identities."""
    if len(there) == len(here):
        for (kind, old), (other, new) in zip(there, here, strict=True):
            for name in [name for name in new if kind == other and old.get(name) != new[name]]:
                return f"{kind}({name}={new[name]!r}), before {old.get(name)!r}"
    return "callbacks"


def digest(arrays: Mapping[str, np.ndarray]) -> str:
    """Return the SHA-256 of arrays with their names, dtypes and shapes."""
    total = hashlib.sha256()
    for name, array in arrays.items():
        total.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        total.update(np.array(array, order="C", copy=None).data)
    return total.hexdigest()


def _arrays(data: Data, host: Any) -> dict[str, np.ndarray]:
    parts = {"x": data.x, "y": data.y, "weight": data.weight}
    return {name: host(array) for name, array in parts.items() if array is not None}
