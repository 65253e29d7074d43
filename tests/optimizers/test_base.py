"""Every optimizer: descent, clipping, schedules and state."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.backend import numpy_elementwise as blocks
from lamella.backend.selection import host_backend
from lamella.core.errors import ArgumentError, UsageError
from tests.optimizers.bare_parameters import drive, step, values

# How each is made with a rate that suits it.
CASES: dict[str, Callable[[Any], lm.Optimizer]] = {
    "SGD": lm.SGD,
    "Momentum": lm.Momentum,
    "Nesterov": lambda lr: lm.Momentum(lr, nesterov=True),
    "Adam": lm.Adam,
    "AdamW": lambda lr: lm.AdamW(lr, weight_decay=1e-4),
    "NAdam": lm.NAdam,
    "AdaGrad": lm.AdaGrad,
    "RMSProp": lambda lr: lm.RMSProp(lr, eps=0.1),
    "Lion": lm.Lion,
}
ROSENBROCK_RATES = {
    "SGD": 1e-3,
    "Momentum": 2e-4,
    "Nesterov": 2e-4,
    "Adam": 0.02,
    "AdamW": 0.02,
    "NAdam": 0.02,
    "AdaGrad": 0.5,
    "RMSProp": 0.005,
    "Lion": 1e-3,
}
every_optimizer = pytest.mark.parametrize("name", CASES)


class RMSProp(lm.Optimizer):
    """An optimizer as a user writes it: a formula for one number, and the scalars it needs."""

    slots = ("s",)

    def __init__(self, lr: float, rho: float = 0.9) -> None:
        super().__init__(lr)
        self.rho = rho

    def scalars(self, t: int) -> tuple[float, ...]:
        return self.learning_rate, self.rho

    def rule(self, w: Any, g: Any, s: Any, lr: Any, rho: Any) -> Any:
        s = rho * s + (1 - rho) * g * g
        return w - lr * g / (s**0.5 + 1e-7), s


class LARS(lm.Optimizer):
    """A rule for whole parameters: steps in proportion to the norm of each."""

    elementwise = False
    slots = ("v",)

    def scalars(self, t: int) -> tuple[float, ...]:
        return (self.learning_rate,)

    def rule(self, w: Any, g: Any, v: Any, lr: Any) -> Any:
        trust = (1e-3 + (w * w).sum() ** 0.5) / (1e-6 + (g * g).sum() ** 0.5)
        v = 0.9 * v + trust * g
        return w - lr * v, v


def test_every_public_optimizer_has_a_case() -> None:
    made = {type(make(0.1)).__name__ for make in CASES.values()}
    assert made == set(lm.optimizers.__all__) - {"Optimizer"}


@every_optimizer
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_descends_to_the_bottom_of_a_parabola(name: str, dtype: str, backend: Backend) -> None:
    """f = sum of (w - c)^2 / 2 over two parameters, whose gradient is w - c."""
    centres = [np.array([[1.0, -2.0], [3.0, 0.5]]), np.array([0.25, -1.0, 2.0])]
    # Steps of a sign shorten only with the rate.
    rates = {"AdaGrad": 0.5, "Lion": lm.LinearDecay(0.05, 400)}
    optimizer = CASES[name](rates.get(name, 0.05))
    store = drive(optimizer, [np.zeros_like(c) for c in centres], backend=backend, dtype=dtype)
    for _ in range(400):
        step(optimizer, store, [w - c for w, c in zip(values(store), centres, strict=True)])
    for w, c in zip(values(store), centres, strict=True):
        # Weight decay of 1e-4 moves the bottom by about as much.
        np.testing.assert_allclose(w, c, atol=2e-3)


@every_optimizer
def test_descends_along_the_valley_of_rosenbrock(name: str) -> None:
    """f = (1 - x)^2 + 100 (y - x^2)^2 from (-1.2, 1), where it is 24.2."""
    optimizer = CASES[name](ROSENBROCK_RATES[name])
    store = drive(optimizer, [np.array([[-1.2, 1.0]])])
    for _ in range(5000):
        x, y = values(store)[0][0]
        steep = 200 * (y - x * x)
        step(optimizer, store, [np.array([[-2 * (1 - x) - 2 * x * steep, steep]])])
    x, y = values(store)[0][0]
    assert (1 - x) ** 2 + 100 * (y - x * x) ** 2 < 0.05


@every_optimizer
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_and_slots_keep_the_dtype(name: str, dtype: str, backend: Backend) -> None:
    optimizer = CASES[name](0.1)
    store = drive(optimizer, [np.ones((2, 3)), np.ones(3)], backend=backend, dtype=dtype)
    step(optimizer, store, [np.ones((2, 3)), np.ones(3)])
    assert {store.values.dtype, *(v.dtype for v in optimizer.state.values())} == {np.dtype(dtype)}
    assert {a.dtype for k, a in optimizer.state_dict().items() if k != "t"} <= {np.dtype(dtype)}


def trajectory(
    optimizer: lm.Optimizer, dtype: str, shapes: list[tuple[int, ...]], steps: int = 5
) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    store = drive(optimizer, [rng.normal(size=shape) for shape in shapes], dtype=dtype)
    for _ in range(steps):
        step(optimizer, store, [rng.normal(size=shape) for shape in shapes])
    return values(store)


@every_optimizer
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("block", [64, 4096, 1 << 30], ids=lambda size: f"blocks of {size} B")
def test_size_of_the_blocks_does_not_change_the_result(
    name: str, dtype: str, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes = [(33, 71), (71,), (3,)]
    expected = trajectory(CASES[name](0.1), dtype, shapes)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", block)
    for got, want in zip(trajectory(CASES[name](0.1), dtype, shapes), expected, strict=True):
        np.testing.assert_array_equal(got, want)


@every_optimizer
def test_vectors_longer_than_a_block_are_updated_to_their_end(name: str) -> None:
    numbers = 2 * blocks.BLOCK_BYTES // 8 + 123
    whole = trajectory(CASES[name](0.1), "float64", [(numbers, 1)], steps=3)[0]
    parts = []
    for start in (0, numbers - 50):
        optimizer, rng = CASES[name](0.1), np.random.default_rng(3)
        store = drive(optimizer, [rng.normal(size=(numbers, 1))[start : start + 50]])
        for _ in range(3):
            step(optimizer, store, [rng.normal(size=(numbers, 1))[start : start + 50]])
        parts.append(values(store)[0])
    np.testing.assert_array_equal(whole[:50], parts[0])
    np.testing.assert_array_equal(whole[-50:], parts[1])


@every_optimizer
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_same_rule_once_per_parameter_gives_the_same(name: str, dtype: str) -> None:
    optimizer = CASES[name](0.1)
    optimizer.elementwise = False
    shapes = [(5,), (33, 7), (3, 4), (7,)]
    expected = trajectory(CASES[name](0.1), dtype, shapes)
    for got, want in zip(trajectory(optimizer, dtype, shapes), expected, strict=True):
        np.testing.assert_array_equal(got, want)


@every_optimizer
def test_all_backends_give_the_same_steps(
    name: str, backend: Backend, rng: np.random.Generator
) -> None:
    start, grads = rng.normal(size=(4, 3)), rng.normal(size=(20, 4, 3))
    results = []
    for where in (host_backend(), backend):
        optimizer = CASES[name](0.1)
        store = drive(optimizer, [start], backend=where, dtype="float32")
        for g in grads:
            step(optimizer, store, [g])
        results.append(values(store)[0])
    np.testing.assert_allclose(results[1], results[0], rtol=1e-5, atol=1e-6)


@every_optimizer
def test_state_dict_goes_on_where_it_was_taken(
    name: str, backend: Backend, rng: np.random.Generator
) -> None:
    grads = rng.normal(size=(12, 2, 3))
    straight, first, second = (CASES[name](0.1) for _ in range(3))
    store = drive(straight, [np.ones((2, 3))], backend=backend)
    for g in grads:
        step(straight, store, [g])
    half = drive(first, [np.ones((2, 3))], backend=backend)
    for g in grads[:7]:
        step(first, half, [g])
    state = first.state_dict()
    rest = drive(second, values(half), backend=backend)
    second.load_state_dict(state)
    for g in grads[7:]:
        step(second, rest, [g])
    np.testing.assert_array_equal(values(rest)[0], values(store)[0])
    assert second.t == 12


def test_state_dict_is_a_copy() -> None:
    optimizer = lm.Momentum(0.1)
    store = drive(optimizer, [np.ones(3)])
    step(optimizer, store, [np.ones(3)])
    state = optimizer.state_dict()
    step(optimizer, store, [np.ones(3)])
    np.testing.assert_array_equal(state["v"][:3], 1)
    assert state["t"] == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.pop("m"),
        lambda state: state.pop("v"),
        lambda state: state.pop("t"),
        lambda state: state.update(v=np.zeros(3)),
    ],
    ids=["no m", "no v", "no t", "wrong size"],
)
def test_state_of_another_optimizer_is_refused_and_changes_nothing(
    change: Callable[[dict[str, np.ndarray]], object],
) -> None:
    optimizer = lm.Adam(0.1)
    store = drive(optimizer, [np.ones(20)])
    step(optimizer, store, [np.ones(20)])
    before, damaged = optimizer.state_dict(), optimizer.state_dict()
    damaged = {name: array + 1 for name, array in damaged.items()}
    change(damaged)
    with pytest.raises(lm.LamellaError, match="the optimizer state has no"):
        optimizer.load_state_dict(damaged)
    for name, array in optimizer.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_custom_rule_steps_by_its_formula(backend: Backend, rng: np.random.Generator) -> None:
    optimizer = RMSProp(0.1)
    w, s = rng.normal(size=(3, 2)), np.zeros((3, 2))
    store = drive(optimizer, [w], backend=backend)
    for _ in range(4):
        g = rng.normal(size=(3, 2))
        step(optimizer, store, [g])
        s = 0.9 * s + 0.1 * g * g
        w = w - 0.1 * g / (np.sqrt(s) + 1e-7)
    np.testing.assert_allclose(values(store)[0], w, rtol=1e-12)


def test_rule_for_whole_parameters_sees_one_at_a_time(
    backend: Backend, rng: np.random.Generator
) -> None:
    optimizer = LARS(0.1)
    ws = [rng.normal(size=(3, 2)), 100 * rng.normal(size=5)]
    vs = [np.zeros_like(w) for w in ws]
    store = drive(optimizer, ws, backend=backend)
    for _ in range(3):
        gs = [rng.normal(size=w.shape) for w in ws]
        step(optimizer, store, gs)
        for i, g in enumerate(gs):
            trust = (1e-3 + np.linalg.norm(ws[i])) / (1e-6 + np.linalg.norm(g))
            vs[i] = 0.9 * vs[i] + trust * g
            ws[i] = ws[i] - 0.1 * vs[i]
    for got, want in zip(values(store), ws, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12)


@pytest.mark.parametrize("make", [lambda: RMSProp(0.01), lambda: LARS(0.05)], ids=["rule", "LARS"])
def test_custom_optimizer_trains_a_model_on_every_backend(
    make: Callable[[], lm.Optimizer], backend: Backend, rng: np.random.Generator
) -> None:
    x = rng.normal(size=(64, 5))
    y = (x[:, 0] + x[:, 1] > 0).astype(int)
    finals = []
    for where in (host_backend(), backend):
        model = lm.Sequential([lm.Dense(8), lm.Tanh(), lm.Dense(2)], seed=5, backend=where)
        model.compile(lm.SoftmaxCrossEntropy(), make(), in_shape=(5,))
        before = model.evaluate(x, y)["loss"]
        history = model.fit(x, y, epochs=10, batch_size=16, verbose=False)
        assert history["loss"][-1] < 0.5 * before
        finals.append(model.evaluate(x, y)["loss"])
    np.testing.assert_allclose(finals[1], finals[0], rtol=5e-3)


def test_rule_that_branches_is_refused_with_an_alternative() -> None:
    class Branching(lm.SGD):
        def rule(self, w: Any, g: Any, lr: Any) -> Any:
            return w - lr if g > 0 else w + lr

    with pytest.raises(lm.LamellaError, match=r"cannot branch .* numpy\.maximum"):
        drive(Branching(0.1), [np.ones(3)])


@pytest.mark.parametrize("results", [1, 3])
def test_rule_that_forgets_a_slot_is_refused(results: int) -> None:
    class Forgetful(lm.Momentum):
        def rule(self, w: Any, g: Any, v: Any, beta: Any, lr: Any) -> Any:
            return (w - lr * g, v, v)[:results]

    with pytest.raises(lm.LamellaError, match="rule"):
        drive(Forgetful(0.1), [np.ones(3)])


def test_clip_norm_scales_all_gradients_together(backend: Backend) -> None:
    optimizer = lm.SGD(1.0, clip_norm=5.0)
    store = drive(optimizer, [np.zeros((1, 2)), np.zeros(1)], backend=backend)
    step(optimizer, store, [np.array([[6.0, 0.0]]), np.array([8.0])])
    weights, bias = values(store)
    np.testing.assert_allclose(weights, [[-3, 0]], rtol=1e-6)
    np.testing.assert_allclose(bias, [-4], rtol=1e-6)


def test_clip_norm_leaves_small_and_zero_gradients_alone(backend: Backend) -> None:
    optimizer = lm.SGD(1.0, clip_norm=5.0)
    store = drive(optimizer, [np.zeros(2)], backend=backend)
    step(optimizer, store, [np.array([3.0, -0.5])])
    step(optimizer, store, [np.zeros(2)])
    np.testing.assert_array_equal(values(store)[0], [-3, 0.5])


@every_optimizer
@pytest.mark.parametrize("lr", [0, -1, np.nan, np.inf, "0.1", True, None])
def test_bad_rates_are_refused(name: str, lr: object) -> None:
    with pytest.raises(lm.LamellaError, match="lr must be"):
        CASES[name](lr)


@pytest.mark.parametrize("lr", [np.float32(1e-3), np.float16(1e-3), np.float64(1e-3), np.int64(1)])
def test_numbers_of_numpy_are_rates_when_made_and_later(lr: Any) -> None:
    optimizer = lm.Adam(lr)
    assert optimizer.lr == float(lr)
    optimizer.lr = 0.5
    optimizer.lr = lr
    assert optimizer.lr == float(lr)
    assert type(optimizer.lr) is float
    assert type(optimizer.learning_rate) is float
    assert optimizer.config()["lr"] == float(lr)


@pytest.mark.parametrize("lr", [0, -0.1, float("nan"), "fast", None, [0.1]])
def test_a_rate_is_checked_when_it_is_set(lr: Any) -> None:
    optimizer = lm.SGD(0.1)
    with pytest.raises(lm.errors.ArgumentError, match="lr must be"):
        optimizer.lr = lr
    assert optimizer.lr == 0.1


def test_the_rate_of_a_step_is_not_set_but_computed() -> None:
    optimizer = lm.SGD(0.1)
    with pytest.raises(lm.errors.UsageError, match=r"computed from lr: set lr = 0\.2"):
        optimizer.learning_rate = 0.2
    assert optimizer.learning_rate == 0.1


@pytest.mark.parametrize("limit", [0, -1, np.nan, "1"])
@pytest.mark.parametrize(
    "kind", [getattr(lm, name) for name in lm.optimizers.__all__ if name != "Optimizer"]
)
def test_bad_limits_are_refused(kind: type[lm.Optimizer], limit: Any) -> None:
    with pytest.raises(lm.LamellaError, match="clip_norm must be"):
        kind(0.1, clip_norm=limit)
    with pytest.raises(lm.LamellaError, match="clip_value must be"):
        kind(0.1, clip_value=limit)


def rates(optimizer: lm.Optimizer, epochs: int, steps: int) -> list[float]:
    """How far SGD moves, step by step, on a slope of 1."""
    store = drive(optimizer, [np.zeros(1)])
    moved = []
    for epoch in range(max(epochs, 1)):
        if epochs:
            optimizer.begin_epoch(epoch, steps)
        for _ in range(steps):
            before = values(store)[0]
            step(optimizer, store, [np.ones(1)])
            moved.append(float((before - values(store)[0])[0]))
            np.testing.assert_allclose(moved[-1], optimizer.learning_rate, rtol=1e-12)
    return moved


def test_schedule_changes_with_epochs() -> None:
    moved = rates(lm.SGD(lm.ExponentialDecay(0.8, 0.5)), epochs=3, steps=2)
    np.testing.assert_allclose(moved, [0.8, 0.8, 0.4, 0.4, 0.2, 0.2], rtol=1e-12)


def test_schedule_moves_on_within_an_epoch() -> None:
    """A line over two epochs of four steps, from a fraction of 0."""
    moved = rates(lm.SGD(lm.Warmup(0.8, epochs=2, start=0.0)), epochs=3, steps=4)
    np.testing.assert_allclose(moved, [*(0.1 * i for i in range(8)), *[0.8] * 4], rtol=1e-12)


def test_schedule_counts_each_step_where_there_are_no_epochs() -> None:
    moved = rates(lm.SGD(lm.StepDecay(0.8, every=2, factor=0.5)), epochs=0, steps=5)
    np.testing.assert_allclose(moved, [0.8, 0.8, 0.4, 0.4, 0.2], rtol=1e-12)


def test_schedule_restarts_when_the_optimizer_is_attached_again() -> None:
    optimizer = lm.SGD(lm.ExponentialDecay(0.8, 0.5))
    store = drive(optimizer, [np.zeros(1)])
    for epoch in range(3):
        optimizer.begin_epoch(epoch, 2)
        step(optimizer, store, [np.ones(1)])
        step(optimizer, store, [np.ones(1)])
    optimizer.attach(store, owner=store)
    moved = []
    for _ in range(3):
        step(optimizer, store, [np.zeros(1)])
        moved.append(optimizer.learning_rate)
    np.testing.assert_allclose(moved, [0.8, 0.4, 0.2], rtol=1e-12)


def test_step_without_a_model_is_refused() -> None:
    with pytest.raises(lm.LamellaError, match="give it to compile"):
        lm.SGD(0.1).step()


def test_optimizer_of_one_model_is_refused_by_another() -> None:
    optimizer = lm.Adam(0.1)
    drive(optimizer, [np.ones(2)])
    with pytest.raises(lm.LamellaError, match="Adam already drives another model"):
        drive(optimizer, [np.ones(2)])


def denormals(array: np.ndarray) -> int:
    size = np.abs(array)
    return int(((size > 0) & (size < np.finfo(array.dtype).tiny)).sum())


DENORMAL_CASES = {
    "Adam": lambda: lm.Adam(1e-3),
    "AdamW": lambda: lm.AdamW(1e-3),
    "NAdam": lambda: lm.NAdam(1e-3),
    "RMSProp": lambda: lm.RMSProp(1e-3, beta2=0.9),
    "Momentum": lambda: lm.Momentum(1e-3),
    "Momentum, beta 0.5": lambda: lm.Momentum(1e-3, beta=0.5),
    "Nesterov": lambda: lm.Momentum(1e-3, nesterov=True),
}


@pytest.mark.parametrize("name", DENORMAL_CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_slots_never_sink_into_denormals_and_weights_do_not_notice(
    name: str, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """2,000 steps of zero gradient after three real ones, beside the same without flushing.

    In float64 a moment needs 7,000 steps to sink from 1 into denormals, so there the moments are
    scaled down to near the limit before the zeros begin.
    """
    rng = np.random.default_rng(11)
    start = rng.normal(size=(6, 5))
    # From 1 to 1e-12, so that moments pass the limit at many different steps, v's among them.
    grads = rng.normal(size=(3, 6, 5)) * 10.0 ** -np.linspace(0, 12, 30).reshape(6, 5)
    flushed, unflushed = DENORMAL_CASES[name](), DENORMAL_CASES[name]()
    stores = [drive(flushed, [start], dtype=dtype)]
    with monkeypatch.context() as patch:
        patch.setattr("lamella.optimizers.base.bind_flushes", lambda *_: [])
        stores.append(drive(unflushed, [start], dtype=dtype))
    for optimizer, store in zip((flushed, unflushed), stores, strict=True):
        for g in grads:
            step(optimizer, store, [g])
        if dtype == "float64":
            for vector in optimizer.state.values():
                vector *= 1e-270
    sunk = np.zeros(2, int)
    zero = [np.zeros_like(start)]
    for _ in range(2000):
        for i, (optimizer, store) in enumerate(zip((flushed, unflushed), stores, strict=True)):
            step(optimizer, store, zero)
            sunk[i] += sum(denormals(vector) for vector in optimizer.state.values())
    assert sunk[1] > 500  # the numbers chosen do sink where nothing is done about it
    assert sunk[0] == 0
    weights, reference = (values(store)[0] for store in stores)
    np.testing.assert_allclose(weights, reference, rtol=1e-6, atol=1e-9)


def test_load_state_dict_says_that_it_takes_a_dict_and_needs_a_model() -> None:
    optimizer = lm.Adam()
    with pytest.raises(UsageError, match="has no model yet"):
        optimizer.load_state_dict({})
    with pytest.raises(UsageError, match="has no model yet"):
        optimizer.state_dict()
    lm.Sequential([lm.Dense(2)]).compile(lm.MeanSquaredError(), optimizer, in_shape=(3,))
    with pytest.raises(ArgumentError, match=r"state must be a Mapping such as optimizer\.state_di"):
        optimizer.load_state_dict(None)  # type: ignore[arg-type]
