"""Model files: safetensors with the architecture in the header, neither pickle nor code.

Copying and pickling a model use the same parts, because copies of its parameters would no longer
be views of one vector.
"""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from lamella.backend import Backend, get_backend
from lamella.backend.parameters import Parameter, State
from lamella.core.config import from_json, named_parts, to_json
from lamella.core.disk import as_path, write_atomically
from lamella.core.errors import ArgumentError, DivergenceWarning, FileFormatError, warn_user
from lamella.core.signatures import arguments_of, known_arguments
from lamella.core.validation import instance
from lamella.losses.target_kind import TargetKind
from lamella.network.arrays import expect_same
from lamella.network.trainable import Trainable
from lamella.network.trained_on import TrainedOn

FORMAT = "lamella-1"
OTHER_FORMATS = (".h5", ".keras", ".npz", ".onnx", ".pickle", ".pkl", ".pt", ".pth")
MOST = 2**53  # epochs, steps and draws


@known_arguments
def save(model: Trainable, path: Any) -> None:
    """Write a model to a safetensors file.

    The tensors are all parameters and states by name; the header has, as JSON, the layers with
    their hyper-parameters, loss, optimizer and metrics, and the progress of the training: epochs,
    position in the learning rate's schedule, random draws. The optimizer's moments are not saved.
    The file is written atomically. Weights that are not finite are saved with a DivergenceWarning.

    Parameters
    ----------
    model : Trainable
        A built model.
    path : path
        By convention it ends in ".safetensors"; the suffix of another format is refused.

    Raises
    ------
    UsageError
        If the model is not built, or the file cannot be written; an old file then remains.
    ArgumentError
        If ``path`` is no path, or has the suffix of another format.
    """
    from safetensors.numpy import save as serialize

    file = as_path(path)
    if file.suffix.lower() in OTHER_FORMATS:
        raise ArgumentError(
            f"models are saved as safetensors: write {file.stem}.safetensors for {file.name}; "
            "lm.export writes ONNX, Python, C and JavaScript"
        )
    instance("model", model, Trainable, "MLP()").built()
    model.expect_effective_parts()
    header, arrays = to_parts(model)
    damaged = [name for name, array in arrays.items() if not np.isfinite(array).all()]
    if damaged:
        warn_user(
            f"{path} will hold NaN or infinite numbers, in {damaged[0]}"
            f"{' and others' * (len(damaged) > 1)}: the training diverged",
            DivergenceWarning,
        )
    # One entry only: the order of several is not deterministic.
    content = serialize(arrays, {"lamella": json.dumps({"format": FORMAT, **header})})
    write_atomically(file, content)


def to_parts(model: Trainable) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the description of a model, as JSON values, and its arrays."""
    header: dict[str, Any] = {"model": to_json(model), "in_shape": None}
    if "layers" not in model.config():  # the constructor makes them, with its values
        header["layers"] = to_json(model.layers)
    frozen = [i for i, layer in enumerate(model.layers) if not layer.trainable]
    if frozen:
        header["frozen"] = frozen
    arrays: dict[str, np.ndarray] = {}
    if model.store is not None:
        header["in_shape"], arrays = list(model.in_shape), model.state_dict()
        header["progress"] = {
            "epochs_done": model.epochs_done,
            "compiled_at": model.compiled_at,
            "draws": [layer.rng.draws for layer in model.layers],
            "position": list(model.optimizer.position) if model.compiled else [0, 1, 0],
        }
    if model.trained_on is not None:
        header["trained_on"] = model.trained_on.to_json()
    if model.target_kind is not None:
        header["targets"] = model.target_kind.to_json()
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
    """Create a model from the result of `to_parts`.

    ``known`` has all classes and functions that the description may name. Raise a FileFormatError
    if it names another one, or is incomplete.
    """
    backend = get_backend(backend)
    known = {name: _with_backend(part, backend) for name, part in known.items()}
    if not isinstance(header, dict) or not isinstance(header.get("in_shape", 0), list | None):
        raise FileFormatError("the description of the model is incomplete")
    model = from_json(header.get("model"), known)
    if not isinstance(model, Trainable):
        raise FileFormatError(
            f"expected the description of a model, got {header.get('model')!r:.80}"
        )
    if "layers" in header:
        _set_values(model, from_json(header["layers"], known))
    for index in header.get("frozen", ()):
        model.layers[index].trainable = False
    compiled = header.get("compiled")
    if isinstance(compiled, dict):
        names = ("loss", "optimizer", "metrics")
        loss, optimizer, metrics = (from_json(compiled.get(name), known) for name in names)
        if not isinstance(metrics, list):
            raise FileFormatError(f"metrics must be a list, got {metrics!r}")
        model.compile(loss, optimizer, metrics)
    if header["in_shape"] is not None:
        model.declare(header["in_shape"])
        declared: list[Parameter | State] = [*model.parameters, *model.states]
        expect_same(arrays, declared)  # before building, which would trust the file's sizes
        model.build(header["in_shape"])
        model.load_state_dict(arrays)
        if "progress" in header:  # not in files of version 0.1.0
            _continue(model, header["progress"])
    if "trained_on" in header:  # not in files of version 0.1.0, nor of models that were not fitted
        model.trained_on = TrainedOn.from_json(header["trained_on"])
    if "targets" in header and model.compiled:
        model.follow_targets(TargetKind.from_json(header["targets"]))
    return model


def _set_values(model: Trainable, saved: Any) -> None:
    """Give the layers that a model's constructor made the hyper-parameters of the saved ones."""
    kinds = [type(layer) for layer in saved] if isinstance(saved, list) else []
    if kinds != [type(layer) for layer in model.layers]:
        raise FileFormatError(f"these are not the layers of a {type(model).__name__}: {kinds}")
    for layer, other in zip(model.layers, saved, strict=True):
        for name, value in other.config().items():
            setattr(layer, name, value)


def _continue(model: Trainable, progress: Any) -> None:
    """Continue the training of the saved model: its epochs, schedule and random streams."""
    try:
        draws, (epoch, steps, done) = progress["draws"], progress["position"]
        counts = [progress["epochs_done"], progress["compiled_at"], epoch, done, *draws]
        valid = all(type(n) is int and 0 <= n < MOST for n in [*counts, steps - 1])
        valid = valid and len(draws) == len(model.layers) and counts[1] <= counts[0]
    except (TypeError, ValueError, KeyError):
        valid = False
    if not valid:
        raise FileFormatError(f"the progress of the training is damaged: {progress!r:.80}")
    model.epochs_done, model.compiled_at = counts[:2]
    if model.compiled:
        model.optimizer.begin_epoch(epoch, steps, done)
    for layer, number in zip(model.layers, draws, strict=True):
        layer.rng.draws = number


def _with_backend(part: Callable[..., Any], backend: Backend) -> Callable[..., Any]:
    """Bind the backend of a model class; return all other parts unchanged."""
    if isinstance(part, type) and issubclass(part, Trainable) and "backend" in arguments_of(part):
        return partial(part, backend=backend)
    return part


def reduce(model: Trainable) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
    """Return the result of a model's ``__reduce__``: function, arguments and state."""
    header, arrays = to_parts(model)
    parts = [model.loss, model.optimizer, *model.metrics] if model.compiled else []
    known = named_parts([model, *model.layers, *parts])
    state: dict[str, Any] = {}
    if model.compiled and model.store is not None:
        state["optimizer"] = model.optimizer.state_dict()
    return from_parts, (header, arrays, known, model.backend), state


def restore(model: Trainable, state: dict[str, Any]) -> None:
    """Set the state from `reduce`, as ``__setstate__`` of a model."""
    if "optimizer" in state:
        position = model.optimizer.position
        model.optimizer.load_state_dict(state["optimizer"])  # counts steps from another start
        model.optimizer.begin_epoch(*position)
