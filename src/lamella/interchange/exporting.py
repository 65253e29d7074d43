"""Export of trained models: ONNX, and predictors that do without lamella."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lamella.core.disk import as_path, file_to_write, write_atomically
from lamella.core.errors import ArgumentError
from lamella.core.names import did_you_mean
from lamella.core.signatures import known_arguments
from lamella.interchange.c_source import c_source
from lamella.interchange.description import describe
from lamella.interchange.javascript_source import javascript_source
from lamella.interchange.numpy_source import numpy_source
from lamella.interchange.onnx_file import onnx_file
from lamella.network.model_file import OTHER_FORMATS

SUFFIXES = {".py": "numpy", ".c": "c", ".js": "js", ".onnx": "onnx"}


@known_arguments
def export(
    model: Any, path: Any, *, to: str | None = None, class_names: Sequence[str] | None = None
) -> None:
    """Write a trained model as one file that predicts without lamella.

    - "numpy" (.py): a module of Python that imports numpy only
    - "c" (.c): C99 with the weights in it; the functions begin with the file's name, such as
      digits_predict in digits.c
    - "js" (.js): a script that defines, for digits.js, digits_model in a page, and is a module in
      node
    - "onnx" (.onnx): see `export_onnx`

    The head of each file describes layers, inputs, outputs and usage. Outputs are those of
    `Sequential.predict_proba`, or of `Sequential.predict` if the model is not compiled.

    Parameters
    ----------
    model : Sequential
        A built model. Layers of your own may need a method: see `Layer.inference`.
    path : path
    to : {"numpy", "c", "js", "onnx"}, optional
        By default, the suffix of the path decides.
    class_names : sequence of str, optional
        One for each output; two, no and yes, if there is a single output. By default numbers, if
        the model was not trained on other targets.

    Raises
    ------
    ArgumentError
        If there is no such format, the file has the name of another one, or the names do not fit.
    UsageError
        If the model is not built, a layer cannot be exported, or the file cannot be written.
    DataError
        If weights are not finite.
    """
    file = as_path(path)
    kind = SUFFIXES.get(file.suffix.lower(), "") if to is None else to
    if kind not in SUFFIXES.values():
        raise ArgumentError(
            f"models are exported to {', '.join(SUFFIXES.values())} (files {', '.join(SUFFIXES)}), "
            f"got {file.name if to is None else to!r}{did_you_mean(to, SUFFIXES.values())}"
        )
    if kind == "onnx":
        return export_onnx(model, file, class_names=class_names)
    _expect_own_suffix(file, kind)
    file_to_write(file)
    description = describe(model, class_names)
    stem = re.sub(r"\W", "_", file.stem, flags=re.ASCII).strip("_")
    stem = stem if stem[:1].isalpha() else f"model_{stem}".rstrip("_")
    if kind == "numpy":
        text = numpy_source(description)
    elif kind == "c":
        text = c_source(description, stem)
    else:  # no word that a page or JavaScript reserves ends in _model
        text = javascript_source(description, f"{stem}_model")
    return write_atomically(file, text.encode())


@known_arguments
def export_onnx(
    model: Any,
    path: Any,
    *,
    uint8: bool | None = None,
    opset: int = 18,
    class_names: Sequence[str] | None = None,
) -> None:
    """Write a trained model as an ONNX file, checked by onnx (extra ``onnx``).

    The input is ``x`` (N, ...) with any N, the output ``y``. Model, names and errors are those of
    `export`; the names are in the metadata, as a JSON list.

    Parameters
    ----------
    uint8 : bool, optional
        Whether ``x`` are bytes, which the file divides by 255, or numbers of the model's dtype. By
        default, as in the training.
    opset : int
        Version of ONNX's operations, from 18 to the latest that onnx and lamella know.

    Raises
    ------
    MissingExtraError
        If onnx is not installed.
    """
    file = as_path(path)
    _expect_own_suffix(file, "onnx")
    file_to_write(file)
    write_atomically(file, onnx_file(describe(model, class_names), uint8, opset))


def _expect_own_suffix(file: Path, kind: str) -> None:
    """Raise an ArgumentError if the suffix of a file says that it holds something else."""
    own = next(suffix for suffix, other in SUFFIXES.items() if other == kind)
    if file.suffix.lower() in {".safetensors", *OTHER_FORMATS, *SUFFIXES} - {own}:
        raise ArgumentError(f"{file.name} is no name for {kind}: write {file.stem}{own}")
