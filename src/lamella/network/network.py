"""Layers in a row, as one computation: shapes, parameters, forward and backward."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from lamella.backend import Backend, get_backend
from lamella.backend.parameters import Parameter, ParameterStore, State
from lamella.backend.workspace import replayable
from lamella.core.config import Configured
from lamella.core.descriptors import fixed
from lamella.core.errors import CheckWarning, ShapeError, UsageError, warn_user
from lamella.core.seeds import Streams
from lamella.core.signatures import arguments_of, known_arguments
from lamella.core.typing import Array, Shape
from lamella.core.validation import at_least, one_of, sizes
from lamella.layers import Layer
from lamella.losses.target_kind import TargetKind
from lamella.network.arrays import expect_same
from lamella.network.attributes import expect_effective
from lamella.network.batches import Batches, check_inputs
from lamella.network.layer_list import Parameters, check_layers, expect_built
from lamella.network.replay import replay_forward
from lamella.network.summary import layer_html, layer_table, summary
from lamella.network.trained_on import TrainedOn, expect_classes
from lamella.network.turns import Turns

EVALUATION_BATCH = 512  # a few hundred rows stay in the caches


class Network(Configured):
    """Layers in a row that share one flat vector of parameters and one of gradients.

    `lamella.Sequential`, which can be trained, describes the hyper-parameters.
    """

    layers: list[Layer] = fixed()
    seed: int = fixed()
    backend: Backend = fixed()
    dtype: np.dtype = fixed()
    pred: Array
    threshold: float = 0.5  # output above which a single answer is yes

    def __init__(
        self,
        layers: Sequence[Layer] = (),
        *,
        seed: int | None = None,
        backend: str | Backend = "auto",
        dtype: str = "float32",
    ) -> None:
        self.layers = check_layers(layers)
        self.streams = Streams(seed)
        self.seed = self.streams.seed
        self.backend = get_backend(backend)
        self.dtype = np.dtype(one_of("dtype", dtype, ("float32", "float64")))
        self.store: ParameterStore | None = None
        self.batches = Batches(self.backend, self.dtype)
        self.passes = 0
        self.last_call: object = None  # of the replays
        self.turns = Turns()
        self.trained_on: TrainedOn | None = None
        self.target_kind: TargetKind | None = None  # of the last training
        self.warned_of: list[str] = []

    def config(self) -> dict[str, Any]:
        arguments = arguments_of(type(self))
        is_open = any(argument.kind is argument.VAR_KEYWORD for argument in arguments.values())
        if not (is_open or {"layers", "seed", "dtype"} <= arguments.keys()):
            taken = ", ".join(arguments) or "nothing"
            raise UsageError(
                f"{type(self).__name__}.__init__ takes {taken}, which copies and files need: write "
                "a method config(self) that returns these by name, but for backend"
            )
        return {"layers": self.layers, "seed": self.seed, "dtype": self.dtype.name}

    @known_arguments
    def build(self, in_shape: Shape) -> Self:
        """Infer all shapes, make the parameters and draw their start values.

        Memory is allocated after all layers have declared their parameters.

        Parameters
        ----------
        in_shape : tuple of int
            Of one sample, without the batch axis, such as (28, 28).

        Raises
        ------
        ArgumentError
            If ``in_shape`` is none; a built model stays as it is.
        ShapeError
            If a layer does not accept the output shape of the previous one.
        """
        in_shape = sizes("in_shape", in_shape)
        try:
            self._build(in_shape)
        except BaseException:  # Ctrl-C too: a half-built model must be built again
            self.store = None
            raise
        return self

    def _build(self, in_shape: Shape) -> None:
        self.declare(in_shape)
        self._built_layers = tuple(self.layers)
        self.layer_outputs: list[Array] = [None] * len(self.layers)
        self.store = ParameterStore(self.parameters, self.backend, self.dtype)
        self.store.initialize(self.streams)
        for state in self.states:
            state.allocate(self.backend, self.dtype)
        self.regularized = [p for p in self.store if p.regularizer is not None]
        self.follow_trainable()
        self._evaluate = replay_forward(self)

    def follow_trainable(self) -> None:
        """Compute from now on the gradients that layers that are `Layer.trainable` need."""
        if self.store is None:
            return
        having = [i for i, layer in enumerate(self.layers) if layer.parameters]
        trained = [i for i in having if self.layers[i].trainable]
        # Layers before the first trained one need no gradient, and that one need give none.
        self._first = next(iter([*trained, *having]), 0)
        for i, layer in enumerate(self.layers):
            layer.needs_dx = i > self._first
        penalized = [p for p in self.regularized if p.trainable]
        self._regularize = [p.regularizer.compile_rule(p, self.backend) for p in penalized]

    def declare(self, in_shape: Shape) -> None:
        """Let every layer declare its parameters and states for samples of ``in_shape``."""
        self.in_shape = sizes("in_shape", in_shape)
        self.shapes = [self.in_shape]
        for index, layer in enumerate(self.layers):
            try:
                class_index = sum(type(other) is type(layer) for other in self.layers[:index])
                shape = layer.attach_and_build(
                    self.shapes[-1], owner=self, index=index, class_index=class_index
                )
            except ShapeError as error:
                raise ShapeError(f"layer {index}: {error}") from error
            self.shapes.append(shape)

    @replayable
    def forward(self, x: Array, training: bool = False) -> Array:
        """Return the outputs for a batch of prepared inputs; valid until the next call."""
        self.passes += 1
        for i, layer in enumerate(self.layers):
            x = self.layer_outputs[i] = layer.forward(x, training)
        self.pred = x
        return x

    @replayable
    def backward(self, dy: Array) -> None:
        """Compute every parameter's gradient from that at the last `forward`'s outputs."""
        gradient: Array | None = dy
        for layer in reversed(self.layers[self._first :]):
            gradient = layer.backward(gradient)

    @known_arguments
    def predict(self, x: Any, *, batch_size: int = EVALUATION_BATCH) -> np.ndarray:
        """Return the outputs of the last layer, a numpy array of shape (N, *out_shape).

        Any number of threads can call it; they take turns.
        """
        at_least("batch_size", batch_size, 1)
        self.built()
        try:
            found = self.turns.take_or_copy(self, _predict, self.inputs(x)[0], batch_size)
        except AttributeError:
            for layer in self.layers:
                expect_effective(layer)  # such as an array in place of a parameter
            raise
        return np.asarray(found)

    @known_arguments
    def predict_classes(self, x: Any, *, batch_size: int = EVALUATION_BATCH) -> np.ndarray:
        """Return the class of each sample (N,): the largest output; a single one's is 0 or 1.

        A single output is 1 above ``model.threshold``, which is 0 if the loss takes logits or the
        model was trained on targets of -1 and 1, else one half. Raise a UsageError if it was
        trained on numbers.
        """
        expect_classes(self)
        pred = self.predict(x, batch_size=batch_size)
        if pred.shape[-1] == 1:
            return np.asarray(pred[..., 0] > self.threshold, np.int64)
        return np.asarray(pred.argmax(axis=-1))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise UsageError(
            "a model is not called as a function: write model.predict(x), or model.train_step(x, "
            "y) in a training loop"
        )

    def penalty(self) -> float:
        """Return the sum of all regularizers' penalties on the present weights."""
        return float(sum(float(p.regularizer.penalty(p.value)) for p in self.regularized))

    def is_finite(self) -> bool:
        """Return whether all parameters and states are finite numbers; waits for the device."""
        arrays = [self.built().values, *(state.value for state in self.states)]
        return all(bool(self.backend.xp.isfinite(array).all()) for array in arrays)

    @property
    def parameters(self) -> list[Parameter]:
        """All trained arrays, in the order of the layers."""
        return Parameters(parameter for layer in self.layers for parameter in layer.parameters)

    @property
    def states(self) -> list[State]:
        """Arrays saved in addition to the parameters, such as running means."""
        return [state for layer in self.layers for state in layer.states]

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return copies of all parameters and states by name, as numpy arrays."""
        with self.turns.lock:
            parts: list[Parameter | State] = [*self.built(), *self.states]
            return {part.name: np.array(self.backend.to_host(part.value)) for part in parts}

    @known_arguments
    def load_state_dict(self, arrays: Mapping[str, Any]) -> None:
        """Copy arrays of `state_dict` into the model; names and shapes must be the same."""
        self.built()
        parts: list[Parameter | State] = [*self.parameters, *self.states]
        found = expect_same(arrays, parts)
        with self.turns.lock:
            for part in parts:
                part.value = self.backend.asarray(found[part.name], self.dtype)

    @known_arguments
    def summary(self) -> str:
        """Return a table of layers, output shapes and parameter counts."""
        return summary(self)

    def __repr__(self) -> str:
        return layer_table(self)

    def _repr_html_(self) -> str:
        return layer_html(self)

    def built(self) -> ParameterStore:
        """Return the parameters; raise a UsageError if there are none yet, or of other layers."""
        if self.store is None:
            raise UsageError("the model is not built yet: compile(..., in_shape=) or fit builds it")
        expect_built(self.layers, self._built_layers)
        return self.store

    def inputs(
        self, data: Any, seen: TrainedOn | None = None, where: str = ""
    ) -> tuple[np.ndarray, float]:
        """Return checked inputs of the shape the model was built for, and their largest magnitude.

        A new model is built for them.

        Tables get the order of columns of the training data, and a CheckWarning tells once if the
        scale is another one. ``seen`` describes that data, by default those of the last training;
        ``where`` is a prefix for the warning.
        """
        seen = self.trained_on if seen is None else seen
        if seen is not None:
            data = seen.ordered(data)
        x, largest = check_inputs(data, self.dtype)
        if seen is not None:
            self._warn_of_scale(seen.difference(x.dtype == np.uint8, largest), where)
        if self.store is None:
            self.build(x.shape[1:])
        if x.shape[1:] != self.in_shape:
            same = math.prod(x.shape[1:]) == math.prod(self.in_shape)
            if not (same and self.layers[0].takes_any_shape):
                raise ShapeError(
                    f"x has samples of shape {x.shape[1:]}, but layer 0 "
                    f"{type(self.layers[0]).__name__} was built for {self.in_shape}"
                )
            x = np.reshape(x, (len(x), *self.in_shape))
        return x, largest

    def _warn_of_scale(self, difference: tuple[str, str] | None, where: str) -> None:
        if difference is not None and difference[0] not in self.warned_of:
            self.warned_of.append(difference[0])
            warn_user(f"{where}{difference[1]}", CheckWarning)


def _predict(network: Network, x: np.ndarray, batch_size: int) -> np.ndarray:
    result = np.empty((len(x), *network.shapes[-1]), network.dtype)
    for start in range(0, len(x), batch_size):
        batch = network.batches.stage(network.backend.asarray(x[start : start + batch_size]))
        result[start : start + batch_size] = network.backend.to_host(network._evaluate(batch))
    return result
