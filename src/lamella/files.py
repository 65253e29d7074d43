"""Models as files: safetensors, with the architecture in the header. Never pickle, never code."""

import functools
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import lamella.layers
import lamella.losses
import lamella.optimizers
from lamella.backend import Backend, get_backend
from lamella.classifiers import MLP, SoftmaxClassifier
from lamella.configured import expect_modest, from_json, to_json
from lamella.disk import write_atomically
from lamella.errors import FileFormatError
from lamella.initializers import INITIALIZERS
from lamella.metrics import Accuracy
from lamella.model import Sequential
from lamella.regularizers import L1, L1L2, L2
from lamella.schedules import CosineDecay, ExponentialDecay, InverseDecay, StepDecay, Warmup

FORMAT = "lamella-1"
MOST_TEXT = 2**20  # characters of a description: 1,000 layers take a fifth of it
SCHEDULES = (CosineDecay, ExponentialDecay, InverseDecay, StepDecay, Warmup)

# All that a file can name. Nothing is ever imported or looked up because a file says so.
KNOWN: dict[str, Callable[..., Any]] = {
    **{name: getattr(lamella.layers, name) for name in lamella.layers.__all__},
    **{name: getattr(lamella.losses, name) for name in lamella.losses.__all__},
    **{name: getattr(lamella.optimizers, name) for name in lamella.optimizers.__all__},
    **{cls.__name__: cls for cls in (Sequential, MLP, SoftmaxClassifier, Accuracy)},
    **{cls.__name__: cls for cls in (L1, L2, L1L2)},
    **{cls.__name__: cls for cls in SCHEDULES},
    **INITIALIZERS,
}


def save(model: Sequential, path: Any) -> None:
    """Write a model to a safetensors file.

    The tensors are all parameters and states by name; the header holds, as JSON, the layers with
    their hyper-parameters, loss, optimizer and metrics. The optimizer's moments are not kept. The
    file is written whole or not at all.

    Parameters
    ----------
    model : Sequential
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


def load(
    path: Any,
    *,
    custom_layers: Iterable[Callable[..., Any]] = (),
    backend: str | Backend = "auto",
) -> Any:
    """Read a model that `save` wrote; it predicts the same, and can be trained on.

    Parameters
    ----------
    path : path
    custom_layers : iterable of classes (and functions)
        Your own layers, losses, optimizers, regularizers or initializers that the model uses.
    backend : {"auto", "numpy", "cupy"}
        Where it shall compute.

    Returns
    -------
    Sequential, MLP or SoftmaxClassifier
        As it was saved.

    Raises
    ------
    FileFormatError
        If the file is damaged, truncated or not lamella's, or names a class that is not known.
    """
    import safetensors

    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise
    except OSError as error:
        raise FileFormatError(f"cannot read {path}: {error}") from error
    except MemoryError:
        raise
    except Exception as error:  # a foreign parser's, of whatever kind
        raise FileFormatError(
            f"{path} is no safetensors file, or a damaged one: {error}"
        ) from error
    if "lamella" not in metadata:
        raise FileFormatError(
            f"{path} holds tensors, but no lamella model: only what model.save wrote can be loaded"
        )
    try:
        if len(metadata["lamella"]) > MOST_TEXT:
            raise FileFormatError(f"it is longer than {MOST_TEXT:,} characters")
        header = json.loads(metadata["lamella"])
        expect_modest(header if isinstance(header, dict) else {})
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"the header of {path} is damaged: {error}") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        found = header.get("format") if isinstance(header, dict) else header
        raise FileFormatError(
            f"{path} is of format {found!r:.80}, this version of lamella reads {FORMAT!r}"
        )
    own = {item.__name__: item for item in custom_layers}
    backend = get_backend(backend)
    try:
        return from_parts(header, arrays, own, backend)
    except MemoryError:
        raise
    except Exception as error:  # classes of one's own raise what they like at strange arguments
        raise FileFormatError(f"{path} describes no model that can be made: {error}") from error


def to_parts(model: Sequential) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
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
    own: Mapping[str, Callable[..., Any]],
    backend: str | Backend = "auto",
) -> Sequential:
    """Undo `to_parts`; ``own`` holds classes and functions that are not lamella's, by name."""
    known = {**KNOWN, **own}
    for name in ("Sequential", "MLP", "SoftmaxClassifier"):
        known[name] = _on(backend, KNOWN[name])
    if not isinstance(header, dict) or not isinstance(header.get("in_shape", 0), list | None):
        raise FileFormatError("the description of the model is incomplete")
    model = from_json(header.get("model"), known)
    if not isinstance(model, Sequential):
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


def _on(backend: str | Backend, cls: Callable[..., Any]) -> Callable[..., Any]:
    return functools.partial(cls, backend=get_backend(backend))
