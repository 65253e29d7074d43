"""Rules that every layer keeps, and the services of Layer to its subclasses."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend, CupyBackend
from lamella.core.errors import ArgumentError, ShapeError, UsageError
from lamella.testing import check_layer, strict_cupy
from tests.layers.bench import Bench, assert_gradients
from tests.networks import Gain

# One entry for each class of lamella.layers: how some are made, and the inputs they take.
CASES: dict[str, list[tuple[Callable[[], lm.Layer], tuple[int, ...]]]] = {
    "BatchNorm": [(lm.BatchNorm, (4,)), (lambda: lm.BatchNorm(0.5, eps=0.1), (1,))],
    "Dense": [
        (lambda: lm.Dense(3), (4,)),
        (lambda: lm.Dense(1, use_bias=False), (1,)),
        (lambda: lm.Dense(2, init="glorot_uniform", regularizer=lm.L2(0.1)), (5,)),
    ],
    "Dropout": [(lambda: lm.Dropout(0.4), (6,)), (lambda: lm.Dropout(0), (2, 3))],
    "ELU": [(lm.ELU, (4,)), (lambda: lm.ELU(0.3), (2, 3))],
    "Flatten": [(lm.Flatten, (2, 3)), (lm.Flatten, (4,))],
    "GELU": [(lm.GELU, (4,)), (lm.GELU, (2, 3))],
    "LayerNorm": [(lm.LayerNorm, (4,)), (lambda: lm.LayerNorm(eps=0.1), (2,))],
    "LeakyReLU": [(lm.LeakyReLU, (4,)), (lambda: lm.LeakyReLU(0.3), (2, 2))],
    "ReLU": [(lm.ReLU, (4,)), (lm.ReLU, (2, 3))],
    "SiLU": [(lm.SiLU, (4,)), (lm.SiLU, (2, 3))],
    "Sigmoid": [(lm.Sigmoid, (4,)), (lm.Sigmoid, (2, 3))],
    "Softmax": [(lm.Softmax, (4,)), (lm.Softmax, (2, 3))],
    "Softplus": [(lm.Softplus, (4,)), (lm.Softplus, (2, 3))],
    "Tanh": [(lm.Tanh, (4,)), (lm.Tanh, (2, 3))],
}
every_layer = pytest.mark.parametrize(
    ("make", "in_shape"),
    [
        pytest.param(make, shape, id=f"{make()!r} {shape}")
        for cases in CASES.values()
        for make, shape in cases
    ],
)
Make = Callable[[], lm.Layer]


def test_every_layer_has_cases_in_this_file() -> None:
    assert set(CASES) == set(lm.layers.__all__) - {"Activation", "Layer"}
    for name, cases in CASES.items():
        assert {type(make()) for make, _ in cases} == {getattr(lm.layers, name)}


def batch(in_shape: tuple[int, ...], rows: int = 4) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((rows, *in_shape))


@every_layer
def test_check_layer_finds_nothing_wrong(make: Make, in_shape: tuple[int, ...]) -> None:
    check_layer(make(), in_shape)


@every_layer
@pytest.mark.parametrize("training", [True, False])
def test_backward_is_the_slope_of_forward(
    backend: Backend, make: Make, in_shape: tuple[int, ...], training: bool
) -> None:
    assert_gradients(Bench(make(), in_shape, backend), batch(in_shape), training)


@every_layer
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_results_are_contiguous_in_the_dtype_and_near_those_of_float64(
    backend: Backend, make: Make, in_shape: tuple[int, ...], dtype: str
) -> None:
    bench, exact = (Bench(make(), in_shape, backend, kind) for kind in (dtype, "float64"))
    for rows in (5, 2, 7):
        x = backend.asarray(batch(in_shape, rows), dtype)
        y = bench.layer.forward(x, True)
        dy = np.random.default_rng(2).standard_normal((rows, *bench.out_shape))
        dx = bench.layer.backward(backend.asarray(dy, dtype))
        for got, expected in ((y, exact.forward(batch(in_shape, rows))), (dx, exact.backward(dy))):
            assert isinstance(got, backend.xp.ndarray)
            assert got.dtype == dtype
            assert got.flags.c_contiguous
            np.testing.assert_allclose(backend.to_host(got), expected, rtol=1e-4, atol=1e-5)


@every_layer
def test_inputs_and_gradients_given_are_left_as_they_are(
    backend: Backend, make: Make, in_shape: tuple[int, ...]
) -> None:
    bench = Bench(make(), in_shape, backend)
    x = batch(in_shape)
    dy = np.random.default_rng(2).standard_normal((len(x), *bench.out_shape))
    sent_x, sent_dy = backend.asarray(x.copy()), backend.asarray(dy.copy())
    for training in (True, False):
        bench.layer.forward(sent_x, training)
        bench.layer.backward(sent_dy)
    np.testing.assert_array_equal(backend.to_host(sent_x), x)
    np.testing.assert_array_equal(backend.to_host(sent_dy), dy)


@every_layer
def test_a_batch_gives_the_same_after_any_other_batches(
    backend: Backend, make: Make, in_shape: tuple[int, ...]
) -> None:
    x, dy_of = batch(in_shape, 3), np.random.default_rng(2)
    fresh, used = (Bench(make(), in_shape, backend) for _ in range(2))
    dy = dy_of.standard_normal((3, *fresh.out_shape))
    used.forward(100 * batch(in_shape, 8))
    used.backward(np.full((8, *fresh.out_shape), 1e6))
    for (_, dtype), buffer in used.layer._scratch.buffers.items():
        buffer[...] = np.nan if dtype.kind == "f" else 1
    for bench in (fresh, used):
        bench.layer.rng.draws = 0
    np.testing.assert_array_equal(used.forward(x), fresh.forward(x))
    np.testing.assert_array_equal(used.backward(dy), fresh.backward(dy))
    for one, other in zip(used.layer.parameters, fresh.layer.parameters, strict=True):
        np.testing.assert_array_equal(backend.to_host(one.grad), backend.to_host(other.grad))


@every_layer
def test_evaluation_changes_nothing_and_each_row_stands_alone(
    backend: Backend, make: Make, in_shape: tuple[int, ...]
) -> None:
    bench = Bench(make(), in_shape, backend)
    bench.forward(batch(in_shape))
    before, draws = bench.model.state_dict(), bench.layer.rng.draws
    x = batch(in_shape, 5)
    whole = bench.forward(x, training=False)
    rows = [bench.forward(row[None], training=False)[0] for row in x]
    np.testing.assert_allclose(whole, rows, rtol=1e-12)
    assert bench.layer.rng.draws == draws
    for name, array in bench.model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


@every_layer
def test_a_step_on_a_device_allocates_nothing_and_does_not_wait(
    make: Make, in_shape: tuple[int, ...]
) -> None:
    bench = Bench(make(), in_shape, CupyBackend(strict_cupy), "float32")
    x = strict_cupy.asarray(batch(in_shape).astype("float32"))
    dy = strict_cupy.asarray(np.ones((4, *bench.out_shape), "float32"))
    bench.layer.forward(x, True)
    bench.layer.backward(dy)
    strict_cupy.counts.reset()
    bench.layer.forward(x, True)
    bench.layer.backward(dy)
    assert (strict_cupy.counts.syncs, strict_cupy.counts.allocations) == (0, 0)


@every_layer
def test_repr_can_be_typed_in_again(make: Make, in_shape: tuple[int, ...]) -> None:
    layer = make()
    again = eval(repr(layer), vars(lm))
    assert type(again) is type(layer)
    assert repr(again) == repr(layer)
    Bench(layer, in_shape, lm.get_backend("numpy"))
    assert repr(layer) == repr(again)  # building adds nothing


@pytest.mark.parametrize(
    ("layer", "shown"),
    [
        (lm.BatchNorm(), "BatchNorm(momentum=0.9)"),
        (lm.BatchNorm(0.5, 0.1), "BatchNorm(momentum=0.5, eps=0.1)"),
        (lm.Dense(3), "Dense(units=3)"),
        (lm.Dropout(0.4), "Dropout(rate=0.4)"),
        (lm.Flatten(), "Flatten()"),
        (lm.LeakyReLU(), "LeakyReLU(slope=0.01)"),
        (lm.ReLU(), "ReLU()"),
        (lm.Sigmoid(), "Sigmoid()"),
        (lm.Softmax(), "Softmax()"),
        (lm.Tanh(), "Tanh()"),
    ],
)
def test_repr_names_the_hyper_parameters(layer: lm.Layer, shown: str) -> None:
    assert repr(layer) == shown


def test_names_of_parameters_and_states_are_unique_in_a_model() -> None:
    layers = [lm.Dense(3), lm.BatchNorm(), lm.Dense(3), lm.BatchNorm(), lm.Dense(3)]
    model = lm.Sequential(layers).build((3,))
    assert list(model.state_dict()) == [
        "0.Dense.W",
        "0.Dense.b",
        "1.BatchNorm.gamma",
        "1.BatchNorm.beta",
        "2.Dense.W",
        "2.Dense.b",
        "3.BatchNorm.gamma",
        "3.BatchNorm.beta",
        "4.Dense.W",
        "4.Dense.b",
        "1.BatchNorm.running_mean",
        "1.BatchNorm.running_var",
        "3.BatchNorm.running_mean",
        "3.BatchNorm.running_var",
    ]


class Declares(lm.Layer):
    """A layer whose build declares the given names."""

    def __init__(self, *declare: Callable[[lm.Layer], Any], out_shape: Any = (1,)) -> None:
        self.declare, self.out_shape = declare, out_shape

    def build(self, in_shape: Any) -> Any:
        for call in self.declare:
            call(self)
        return self.out_shape

    def forward(self, x: Any, training: bool) -> Any:
        return x

    def backward(self, dy: Any) -> Any:
        return dy


def param(name: str) -> Callable[[lm.Layer], Any]:
    return lambda layer: layer.add_param(name, (2,))


def state(name: str) -> Callable[[lm.Layer], Any]:
    return lambda layer: layer.add_state(name, (2,))


@pytest.mark.parametrize(
    "declare",
    [
        (param("a"), param("a")),
        (state("a"), state("a")),
        (param("a"), state("a")),
        (param("a.b"),),
        (state(""),),
    ],
)
def test_names_in_a_layer_must_be_new_and_without_dots(declare: Any) -> None:
    with pytest.raises(ArgumentError, match="is no new name without dots in Declares"):
        lm.Sequential([Declares(*declare)]).build((3,))


def test_declared_arrays_start_with_the_given_values(backend: Backend) -> None:
    layer = Declares(
        lambda layer: layer.add_param("scale", (2,), "ones"),
        lambda layer: layer.add_param("shift", (2,)),
        lambda layer: layer.add_state("seen", (3,), 4.0),
    )
    model = lm.Sequential([layer], backend=backend).build((2,))
    expected = {"0.Declares.scale": [1, 1], "0.Declares.shift": [0, 0], "0.Declares.seen": [4] * 3}
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, expected.pop(name))
    assert not expected


def test_building_again_declares_again(backend: Backend) -> None:
    layer = lm.Dense(3)
    model = lm.Sequential([layer], backend=backend).build((4,))
    model.build((2,))
    assert [p.shape for p in layer.parameters] == [(2, 3), (3,)]
    assert model.built().count == 9


@pytest.mark.parametrize("out_shape", [None, 3, [3]])
def test_a_build_that_returns_no_shape_is_named(out_shape: Any) -> None:
    layers = [lm.ReLU(), Declares(out_shape=out_shape)]
    with pytest.raises(ShapeError, match=r"^layer 1: .*build must return the output's shape"):
        lm.Sequential(layers).build((3,))


@pytest.mark.parametrize("layer", [lm.Dense(3), lm.BatchNorm()])
def test_a_wrong_rank_names_layer_index_class_shape_and_cure(layer: lm.Layer) -> None:
    name = type(layer).__name__
    with pytest.raises(
        ShapeError,
        match=rf"^layer 1: {name} takes 1 axis of features, got inputs of shape \(28, 28\): "
        r"put Flatten\(\) before it$",
    ):
        lm.Sequential([lm.ReLU(), layer]).build((28, 28))


def test_inputs_of_another_shape_than_built_for_name_layer_0() -> None:
    model = lm.Sequential([lm.Dense(3), lm.ReLU()]).build((4,))
    with pytest.raises(
        ShapeError, match=r"x has samples of shape \(5,\), but layer 0 Dense was built for \(4,\)"
    ):
        model.predict(np.zeros((2, 5)))


def test_a_plain_custom_layer_learns_on_every_backend(backend: Backend) -> None:
    check_layer(Gain(), (5,))
    assert_gradients(Bench(Gain(), (3,), backend), batch((3,)))
    layer = Gain()
    model = lm.Sequential([layer], seed=1, backend=backend, dtype="float64")
    model.compile(lm.MeanSquaredError(), lm.SGD(0.1), in_shape=(3,))
    x = np.random.default_rng(4).standard_normal((32, 3))
    wanted = np.array([2.0, -1.0, 0.5])
    for _ in range(200):
        model.train_step(x, x * wanted)
    np.testing.assert_allclose(backend.to_host(layer.gain.value), wanted, rtol=1e-4)


def test_only_layers_behind_the_first_parameter_are_asked_for_dx() -> None:
    layers = [lm.Flatten(), lm.ReLU(), lm.Dense(3), lm.Tanh(), lm.Dense(2)]
    lm.Sequential(layers).build((2, 2))
    assert [layer.needs_dx for layer in layers] == [False, False, False, True, True]


def test_a_layer_is_no_function() -> None:
    with pytest.raises(UsageError, match=r"list the layers of a model, as in Sequential\("):
        lm.Dense(3)(np.ones((2, 4)))
