"""Lists of a network: its layers, with their checks, and its parameters."""

from collections.abc import Iterable, Sequence
from operator import is_
from typing import Any

from lamella.backend.parameters import Parameter
from lamella.core.errors import ArgumentError, UsageError
from lamella.core.validation import instance
from lamella.layers import Layer

MOST_LAYERS = 1000  # each layer has a few KB of its own, which a file of a few bytes can ask for


class Parameters(list[Parameter]):
    """Parameters of a model. A call of them raises an error, since PyTorch has a method there."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise UsageError(
            "model.parameters is a list, without (); an optimizer gets them by itself, as in "
            "model.compile(loss, Adam(1e-3))"
        )


def check_layers(given: Any) -> list[Layer]:
    """Return layers as a list; raise an error unless there are some, each a layer and new."""
    if isinstance(given, Layer | type) or not isinstance(given, Iterable):
        raise ArgumentError(f"layers must be a list, such as [Dense(10)]; got {given!r:.200}")
    layers = [instance(f"layer {i}", layer, Layer, "Dense(10)") for i, layer in enumerate(given)]
    if not layers:
        raise UsageError("a model needs at least one layer: write Sequential([Dense(10)])")
    if len(layers) > MOST_LAYERS:
        raise UsageError(f"a model can have at most {MOST_LAYERS:,} layers, got {len(layers):,}")
    for i, layer in enumerate(layers):
        first = next(j for j, other in enumerate(layers) if other is layer)
        if first != i:
            raise UsageError(
                f"layers {first} and {i} are the same {type(layer).__name__} object: a layer "
                "holds its own parameters, make one for each place"
            )
    return layers


def expect_built(layers: Sequence[Layer], built: Sequence[Layer]) -> None:
    """Raise a UsageError if the layers of a model are not those that it was built of."""
    if len(layers) != len(built) or not all(map(is_, layers, built)):
        raise UsageError(
            "model.layers was changed after the model was built: make a new Sequential of new "
            "layers, and copy the values of their parameters"
        )
