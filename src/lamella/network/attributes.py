"""Refuse attributes that a user set on a part of a model and that would have no effect."""

import functools
from typing import Any

from lamella.backend.parameters import Parameter, State
from lamella.core.errors import UsageError
from lamella.core.names import nearest, suggestion
from lamella.core.signatures import names_in_code
from lamella.layers import Layer
from lamella.layers.regularizers import Regularizer
from lamella.optimizers import Optimizer

# Methods of optimizers and regularizers that are read when the model is compiled, not in a step.
COMPILED = ("rule", "scalars", "scalars_of", "penalty", "compile_rule")
SIMILAR = 0.8  # a name less similar to a known one is the user's own


def expect_effective(part: Any) -> None:
    """Raise a UsageError if an attribute of a layer, loss, optimizer or callback has no effect.

    That is a misspelt name, which the class does not mention but which is similar to one that it
    has; a method replaced on one object, where the model has read the class's; and a parameter
    replaced by another one, or by None. A name that is similar to no other is the user's own.
    Classes of the user's are refused for a misspelt or missing method.
    """
    kind: Any = type(part)
    if defect := _defect(kind):
        raise UsageError(defect)
    given = getattr(part, "__dict__", {})
    if isinstance(part, Optimizer | Regularizer):
        for name in COMPILED:
            if name in given:
                raise UsageError(
                    f"{kind.__name__}.{name} was replaced on one object, which a compiled model "
                    f"does not see: write a subclass of {kind.__name__} with another {name}"
                )
    if isinstance(part, Layer) and "parameters" in given:
        _expect_own_arrays(part)
    known = names_in_code(kind)
    others = [name for name in given.keys() - known if not name.startswith("_")]
    unknown = sorted(name for name in others if not hasattr(kind, name))
    if not unknown or known & {"setattr", "vars", "__dict__"}:  # it composes names
        return
    public = sorted(name for name in {*dir(kind), *known} if not name.startswith("_"))
    for name in unknown:
        advice = suggestion(name, public, SIMILAR)
        if advice:
            raise UsageError(f"the attribute {name!r} of {kind.__name__} has no effect: {advice}")


@functools.lru_cache(maxsize=256)
def _defect(kind: type) -> str:
    """Say which method of a user's class is misspelt or missing; return "" if none is."""
    bases = kind.__mro__
    own = {
        name for base in bases if not base.__module__.startswith("lamella.") for name in vars(base)
    }
    given = {n for base in bases if base.__module__.startswith("lamella.") for n in dir(base)}
    methods = [name for name in given if callable(getattr(kind, name)) and name[0] != "_"]
    for name in sorted(own - given - names_in_code(kind)):
        near = nearest(name, methods, SIMILAR)
        if near and name[0] != "_" and callable(getattr(kind, name)):
            return f"nothing calls {kind.__name__}.{name}: did you mean {near!r}?"
    for name in methods:
        if getattr(getattr(kind, name), "__isabstractmethod__", False):
            return f"{kind.__name__} needs a method {name!r}"
    return ""


def _expect_own_arrays(layer: Layer) -> None:
    """Raise a UsageError if a parameter or state that a layer declared was replaced."""
    own = {part.name.rpartition(".")[2]: part for part in (*layer.parameters, *layer.states)}
    for name, value in [*vars(layer).items()]:  # a signal handler may predict meanwhile
        is_array = isinstance(value, Parameter | State)
        if is_array and all(value is not part for part in own.values()):
            raise UsageError(
                f"{layer.label}.{name} is an array of another layer, which the model would not "
                f"train here: copy its numbers, {name}.value = other.value"
            )
        if name in own and value is not own[name]:
            found = value if is_array or value is None else f"a {type(value).__name__}"
            raise UsageError(
                f"{layer.label}.{name} was replaced by {found}, but the model still trains and "
                f"saves it: make a new {type(layer).__name__}, or set {name}.value = ..."
            )
