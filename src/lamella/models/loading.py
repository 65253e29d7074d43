"""Load model files, which can name only the classes listed here or passed by the user."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import lamella.layers
import lamella.losses
import lamella.optimizers
from lamella.backend import Backend, get_backend
from lamella.core.config import limit_size
from lamella.core.disk import as_path, file_to_read
from lamella.core.errors import ArgumentError, FileFormatError
from lamella.core.signatures import known_arguments
from lamella.layers.initializers import INITIALIZERS
from lamella.layers.regularizers import L1, L1L2, L2
from lamella.losses.metrics import METRICS, TopK
from lamella.models.classifiers import MLP, SoftmaxClassifier
from lamella.models.sequential import Sequential
from lamella.network.model_file import FORMAT, from_parts
from lamella.optimizers import schedules
from lamella.training.augment import Augment

Part = Callable[..., Any]
MAX_HEADER = 2**20  # characters; 1,000 layers take a fifth of it
# Classes and functions that a file can name. Names in a file are never imported.
KNOWN: dict[str, Callable[..., Any]] = {
    **{name: getattr(lamella.layers, name) for name in lamella.layers.__all__},
    **{name: getattr(lamella.losses, name) for name in lamella.losses.__all__},
    **{name: getattr(lamella.optimizers, name) for name in lamella.optimizers.__all__},
    **{cls.__name__: cls for cls in (Sequential, MLP, SoftmaxClassifier)},
    **{cls.__name__: cls for cls in (*METRICS.values(), TopK)},
    **{cls.__name__: cls for cls in (L1, L2, L1L2, Augment)},
    **{name: getattr(schedules, name) for name in schedules.__all__},
    **INITIALIZERS,
}


@known_arguments
def load(
    path: Any,
    *,
    custom_layers: Mapping[str, Part] | Iterable[Part] | Part = (),
    backend: str | Backend = "auto",
) -> Any:
    """Load a model that `save` wrote; it makes the same predictions and can be trained further.

    `fit` continues its training: the epochs, the learning rate's schedule, the order of the data
    and the random draws go on where they were, while the optimizer's moments begin at 0. `compile`
    begins the schedule anew.

    Parameters
    ----------
    path : path
        A file, or a folder with one model: ``model.safetensors``, or the only one in it.
    custom_layers : classes (and functions)
        Custom layers, losses, optimizers, regularizers or initializers that the model uses: one,
        an iterable of them, or a dict by the name in the file.
    backend : {"auto", "numpy", "cupy"}
        Backend of the model.

    Returns
    -------
    Sequential, MLP or SoftmaxClassifier
        The class that was saved.

    Raises
    ------
    ArgumentError
        If ``custom_layers`` are no classes or functions.
    FileFormatError
        If the file is damaged, truncated or not a lamella model, or names an unknown class.
    """
    import safetensors

    custom, model_file = _by_name(custom_layers), file_to_read(_model_in(as_path(path)))
    try:
        with safetensors.safe_open(model_file, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise FileFormatError(f"cannot read {path}: {error}") from error
    except MemoryError:
        raise
    except Exception as error:  # the parser may raise any type
        raise FileFormatError(
            f"{path} is not a safetensors file, or is damaged: {error}"
        ) from error
    if "lamella" not in metadata:
        raise FileFormatError(
            f"{path} has tensors, but no lamella model: load a file that model.save wrote"
        )
    try:
        if len(metadata["lamella"]) > MAX_HEADER:
            raise FileFormatError(f"it is longer than {MAX_HEADER:,} characters")
        header = json.loads(metadata["lamella"])
        header = header if isinstance(header, dict) else {"format": header}
        limit_size(header)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"the header of {path} is damaged: {error}") from error
    if header.get("format") != FORMAT:
        raise FileFormatError(
            f"{path} is of format {header.get('format')!r:.80}, this version of lamella reads "
            f"{FORMAT!r}"
        )
    backend = get_backend(backend)
    try:
        return from_parts(header, arrays, {**KNOWN, **custom}, backend)
    except MemoryError:
        raise
    except Exception as error:  # custom classes may raise any type
        raise FileFormatError(f"{path} does not describe a valid model: {error}") from error


def _model_in(path: Path) -> Path:
    """Return the model in a folder, and any other path as it is."""
    if not path.is_dir():
        return path
    found = sorted(path.glob("*.safetensors"))
    named = path / "model.safetensors"
    if named not in found and len(found) != 1:
        names = f"several models: name one of {', '.join(file.name for file in found)}"
        raise FileFormatError(f"the folder {path} holds {names if found else 'no model'}")
    return named if named in found else found[0]


def _by_name(custom: Any) -> dict[str, Part]:
    """Return the user's classes and functions by name."""
    if isinstance(custom, Mapping):
        found = dict(custom)
    else:
        is_one = callable(custom) or not isinstance(custom, Iterable)
        parts = [custom] if is_one else list(custom)
        found = {getattr(part, "__name__", repr(part)): part for part in parts}
    for name, part in found.items():
        if not (isinstance(name, str) and callable(part) and hasattr(part, "__name__")):
            raise ArgumentError(
                f"custom_layers must be classes or functions, such as [MyLayer]; got {part!r}"
            )
    return found
