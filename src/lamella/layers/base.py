"""Base of all layers: shapes in, parameters declared, forward, backward."""

from abc import abstractmethod
from collections.abc import Callable
from operator import attrgetter
from typing import Any

from lamella.backend.parameters import Parameter, State
from lamella.backend.random import Noise
from lamella.backend.workspace import Workspace
from lamella.core.errors import ArgumentError, ShapeError, UsageError
from lamella.core.typing import Array, Initializer, Shape
from lamella.core.validation import flag
from lamella.layers.initializers import get_initializer


def fixed_once_built(name: str, check: Callable[[Any], Any] | None = None) -> Any:
    """Return a property of a hyper-parameter that only ``build`` reads; refuse later changes.

    ``check`` returns the valid value of an earlier one, or raises an error.
    """

    def set_value(layer: Any, value: Any) -> None:
        if "parameters" in vars(layer):
            kind = type(layer).__name__
            raise UsageError(
                f"{kind}.{name} is fixed once the layer is built: make a new model with a "
                f"{kind} of {name}={value!r}"
            )
        setattr(layer, f"_{name}", value if check is None else check(value))

    return property(attrgetter(f"_{name}"), set_value)


class Layer(Workspace):
    """One step of a network. A subclass writes `forward`, `backward`, and often `build`.

    Attributes
    ----------
    xp : module
        numpy or cupy; write the mathematics with it. Available from `build` on.
    dtype : dtype
        Of every array of the model.
    rng : Noise
        Random arrays of this layer's own stream.
    trainable : bool
        Whether training changes its parameters; False freezes them: from the next step on they get
        no gradient step, no decay and no penalty's gradient, and their moments stay. It may be set
        at any time, and is saved with the model. Layers before the first trained one compute no
        gradients.
    needs_dx : bool
        False if no layer before this one has parameters: `backward` may then return None.
    min_batch : int
        The smallest batch that it can be trained on.
    gives_probabilities : bool
        Whether its output is a probability, which a loss on logits must not be given.
    takes_any_shape : bool
        Whether only the number of features matters, not their shape.

    Notes
    -----
    The results of `forward` and `backward` are valid until the next call of the same method.
    Hyper-parameters are the arguments of ``__init__``, stored under their own names.
    """

    rng: Noise
    _owner: Any = None  # the network, once the layer is built
    _trainable: bool = True
    needs_dx: bool = True
    min_batch: int = 1
    gives_probabilities: bool = False
    takes_any_shape: bool = False
    label: str = ""
    stream: str = ""
    parameters: list[Parameter]
    states: list[State]

    @property
    def trainable(self) -> bool:
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = flag("trainable", value)
        if "parameters" in vars(self):
            for parameter in self.parameters:
                parameter.follow_layer(self._trainable)
            self._owner.follow_trainable()

    def build(self, in_shape: Shape) -> Shape:
        """Declare parameters for inputs of ``in_shape`` and return the shape of the outputs.

        Shapes are those of one sample, without the batch axis.
        """
        return in_shape

    @abstractmethod
    def forward(self, x: Array, training: bool) -> Array:
        """Return the outputs for a batch ``x`` of shape (N, *in_shape)."""

    @abstractmethod
    def backward(self, dy: Array) -> Array | None:
        """Return the gradient at the last `forward`'s input, given that at its output.

        Overwrites the gradient of every parameter of the layer.
        """

    def __call__(self, *args: Any) -> Any:
        raise UsageError(
            "a layer is not called as a function: list the layers of a model, as in "
            "Sequential([Dense(30), ReLU(), Dense(10)])"
        )

    def inference(self, x: Array) -> Array:
        """Return the outputs after training as a formula of numpy, from which exports are made.

        ``x`` is an array, or a symbol that knows arithmetic, matrix products with arrays, numpy's
        functions of `lamella.backend.elementwise`, and ``max``, ``sum`` and ``mean`` over the last
        axis. By default it is `forward`, which may do if it uses nothing else.
        """
        return self.forward(x, training=False)

    def add_param(
        self, name: str, shape: Shape, init: str | Initializer = "zeros", regularizer: Any = None
    ) -> Parameter:
        """Declare an array to be trained; call it in `build`.

        ``name`` is unique in the layer; ``init`` is a name or a function (rng, shape) -> array;
        ``regularizer`` is a penalty on the array. Read and write the ``value`` and ``grad`` of the
        returned parameter, which have numbers after `build`.
        """
        self._expect_new(name)
        parameter = Parameter(
            f"{self.label}.{name}",
            tuple(shape),
            get_initializer(init),
            regularizer,
            stream=f"{self.stream}.{name}",
        )
        parameter.follow_layer(self.trainable)
        self.parameters.append(parameter)
        return parameter

    def add_state(self, name: str, shape: Shape, fill: float = 0.0) -> State:
        """Declare an array that is saved with the model but not trained; call it in `build`."""
        self._expect_new(name)
        state = State(f"{self.label}.{name}", tuple(shape), fill)
        self.states.append(state)
        return state

    def expect_ndim(self, in_shape: Shape, ndim: int, hint: str) -> Shape:
        """Return ``in_shape`` if it has ``ndim`` axes, else raise a ShapeError with ``hint``."""
        if len(in_shape) != ndim:
            raise ShapeError(
                f"{type(self).__name__} takes {ndim} axis of features, got inputs of shape "
                f"{in_shape}: {hint}"
            )
        return in_shape

    def attach_and_build(
        self, in_shape: Shape, *, owner: Any, index: int, class_index: int
    ) -> Shape:
        """Attach the layer to the network ``owner``, which calls this, and build it.

        It is layer ``index`` of the network, and number ``class_index`` of its class. The latter
        selects the random stream, so inserting layers of another class does not change the start
        values or the dropout of this one, and such networks can be compared in pairs.
        """
        self.attach(owner, owner.backend, owner.dtype)
        self.label = f"{index}.{type(self).__name__}"
        self.stream = f"{type(self).__name__} {class_index}"
        self.rng = owner.backend.noise(owner.streams.key("noise", self.stream))
        self.parameters, self.states = [], []
        out_shape = self.build(in_shape)
        if not isinstance(out_shape, tuple):
            raise ShapeError(f"build must return the output's shape as a tuple, got {out_shape!r}")
        return out_shape

    def _expect_new(self, name: str) -> None:
        taken = [part.name.rpartition(".")[2] for part in (*self.parameters, *self.states)]
        if name in taken or "." in name or not name:
            raise ArgumentError(f"{name!r} is no new name without dots in {type(self).__name__}")
