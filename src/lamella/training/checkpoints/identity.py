"""Identity of a training: two trainings with equal identities compute the same bits."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lamella.core.config import to_json
from lamella.network.batches import Data
from lamella.network.trainable import Trainable
from lamella.training.callbacks.base import Callback

DESCRIPTIONS = {
    "model": "layers, seed or dtype",
    "begun": "epochs trained before",
    "start": "initial weights or moments",
    "data": "the training data",
    "validation": "the validation data",
}
CLASS_NAMES = {"ModelCheckpoint": "Checkpoint"}  # in files; renamed since


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
    names = [type(callback).__name__ for callback in callbacks]
    start["draws"] = np.array([layer.rng.draws for layer in model.layers])
    return {
        "model": to_json(model),
        "loss": to_json(model.loss),
        "optimizer": to_json(model.optimizer),
        "metrics": [to_json(metric) for metric in model.metrics],
        "begun": [model.epochs_done, model.compiled_at],
        "start": digest(start),
        "data": digest({"rows": rows, **_arrays(data, host)}),
        "validation": digest(_arrays(validation, host)) if validation else "none",
        "callbacks": [CLASS_NAMES.get(name, name) for name in names],
        **options,
    }


def identity_differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """Return descriptions of the parts in which two identities differ."""
    names = [name for name in here if there.get(name) != here[name]]
    return [DESCRIPTIONS.get(name, name.replace("_", " ")) for name in names]


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
