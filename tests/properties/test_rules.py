"""Optimizers, clipping, penalties and schedules: their formulas, and the laws they keep."""

import inspect
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lamella as lm
from lamella import optimizers
from lamella.backend import Backend
from lamella.backend.numpy_elementwise import BLOCK_BYTES
from lamella.backend.parameters import Parameter, ParameterStore
from lamella.layers import regularizers
from lamella.optimizers import schedules
from tests.properties.values import (
    BACKENDS,
    arrays,
    back,
    backends,
    dtypes,
    extremes,
    seeds,
    there,
    tries,
)

OPTIMIZERS = {
    "SGD": lambda: lm.SGD(0.1),
    "Momentum": lambda: lm.Momentum(0.1),
    "Nesterov": lambda: lm.Momentum(0.1, nesterov=True),
    "Adam": lambda: lm.Adam(0.01),
    "AdamW": lambda: lm.AdamW(0.01, weight_decay=0.1),
    "NAdam": lambda: lm.NAdam(0.01),
    "AdaGrad": lambda: lm.AdaGrad(0.01),
    "RMSProp": lambda: lm.RMSProp(0.01),
    "Lion": lambda: lm.Lion(0.01),
}
PENALTIES = {"L1": lambda: lm.L1(0.3), "L2": lambda: lm.L2(0.3), "L1L2": lambda: lm.L1L2(0.1, 0.2)}


def public(module: Any, base: type) -> set[type]:
    """Return the classes of a module that can be made."""
    found = {kind for _, kind in inspect.getmembers(module, inspect.isclass)}
    return {kind for kind in found if issubclass(kind, base) and not inspect.isabstract(kind)}


def test_every_rule_has_properties_here() -> None:
    assert {type(make()) for make in OPTIMIZERS.values()} == public(optimizers, lm.Optimizer)
    assert {type(make()) for make in PENALTIES.values()} == public(regularizers, lm.Regularizer)
    assert {type(make(0.1)) for make in SCHEDULES.values()} == public(schedules, lm.Schedule)


def sizes(dtype: str) -> st.SearchStrategy[int]:
    """Return lengths around a block, and around a line of memory, which all are filled up to."""
    block = BLOCK_BYTES // np.dtype(dtype).itemsize
    whole = [block, block + 16, 2 * block]
    return st.sampled_from([1, 2, 15, 16, 17, block - 1, block + 1, 2 * block + 1, *whole])


def store_of(size: int, dtype: str, backend: Backend, matrix: bool) -> ParameterStore:
    def zeros(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return np.zeros(shape)

    parameter = Parameter("w", (size, 1) if matrix else (size,), zeros)
    return ParameterStore([parameter], backend, np.dtype(dtype))


def flushed(array: np.ndarray, margin: float) -> np.ndarray:
    return np.where(abs(array) < np.finfo(array.dtype).tiny * margin, 0, array)


@pytest.mark.parametrize("name", OPTIMIZERS)
@tries(25)
@given(
    dtype=dtypes, matrix=st.booleans(), start=st.sampled_from([0, 14]), seed=seeds, data=st.data()
)
def test_optimizer_has_the_bits_of_its_formula_on_every_backend(
    name: str, dtype: str, matrix: bool, start: int, seed: int, data: st.DataObject
) -> None:
    """Three steps (some past a flush) on all backends, beside the rule called on whole arrays.

    Devices flush nothing.
    """
    size = data.draw(sizes(dtype))
    rng = np.random.default_rng(seed)
    edges = extremes(dtype, 1e15)

    def draw() -> np.ndarray:
        array = (rng.normal(size=size) * 10.0 ** rng.integers(-25, 5, size)).astype(dtype)
        array[rng.integers(0, size, len(edges))] = edges
        return array

    first, gradients = draw(), [draw() for _ in range(3)]
    plain = OPTIMIZERS[name]()
    plain.attach(store_of(size, dtype, BACKENDS["blocks"], matrix), "plain")

    def expected(on_host: bool) -> list[np.ndarray]:
        values = [first, *(np.zeros(size, dtype) for _ in plain.slots)]
        for t, g in enumerate(gradients, start + 1):
            results = plain.rule(values[0], g, *values[1:], *plain.scalars_of(matrix)(t))
            values = list(results) if isinstance(results, tuple) else [results]
            if t % 16 == 0 and on_host:
                values = [flushed(v, 2.0**26 if i else 2.0**40) for i, v in enumerate(values)]
        assert all(value.dtype == dtype for value in values)
        return values

    for where, backend in BACKENDS.items():
        optimizer, store = OPTIMIZERS[name](), store_of(size, dtype, backend, matrix)
        optimizer.attach(store, where)
        optimizer.t = start
        store.parameters[0].value = there(backend, first.reshape(store.parameters[0].shape))
        for g in gradients:
            store.parameters[0].grad = there(backend, g.reshape(store.parameters[0].shape))
            optimizer.step()
        got = [store.values, *optimizer.state.values()]
        right_values = expected(backend.on_host)
        for label, value, right in zip(("w", *plain.slots), got, right_values, strict=True):
            mine = back(backend, value)
            np.testing.assert_array_equal(mine[:size], right, err_msg=f"{label} on {where}")
            assert not mine[size:].any()


def sgd(w: Any, g: Any, kept: list[Any], t: int) -> Any:
    return w - 0.1 * g


def momentum(w: Any, g: Any, kept: list[Any], t: int) -> Any:
    kept[0] = 0.9 * kept[0] + g
    return w - 0.1 * kept[0]


def nesterov(w: Any, g: Any, kept: list[Any], t: int) -> Any:
    kept[0] = 0.9 * kept[0] + g
    return w - 0.1 * (g + 0.9 * kept[0])


def adam(w: Any, g: Any, kept: list[Any], t: int) -> Any:
    kept[:] = 0.9 * kept[0] + 0.1 * g, 0.999 * kept[1] + 0.001 * g**2
    mean, square = kept[0] / (1 - 0.9**t), kept[1] / (1 - 0.999**t)
    return w - 0.01 * mean / (np.sqrt(square) + 1e-8)


def adamw(w: Any, g: Any, kept: list[Any], t: int) -> Any:
    return adam(w - 0.01 * 0.1 * w, g, kept, t)


def nadam(w: Any, g: Any, kept: list[Any], t: int) -> Any:
    kept[:] = 0.9 * kept[0] + 0.1 * g, 0.999 * kept[1] + 0.001 * g**2
    mu = [0.9 * (1 - 0.5 * 0.96 ** (0.004 * i)) for i in range(1, t + 2)]
    ahead = mu[-1] * kept[0] / (1 - math.prod(mu)) + (1 - mu[-2]) * g / (1 - math.prod(mu[:-1]))
    return w - 0.01 * ahead / (np.sqrt(kept[1] / (1 - 0.999**t)) + 1e-8)


def adagrad(w: Any, g: Any, kept: list[Any], t: int) -> Any:
    kept[0] = kept[0] + g**2
    return w - 0.01 * g / (np.sqrt(kept[0]) + 1e-10)


def rmsprop(w: Any, g: Any, kept: list[Any], t: int) -> Any:
    kept[0] = 0.99 * kept[0] + 0.01 * g**2
    return w - 0.01 * g / (np.sqrt(kept[0]) + 1e-8)


def lion(w: Any, g: Any, kept: list[Any], t: int) -> Any:
    step = 0.01 * np.sign(0.9 * kept[0] + 0.1 * g)
    kept[0] = 0.99 * kept[0] + 0.01 * g
    return w - step


FORMULAS = {
    "SGD": sgd,
    "Momentum": momentum,
    "Nesterov": nesterov,
    "Adam": adam,
    "AdamW": adamw,
    "NAdam": nadam,
    "AdaGrad": adagrad,
    "RMSProp": rmsprop,
    "Lion": lion,
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@tries(25)
@given(
    backend=backends,
    dtype=dtypes,
    size=st.sampled_from([1, 17, 100]),
    matrix=st.booleans(),
    seed=seeds,
)
def test_optimizer_is_that_of_the_papers(
    name: str, backend: Backend, dtype: str, size: int, matrix: bool, seed: int
) -> None:
    """Twenty steps of gradients from 1e-6 to 1e6, beside the formula as it is printed.

    AdamW decays weights only, not biases.
    """
    rng = np.random.default_rng(seed)
    optimizer, store = OPTIMIZERS[name](), store_of(size, dtype, backend, matrix)
    optimizer.attach(store, "bound")
    formula = adam if name == "AdamW" and not matrix else FORMULAS[name]
    shape = store.parameters[0].shape
    start = rng.normal(size=shape).astype(dtype)
    store.parameters[0].value = there(backend, start)
    w, kept, moved = start.astype(float), [np.zeros(shape)] * 2, np.zeros(shape)
    scale = 10.0 ** rng.integers(-6, 7, shape)
    for t in range(1, 21):
        g = (rng.normal(size=shape) * scale).astype(dtype)
        store.parameters[0].grad = there(backend, g)
        optimizer.step()
        new = formula(w, g.astype(float), kept, t)
        moved += abs(new - w) + abs(w)
        w = new
    error = abs(back(backend, store.parameters[0].value) - w)
    assert (error <= 40 * np.finfo(dtype).eps * moved).all()


@pytest.mark.parametrize("where", [name for name, each in BACKENDS.items() if each.on_host])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_weights_that_only_a_penalty_pulls_go_to_zero_and_not_through_denormals(
    name: str, where: str
) -> None:
    """They shrink by a fraction each step, or oscillate with decreasing size, as Adam's do."""
    backend, optimizer = BACKENDS[where], OPTIMIZERS[name]()
    store = store_of(30, "float32", backend, True)
    optimizer.attach(store, where)
    # A gradient over its own size is as large at the end as at the start, unless eps is the larger.
    adams = {"Adam": 1e-4, "AdamW": 1e-4, "NAdam": 1e-6}
    rate = {**adams, "RMSProp": 1e-7, "AdaGrad": 1e-8}.get(name, 1.0)
    add_penalty = lm.L2(rate).compile_rule(store.parameters[0], backend)
    store.parameters[0].value = there(backend, np.linspace(-1e-3, 1e-3, 30, dtype="f4")[:, None])
    for _ in range(1500):
        store.grads[...] = 0
        add_penalty()
        optimizer.step()
        for vector in (store.values, *optimizer.state.values()):
            sizes = abs(back(backend, vector))
            assert not ((sizes > 0) & (sizes < np.finfo(np.float32).tiny)).any()
    if name != "Lion":  # whose steps have one length
        assert not back(backend, store.values).any()


@tries(60)
@given(
    backend=backends,
    dtype=dtypes,
    power=st.integers(-60, 60),
    limit=st.sampled_from([1e-3, 1.0, 5.0]),
    size=st.sampled_from([1, 7, 100]),
    seed=seeds,
)
def test_clipping_keeps_the_direction_and_the_limit(
    backend: Backend, dtype: str, power: int, limit: float, size: int, seed: int
) -> None:
    """A norm whose square is too large for the dtype is as good as infinite: nothing is left."""
    power = max(min(power, 36), -36) if dtype == "float32" else power
    g = (np.random.default_rng(seed).normal(size=size) * 10.0**power).astype(dtype)
    store = store_of(size, dtype, backend, True)
    optimizer = lm.SGD(1.0, clip_norm=limit)
    optimizer.attach(store, "clipped")
    store.parameters[0].grad = there(backend, g.reshape(-1, 1))
    with np.errstate(over="ignore"):
        optimizer.step()
    step = -back(backend, store.values)[:size].astype(float)
    norm = math.sqrt(math.fsum(g.astype(float) ** 2))
    eps = float(np.finfo(dtype).eps)
    assert np.isfinite(step).all()
    assert math.sqrt(math.fsum(step**2)) <= min(norm, limit) * (1 + (size + 8) * eps)
    if norm < 0.9 * math.sqrt(np.finfo(dtype).max):
        right = g.astype(float) * min(limit / (norm + 1e-6), 1)
        close = {"rtol": (size + 8) * eps, "atol": float(np.finfo(dtype).tiny)}
        np.testing.assert_allclose(step, right, **close)
    else:
        assert not step.any() or norm < 1.1 * math.sqrt(np.finfo(dtype).max)


@pytest.mark.parametrize("name", PENALTIES)
@tries(60)
@given(backend=backends, dtype=dtypes, size=st.sampled_from([1, 2, 7, 100]), data=st.data())
def test_penalty_and_its_gradient_are_the_formula(
    name: str, backend: Backend, dtype: str, size: int, data: st.DataObject
) -> None:
    limit = math.sqrt(np.finfo(dtype).max) / 20
    w, g = (data.draw(arrays(dtype, (size,), limit)) for _ in range(2))
    penalty = PENALTIES[name]()
    l1, l2 = {"L1": (0.3, 0), "L2": (0, 0.3), "L1L2": (0.1, 0.2)}[name]
    parameter = store_of(size, dtype, backend, True).parameters[0]
    parameter.value, parameter.grad = (there(backend, part.reshape(-1, 1)) for part in (w, g))
    penalty.compile_rule(parameter, backend)()
    exact, eps = w.astype(float), float(np.finfo(dtype).eps)
    right = g + l1 * np.sign(exact) + l2 * exact
    bound = 4 * eps * (abs(g.astype(float)) + l1 + l2 * abs(exact)) + np.finfo(dtype).tiny
    assert (abs(back(backend, parameter.grad)[:, 0] - right) <= bound).all()
    np.testing.assert_array_equal(back(backend, parameter.value)[:, 0], w)
    total = math.fsum(l1 * abs(exact)) + math.fsum(l2 / 2 * exact**2)
    got = float(back(backend, penalty.penalty(parameter.value)))
    assert got == pytest.approx(total, rel=(size + 8) * eps, abs=size * float(np.finfo(dtype).tiny))


SCHEDULES = {
    "StepDecay": lambda lr: lm.StepDecay(lr, 3, 0.5),
    "ExponentialDecay": lambda lr: lm.ExponentialDecay(lr, 0.9),
    "InverseDecay": lambda lr: lm.InverseDecay(lr, 0.5),
    "InverseTimeDecay": lambda lr: lm.InverseTimeDecay(lr, 0.5),
    "LinearDecay": lambda lr: lm.LinearDecay(lr, 10, floor=lr / 100),
    "PiecewiseConstant": lambda lr: lm.PiecewiseConstant([5, 20], [lr, lr / 2, lr / 100]),
    "CosineDecay": lambda lr: lm.CosineDecay(lr, 10, floor=lr / 100),
    "CosineDecayRestarts": lambda lr: lm.CosineDecayRestarts(lr, 10, 2, floor=lr / 100),
    "Warmup": lambda lr: lm.Warmup(lr, 5, start=0.2),
}
progress = st.one_of(st.floats(0, 50), st.sampled_from([0.0, 1e3, 1e6, 1e9, 2.0**53]))


@pytest.mark.parametrize("name", SCHEDULES)
@tries(100)
@given(lr=st.sampled_from([1e-30, 1e-3, 1.0, 1e30]), points=st.lists(progress, min_size=2))
def test_schedule_stays_between_its_ends_and_never_turns(
    name: str, lr: float, points: list[float]
) -> None:
    """However long the training, there is a rate; without restarts it moves in one direction."""
    points.sort()
    rates = np.array([SCHEDULES[name](lr)(point) for point in points])
    floors = dict.fromkeys(("CosineDecay", "CosineDecayRestarts", "LinearDecay"), lr / 100)
    lowest = {**floors, "Warmup": 0.2 * lr}.get(name, 0.0)
    assert (rates >= lowest * (1 - 1e-15)).all()
    assert (rates <= lr).all()
    if name == "CosineDecayRestarts":
        return
    moves = np.diff(rates) * (1 if name == "Warmup" else -1)
    assert (moves >= -1e-15 * lr).all()


@tries(60)
@given(
    lr=st.floats(1e-6, 1),
    decay=st.floats(0, 1),
    epoch=st.integers(0, 40),
    within=st.floats(0, 0.99),
)
def test_decays_are_their_formulas(lr: float, decay: float, epoch: int, within: float) -> None:
    at = epoch + within
    assert lm.InverseDecay(lr, decay)(at) == pytest.approx(lr / (1 + decay) ** epoch, rel=1e-13)
    assert lm.ExponentialDecay(lr, 0.5)(at) == lr * 2.0**-epoch
    assert lm.StepDecay(lr, 4, 0.5)(at) == lr * 2.0 ** -(epoch // 4)
    cosine = lr / 2 * (1 + math.cos(math.pi * min(at / 20, 1)))
    assert lm.CosineDecay(lr, 20)(at) == pytest.approx(cosine, rel=1e-12, abs=1e-30)
    assert lm.Warmup(lr, 10, start=0.0)(at) == pytest.approx(lr * min(at / 10, 1), rel=1e-12)
