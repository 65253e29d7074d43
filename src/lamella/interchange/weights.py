"""Weights from and to PyTorch, Keras and scikit-learn, none of which is imported.

Weights do not say which activations lie between them, nor eps and momentum of a BatchNorm: compare
some predictions. ``BatchNorm(momentum=0.9, eps=1e-5)``, the default here, equals torch's default
``BatchNorm1d(momentum=0.1, eps=1e-5)``, whose momentum is the weight of the new value, and
``BatchNormalization(momentum=0.9, epsilon=1e-5)`` of Keras, whose defaults are 0.99 and 1e-3.
"""

import re
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np

from lamella.backend.parameters import Parameter, State
from lamella.core.disk import as_path, file_to_read, write_atomically
from lamella.core.errors import ArgumentError, DataError, FileFormatError, ShapeError
from lamella.core.signatures import known_arguments
from lamella.core.validation import instance
from lamella.network.arrays import to_numpy
from lamella.network.model_file import OTHER_FORMATS
from lamella.network.network import Network

TORCH = {"W": "weight", "gamma": "weight", "b": "bias", "beta": "bias"}
COUNTER = "num_batches_tracked"  # of torch's BatchNorm, used only with momentum=None


@known_arguments
def to_torch(model: Network, path: Any = None) -> dict[str, np.ndarray]:
    """Return the state_dict of a ``torch.nn.Sequential`` with the same layers.

    ``load_state_dict`` takes ``{name: torch.from_numpy(array)}`` of it. With a ``path``, write it
    as a safetensors file, too.
    """
    file = None if path is None else as_path(path)
    if file is not None and file.suffix.lower() in OTHER_FORMATS:
        raise ArgumentError(
            f"weights are written as safetensors: write {file.stem}.safetensors for {file.name}"
        )
    arrays: dict[str, np.ndarray] = {}
    for part in _parts(model):
        layer, own = _place(part)
        name = f"{layer}.{TORCH.get(own, own)}"
        if name in arrays:
            raise ShapeError(f"two arrays, of which {part.name} is one, would be {name} of torch")
        value = model.backend.to_host(part.value)
        arrays[name] = np.array(value.T if own == "W" else value, order="C")
        if own == "running_var":
            arrays[f"{layer}.{COUNTER}"] = np.array(0)
    if file is not None:
        from safetensors.numpy import save

        write_atomically(file, save(arrays))
    return arrays


@known_arguments
def from_torch(model: Network, state: Any) -> None:
    """Copy the weights of a torch module into a built model of the same architecture.

    Parameters
    ----------
    model : Sequential
        It stays as it is if there is an error.
    state : dict or path
        ``module.state_dict()``, with layers of any names in their order; or a safetensors file of
        it. A file has no order, so its layers must be numbered, such as fc1 and fc2.

    Raises
    ------
    ShapeError
        If the architectures differ.
    DataError
        If weights are not finite or no numbers, or layers of a file are not numbered.
    FileFormatError
        If the file is no safetensors file, or one of `lamella.save`.
    """
    state = _read(state) if isinstance(state, str | PathLike) else state
    table = instance("state", state, Mapping, "module.state_dict()")
    inner = next((key for key, value in table.items() if isinstance(value, Mapping)), None)
    if inner is not None:
        raise ArgumentError(f"state has more than the state_dict: give from_torch state[{inner!r}]")
    arrays = {str(k): array for k, array in table.items() if not str(k).endswith(COUNTER)}
    places = [_place(part) for part in _parts(model)]
    ours = list(dict.fromkeys(layer for layer, _ in places))
    theirs = list(dict.fromkeys(key.rpartition(".")[0] for key in arrays))
    if len(ours) != len(theirs):
        labels = [f"{i} {type(model.layers[int(i)]).__name__}" for i in ours]
        raise ShapeError(
            f"the model has {len(ours)} layers with weights ({', '.join(labels)}), the state_dict "
            f"{len(theirs)} ({', '.join(theirs)})"
        )
    layers = dict(zip(ours, theirs, strict=True))
    # A single module has names without a layer, "weight" and "bias".
    names = [f"{layers[i]}.{TORCH.get(own, own)}".removeprefix(".") for i, own in places]
    if {*names} != arrays.keys():
        missing, unknown = sorted({*names} - arrays.keys()), sorted(arrays.keys() - {*names})
        raise ShapeError(f"the layers differ: missing {missing}, unknown {unknown}")
    _assign(model, [(name, arrays[name]) for name in names], transposed="W")


@known_arguments
def to_keras(model: Network) -> list[np.ndarray]:
    """Return the list that ``set_weights`` of a Keras model takes."""
    return [np.array(model.backend.to_host(part.value)) for part in _parts(model)]


@known_arguments
def from_keras(model: Network, weights: Sequence[Any]) -> None:
    """Copy ``get_weights()`` of a Keras model into a built model of the same architecture.

    Raises as `from_torch`.
    """
    _assign(model, _named("weights", weights))


@known_arguments
def to_sklearn(model: Network) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return ``coefs_`` and ``intercepts_`` of an MLPClassifier or MLPRegressor.

    Raises a ShapeError if the model has other weights than those of `Dense` layers with biases.
    """
    parts = _parts(model)
    if [_place(part)[1] for part in parts] != ["W", "b"] * (len(parts) // 2):
        raise ShapeError(
            "networks of scikit-learn have W and b in each layer, this one has "
            f"{', '.join(part.name for part in parts)}"
        )
    arrays = to_keras(model)
    return arrays[::2], arrays[1::2]


@known_arguments
def from_sklearn(model: Network, coefs: Sequence[Any], intercepts: Sequence[Any]) -> None:
    """Copy ``coefs_`` and ``intercepts_`` of an estimator into a built model of `Dense` layers.

    Of a LogisticRegression, give ``[coef_.T]`` and ``[intercept_]``. Raises as `from_torch`.
    """
    matrices, biases = _named("coefs", coefs), _named("intercepts", intercepts)
    if len(matrices) != len(biases):
        raise ShapeError(f"there are {len(matrices)} coefs, but {len(biases)} intercepts")
    _assign(model, [item for pair in zip(matrices, biases, strict=True) for item in pair])


def _parts(model: Network) -> list[Parameter | State]:
    """Return parameters, then states, of each layer: the order of torch and Keras."""
    instance("model", model, Network, "lm.load(path)").built()
    parts: list[Parameter | State] = []
    for layer in model.layers:
        parts += [*layer.parameters, *layer.states]
    return parts


def _named(name: str, given: Any) -> list[tuple[str, Any]]:
    """Return the arrays of a list, with their places in it as names."""
    arrays = instance(name, given, Sequence, "[W, b]")
    return [(f"{name}[{i}]", array) for i, array in enumerate(arrays)]


def _place(part: Parameter | State) -> tuple[str, str]:
    """Return the number of an array's layer, and its name there."""
    return part.name.partition(".")[0], part.name.rpartition(".")[2]


def _assign(model: Network, given: Sequence[tuple[str, Any]], transposed: str = "") -> None:
    """Set all values in the order of `_parts`, or none and raise an error."""
    parts, arrays = _parts(model), {}
    if len(parts) != len(given):
        names = ", ".join(part.name for part in parts)
        raise ShapeError(f"got {len(given)} arrays, the model has {len(parts)}: {names}")
    for part, (name, value) in zip(parts, given, strict=True):
        own, array = _place(part)[1], _to_numpy(name, value)
        array = array.T if own == transposed else array
        if array.shape != part.shape:
            raise ShapeError(
                f"{part.name} has shape {part.shape}, but {name} {array.shape}: the layers differ "
                "in width, kind or order"
            )
        with np.errstate(over="ignore"):
            arrays[part.name] = array.astype(model.dtype)
        if not np.isfinite(arrays[part.name]).all():
            raise DataError(f"{name} has NaN, or numbers too large for {model.dtype}")
        if own == "running_var" and array.min() < 0:
            raise DataError(f"{name} is a variance, but has the negative number {array.min():g}")
    model.load_state_dict(arrays)


def _to_numpy(name: str, value: Any) -> np.ndarray:
    """Return an array, or a tensor of torch on any device."""
    if str(getattr(value, "dtype", "")) == "bfloat16":  # which only other libraries' arrays have
        value = np.asarray(value).astype(float)
    if hasattr(value, "detach"):
        try:
            value = value.detach().cpu()
            value = value.double() if value.is_floating_point() else value
        except RuntimeError as error:
            raise DataError(f"{name} cannot be read as an array: {error}") from error
    return to_numpy(name, value)


def _read(path: Any) -> dict[str, np.ndarray]:
    """Return the arrays of a safetensors file in the order of the numbers in their names."""
    import safetensors

    file = file_to_read(path)
    try:
        with safetensors.safe_open(file, framework="numpy") as content:
            is_model = "lamella" in (content.metadata() or {})
            arrays = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118
    except MemoryError:
        raise
    except TypeError as error:  # bfloat16 and the like
        raise DataError(
            f"{path} has numbers that numpy does not: {error}. Give from_torch the dict of "
            "safetensors.torch.load_file(path)"
        ) from error
    except Exception as error:  # the parser may raise any type
        raise FileFormatError(
            f"{path} is not a safetensors file: {error}. Of a file of torch.save, give from_torch "
            "the dict torch.load(path)"
        ) from error
    if is_model:
        raise FileFormatError(f"{path} is a model of lamella: use lm.load(path)")
    layers = {name.rpartition(".")[0] for name in arrays}
    if len({re.sub(r"\d+", "", layer) for layer in layers}) > 1:
        raise DataError(
            f"{path} has layers {', '.join(sorted(layers))}, and a file does not say their order: "
            "give from_torch a dict in the order of the layers"
        )
    return dict(sorted(arrays.items(), key=lambda item: [*map(int, re.findall(r"\d+", item[0]))]))
