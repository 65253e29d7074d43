"""Which parameters a rule is bound to, and the numbers of the steps that each has taken."""

from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import get_backend
from lamella.backend.parameters import Parameter, ParameterStore
from lamella.optimizers.updates import bind_flushes, bind_whole

FLOAT64 = np.dtype("float64")


def store_of(*shapes: tuple[int, ...]) -> ParameterStore:
    parameters = [Parameter(f"{i}.W", shape, np.ones) for i, shape in enumerate(shapes)]
    return ParameterStore(parameters, get_backend("numpy"), FLOAT64)


def test_neighbours_of_equal_keys_are_one_run() -> None:
    store = store_of((2, 4), (3, 3), (1, 8), (5,), (8,))  # 8 numbers a line of memory
    assert list(store.runs([1, 1, None, 2, 1])) == [
        (1, slice(0, 24)),
        (2, slice(32, 40)),
        (1, slice(40, 48)),
    ]
    assert list(store.runs([True] * 5)) == [(True, slice(0, 48))]
    assert list(store_of().runs([])) == []


class Counting(lm.Optimizer):
    """Add the number of the step."""

    def scalars(self, t: int) -> tuple[float, ...]:
        return (float(t),)

    def rule(self, w: Any, g: Any, t: Any) -> Any:
        return w + t


def test_updates_leave_out_frozen_parameters_and_count_their_steps() -> None:
    store, optimizer = store_of((8,), (8,), (8,)), Counting(0.1)
    optimizer.attach(store, owner=store)
    for update, matrices, frozen in bind_whole(optimizer, store, [(True, 0), None, (True, 3)]):
        update(*optimizer.scalars_of(matrices)(10 - frozen))
    np.testing.assert_array_equal(store.values, np.repeat([10.0, 0.0, 7.0], 8))


def test_flushes_leave_out_frozen_parameters() -> None:
    store = store_of((8,), (8,))
    store.values[...] = 1e-300
    for flush, smallest in bind_flushes(store, {}, [None, True]):
        flush(smallest)
    np.testing.assert_array_equal(store.values, np.repeat([1e-300, 0.0], 8))


class Normed(lm.Optimizer):
    """Steps of equal length for each parameter, larger ones the more steps it has taken."""

    elementwise = False

    def scalars(self, t: int) -> tuple[float, ...]:
        return self.learning_rate, float(t)

    def rule(self, w: Any, g: Any, lr: Any, t: Any) -> Any:
        return w - lr * t * g / self.xp.sqrt((g * g).sum())


def test_rules_of_whole_parameters_leave_out_frozen_ones() -> None:
    model = lm.Sequential([lm.Dense(4), lm.Dense(3)], seed=1, backend="numpy", dtype="float64")
    model.compile(lm.MeanSquaredError(), Normed(0.1), in_shape=(2,))
    x, y = np.ones((5, 2)), np.ones((5, 3))
    lengths = []
    for trainable in (True, False, False, True):
        model.layers[0].trainable = trainable
        before = [layer.W.value.copy() for layer in model.layers]
        model.train_step(x, y)
        lengths.append(
            [np.linalg.norm(l.W.value - b) for l, b in zip(model.layers, before, strict=True)]  # noqa: E741
        )
    expected = [[0.1, 0.1], [0, 0.2], [0, 0.3], [0.2, 0.4]]
    np.testing.assert_allclose(lengths, expected, rtol=1e-12)


def test_a_state_with_steps_of_another_model_is_refused() -> None:
    model = lm.Sequential([lm.Dense(4)], seed=1, backend="numpy")
    model.compile(lm.MeanSquaredError(), lm.SGD(0.1), in_shape=(2,))
    with pytest.raises(lm.LamellaError, match=r"no 'steps' of shape \(2,\)"):
        model.optimizer.load_state_dict({"t": np.array(3), "steps": np.array([3])})
