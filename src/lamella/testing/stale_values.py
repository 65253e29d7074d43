"""A value that changes between two steps takes effect in the next one, replayed or not."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from lamella.core.errors import CheckError, LamellaError
from lamella.models.sequential import Sequential
from lamella.network.fingerprint import ATTACHED
from lamella.testing.comparing import expect_same

STEPS = 5  # a step is captured in the second one at the earliest, and replayed from then on
PRIVATE = (
    *ATTACHED, "_bound_at", "_epoch", "_epoch_start", "_epoch_steps", "_store", "_trainable"
)  # fmt: skip
CAUSE = (
    "it is another after a change of {name} in a trained model: keep numbers in attributes, and "
    "pass them to rules through scalars=(...)"
)


def expect_no_stale_values(
    make: Callable[[], Sequential], part: Callable[[Sequential], Any], x: np.ndarray, y: np.ndarray
) -> None:
    """Change each number that a part holds after some steps, and compare with a fresh model.

    ``make()`` returns the same compiled and built model each time, and ``part(model)`` its part
    under test; ``x`` and ``y`` are a batch, as `Sequential.step` takes it. Raise a CheckError if a
    change has no effect, or another one than in a model without any steps.
    """
    trained = _trained(make, x, y)
    for name, change in _changes(part(trained)):
        model, fresh = _trained(make, x, y), make()
        _copy_state(model, fresh)
        try:
            change(part(model))
            change(part(fresh))
        except (LamellaError, AttributeError, TypeError):
            continue  # refused: nobody can train on the old value
        try:
            expected = _step(fresh, x, y)
        except Exception:  # a value that makes no sense for this part
            continue
        try:
            got = _step(model, x, y)
        except Exception as error:
            raise CheckError(f"after a change of {name}, a step fails: {error}") from error
        for what, array in expected.items():
            expect_same(what, got[what], array, CAUSE.format(name=name))


def _trained(make: Callable[[], Sequential], x: np.ndarray, y: np.ndarray) -> Sequential:
    model = make()
    for _ in range(STEPS):
        model.step(x, y)
    return model


def _copy_state(model: Sequential, fresh: Sequential) -> None:
    fresh.load_state_dict(model.state_dict())
    fresh.optimizer.load_state_dict(model.optimizer.state_dict())
    for there, here in zip(model.layers, fresh.layers, strict=True):
        here.rng.draws = there.rng.draws


def _step(model: Sequential, x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    with np.errstate(all="ignore"):
        found = {"the loss": np.array(model.step(x, y)), "the output": np.array(model.pred)}
    found |= {f"the gradient of {p.name}": np.array(p.grad) for p in model.built() if p.trainable}
    return found | model.state_dict()


def _changes(part: Any) -> Iterator[tuple[str, Callable[[Any], None]]]:
    """Yield changes of all numbers in attributes and class attributes, and in lists of them."""
    names = dict.fromkeys([*vars(part), *_class_names(type(part)), "trainable"])
    for name in names:
        if name in PRIVATE:
            continue
        value = getattr(part, name, None)
        if isinstance(value, bool | int | float):
            yield name, _assignment(name, _other(value))
        elif isinstance(value, list | dict) and value:
            key = 0 if isinstance(value, list) else next(iter(value))
            if isinstance(value[key], int | float):
                yield name, _item_assignment(name, key, _other(value[key]))


def _class_names(kind: type) -> list[str]:
    tables = [vars(base) for base in kind.__mro__ if not base.__module__.startswith("lamella.")]
    return [name for table in tables for name in table if not name.startswith("__")]


def _assignment(name: str, value: Any) -> Callable[[Any], None]:
    return lambda part: setattr(part, name, copy.copy(value))


def _item_assignment(name: str, key: Any, value: Any) -> Callable[[Any], None]:
    def change(part: Any) -> None:
        getattr(part, name)[key] = value

    return change


def _other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int) else value / 2 or 0.25
