"""Description of a trained model, from which all exports are written."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lamella.core.errors import ArgumentError, DataError, UsageError
from lamella.core.typing import Shape
from lamella.core.validation import instance, texts
from lamella.core.version import __version__
from lamella.interchange.graph import Graph, Symbol
from lamella.network.model_file import from_parts, reduce
from lamella.network.summary import layer_table
from lamella.network.trainable import Trainable
from lamella.network.trained_on import predicts_numbers

SAMPLES = 8  # random ones, on which inference is compared with forward
TOLERANCE = {"float32": 1e-4, "float64": 1e-9}  # relative to the largest output


@dataclass
class Description:
    """Operations of a model up to its probabilities, and all else that an export says.

    ``images`` says whether the model was trained on uint8 images; ``columns`` are the names of its
    features, if it was trained on a table. ``class_names`` are empty if the outputs are no classes.
    """

    graph: Graph
    dtype: np.dtype
    images: bool
    columns: tuple[str, ...]
    class_names: list[str]
    table: str

    @property
    def shapes(self) -> tuple[Shape, Shape]:
        """Shapes of a sample's inputs and outputs."""
        return self.graph.operations[0].shape, self.graph.operations[-1].shape

    @property
    def sizes(self) -> tuple[int, int]:
        """Number of a sample's inputs and outputs."""
        return math.prod(self.shapes[0]), math.prod(self.shapes[1])

    def expect_size(self, limit: int, reason: str) -> None:
        """Raise a UsageError if the arrays have more bytes than a format can hold."""
        size = self.dtype.itemsize * sum(array.size for array in self.graph.arrays.values())
        if size > limit:
            raise UsageError(
                f"the weights have {size / 1e9:.1f} GB, {reason}: export to another format"
            )

    def head(self, *usage: str) -> str:
        """Return a comment on the model and its usage: lines of printable ASCII, with escapes."""
        lines = [
            f"Predictor of a network that was trained with lamella {__version__}.",
            *("", *self.table.split("\n"), ""),
            f"Input: samples of shape {self.shapes[0]}. Bytes are pixels and are divided by 255;",
            "all other numbers are used as they are. The network was trained on "
            f"{'bytes' if self.images else 'numbers as they are'}.",
            *([f"Columns: {', '.join(self.columns)}."] if self.columns else []),
            f"Output: shape {self.shapes[1]}, probabilities if the network was trained on classes.",
            *([f"Classes: {', '.join(self.class_names)}."] if self.class_names else []),
            *("", *usage),
        ]
        text = "\n".join(line.encode("unicode_escape").decode() for line in lines)
        text = re.sub(r"\?(?=\?)", "? ", text).replace('"""', "'''")
        return text.replace("*/", "* /").replace("/*", "/ *")


def describe(given: Any, class_names: Iterable[str] | None = None) -> Description:
    """Return the description of a built model; `lamella.export` lists arguments and errors."""
    instance("model", given, Trainable, "lm.load(path)").built()
    given.expect_effective_parts()
    _, (header, arrays, classes, _), _ = reduce(given)
    model = from_parts(header, arrays, classes, "numpy")  # a copy, whose layers may keep symbols
    known = {part.name: part.value for part in (*model.parameters, *model.states)}
    for name, value in known.items():
        if not np.isfinite(value).all():
            raise DataError(
                f"{name} has NaN or infinite numbers: the training diverged. Restore earlier "
                "weights, or train with a smaller learning rate"
            )
    graph = Graph(model.in_shape, model.dtype, known)
    seen, x = model.trained_on, Symbol(graph, 0)
    rows = np.random.default_rng(0).standard_normal((SAMPLES, *model.in_shape))
    rows = (rows * (seen.typical if seen else 1)).astype(model.dtype)
    with np.errstate(all="ignore"):
        for i, layer in enumerate(model.layers):
            label = f"{i} {re.sub(r'[^A-Za-z0-9_]', '_', type(layer).__name__)}"
            try:
                y = graph.apply(layer.inference, x, model.shapes[i + 1], label)
                outputs = np.array(layer.forward(rows, training=False), model.dtype)
                _expect_equal(graph.evaluate(x, rows, y), outputs, "inference and its forward")
            except Exception as error:  # custom layers may raise any type
                raise UsageError(
                    f"layer {label} cannot be exported: {error}. Write its outputs after training "
                    "as a formula of numpy in a method inference(self, x)"
                ) from error
            x, rows = y, outputs
        if model.compiled:
            try:
                y = graph.apply(model.loss.probabilities, x, x.shape, "probabilities")
                outputs = np.asarray(model.loss.probabilities(rows))
                _expect_equal(graph.evaluate(x, rows, y), outputs, "formula and its results")
                x = y
            except Exception as error:  # of custom losses
                raise UsageError(
                    f"{type(model.loss).__name__}.probabilities cannot be exported: {error}"
                ) from error
    graph.prune(x)
    names = _class_names(model, class_names)
    images, columns = (seen.images, seen.columns) if seen else (False, ())
    return Description(graph, model.dtype, images, columns, names, layer_table(model))


def _expect_equal(found: np.ndarray, outputs: np.ndarray, what: str) -> None:
    size = abs(outputs[np.isfinite(outputs)]).max(initial=1.0)
    limit = TOLERANCE[outputs.dtype.name] * size
    if not np.isclose(found, outputs, rtol=0, atol=limit, equal_nan=True).all():
        raise UsageError(f"its {what} differ by {abs(found - outputs).max():.3g}")


def _class_names(model: Trainable, given: Iterable[str] | None) -> list[str]:
    shape = model.shapes[-1]
    count = shape[0] if len(shape) == 1 else 0
    if given is None:
        numbers = count < 2 or predicts_numbers(model)
        return [] if numbers else [str(number) for number in range(count)]
    names = texts("class_names", given)
    wanted = 2 if count == 1 else count
    if len(names) != wanted:
        raise ArgumentError(
            f"class_names must have {wanted} names for outputs of shape {shape}, got {names!r:.200}"
        )
    return names
