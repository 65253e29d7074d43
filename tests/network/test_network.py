"""Layers in a row: shapes, flat vectors of parameters, forward, backward and summary."""

import copy
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.core.errors import ArgumentError, DataError, UsageError
from lamella.network.network import Network


def small(backend: Backend | str = "numpy", **options: object) -> Network:
    layers = [lm.Flatten(), lm.Dense(4), lm.Tanh(), lm.BatchNorm(), lm.Dense(3)]
    return Network(layers, seed=1, backend=backend, **options)


def by_hand(state: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    """Return the evaluation of `small`, written out."""
    h = np.tanh(x.reshape(len(x), -1) @ state["1.Dense.W"] + state["1.Dense.b"])
    n = (h - state["3.BatchNorm.running_mean"]) / np.sqrt(state["3.BatchNorm.running_var"] + 1e-5)
    n = state["3.BatchNorm.gamma"] * n + state["3.BatchNorm.beta"]
    return n @ state["4.Dense.W"] + state["4.Dense.b"]


def test_forward_is_the_layers_one_after_the_other(
    backend: Backend, rng: np.random.Generator
) -> None:
    net = small(backend, dtype="float64").build((2, 3))
    x = rng.standard_normal((5, 2, 3))
    pred = net.forward(backend.asarray(x))
    np.testing.assert_allclose(
        backend.to_host(pred), by_hand(net.state_dict(), x), rtol=1e-12, atol=1e-12
    )
    assert net.pred is pred
    assert [backend.to_host(out).shape for out in net.layer_outputs] == [
        (5, 6),
        (5, 4),
        (5, 4),
        (5, 4),
        (5, 3),
    ]


def test_backward_is_the_slope_of_forward(backend: Backend, rng: np.random.Generator) -> None:
    net = small(backend, dtype="float64").build((2, 3))
    x, direction = rng.standard_normal((5, 2, 3)), rng.standard_normal((5, 3))
    net.forward(backend.asarray(x))
    net.backward(backend.asarray(direction))
    found = {p.name: np.array(backend.to_host(p.grad)) for p in net.store}

    state, step = net.state_dict(), 1e-6
    for name, gradient in found.items():
        for index in np.ndindex(gradient.shape):
            values = []
            for move in (step, -step):
                moved = {**state, name: state[name].copy()}
                moved[name][index] += move
                values.append((by_hand(moved, x) * direction).sum())
            expected = (values[0] - values[1]) / (2 * step)
            assert gradient[index] == pytest.approx(expected, rel=1e-6, abs=1e-8), (name, index)


def test_shapes_are_inferred_from_the_first_to_the_last(backend: Backend) -> None:
    net = small(backend).build((28, 28))
    assert net.shapes == [(28, 28), (784,), (4,), (4,), (4,), (3,)]
    assert net.in_shape == (28, 28)
    assert {p.name: p.shape for p in net.store} == {
        "1.Dense.W": (784, 4),
        "1.Dense.b": (4,),
        "3.BatchNorm.gamma": (4,),
        "3.BatchNorm.beta": (4,),
        "4.Dense.W": (4, 3),
        "4.Dense.b": (3,),
    }


def test_parameters_and_gradients_are_views_into_one_vector_each(backend: Backend) -> None:
    net = small(backend).build((6,))
    net.store.values[...] = 2.5
    net.store.grads[...] = -1.5
    for parameter in net.store:
        assert (backend.to_host(parameter.value) == 2.5).all()
        assert (backend.to_host(parameter.grad) == -1.5).all()


def test_gradients_are_asked_only_behind_the_first_parameter() -> None:
    layers = [lm.Flatten(), lm.Dropout(0.5), lm.Dense(3), lm.ReLU(), lm.Dense(2)]
    net = Network(layers, seed=0, backend="numpy").build((2, 2))
    assert [layer.needs_dx for layer in net.layers] == [False, False, False, True, True]


def test_backward_stops_at_the_first_layer_with_parameters(rng: np.random.Generator) -> None:
    class Unasked(lm.ReLU):
        def backward(self, dy: np.ndarray) -> np.ndarray:
            raise AssertionError("nobody needs this gradient")

    net = Network([Unasked(), lm.Dense(3), lm.Dense(2)], seed=0, backend="numpy").build((4,))
    net.forward(rng.standard_normal((5, 4)).astype("float32"))
    net.backward(np.ones((5, 2), "float32"))
    assert np.abs(net.layers[1].W.grad).max() > 0
    assert net.layers[1].backward(np.ones((5, 3), "float32")) is None


def test_a_network_without_parameters_computes(backend: Backend) -> None:
    net = Network([lm.Flatten(), lm.ReLU()], seed=0, backend=backend).build((2, 2))
    x = np.array([[[1.0, -2.0], [-3.0, 4.0]]], "float32")
    out = net.forward(backend.asarray(x))
    np.testing.assert_array_equal(backend.to_host(out), [[1, 0, 0, 4]])
    net.backward(backend.asarray(np.ones((1, 4), "float32")))
    assert net.store.count == 0


def test_penalty_is_the_sum_over_regularized_parameters(backend: Backend) -> None:
    layers = [
        lm.Dense(4, regularizer=lm.L2(0.1)),
        lm.Dense(3),
        lm.Dense(2, regularizer=lm.L1(0.01)),
    ]
    net = Network(layers, seed=0, backend=backend, dtype="float64").build((5,))
    state = net.state_dict()
    expected = 0.05 * (state["0.Dense.W"] ** 2).sum() + 0.01 * np.abs(state["2.Dense.W"]).sum()
    assert net.penalty() == pytest.approx(expected, rel=1e-12)
    assert [p.name for p in net.regularized] == ["0.Dense.W", "2.Dense.W"]


def test_penalty_without_regularizers_is_zero() -> None:
    assert small().build((6,)).penalty() == 0.0


def test_one_regularizer_may_serve_two_layers(backend: Backend) -> None:
    shared = lm.L2(2.0)
    net = Network(
        [lm.Dense(2, regularizer=shared), lm.Dense(1, regularizer=shared)],
        seed=0,
        backend=backend,
    ).build((2,))
    net.layers[0].W.value = backend.asarray(np.array([[1.0, 2.0], [0.0, 1.0]], "float32"))
    net.layers[1].W.value = backend.asarray(np.array([[3.0], [0.0]], "float32"))
    assert net.penalty() == pytest.approx(1 + 4 + 1 + 9)


def test_state_dict_is_a_copy_and_load_state_dict_brings_it_back(backend: Backend) -> None:
    net = small(backend).build((6,))
    before = net.state_dict()
    assert set(before) == {
        *(p.name for p in net.store),
        "3.BatchNorm.running_mean",
        "3.BatchNorm.running_var",
    }
    net.store.values[...] = 7.0
    net.layers[3].running_mean.value = 8.0
    assert (net.state_dict()["4.Dense.W"] == 7).all()
    assert not (before["4.Dense.W"] == 7).any()
    assert (before["3.BatchNorm.running_mean"] == 0).all()

    net.load_state_dict(before)
    after = net.state_dict()
    for name, array in before.items():
        np.testing.assert_array_equal(after[name], array)
    net.store.values[...] = 1.0
    assert (net.state_dict()["1.Dense.W"] == 1).all()  # still views of the vector


def test_load_state_dict_refuses_other_names_and_changes_nothing() -> None:
    net = small().build((6,))
    before = net.state_dict()
    other = {name: array + 1 for name, array in before.items()}
    other["9.Dense.W"] = other.pop("4.Dense.W")
    with pytest.raises(lm.LamellaError, match=r"missing \['4.Dense.W'\].*unknown \['9.Dense.W'\]"):
        net.load_state_dict(other)
    np.testing.assert_equal(net.state_dict(), before)


def test_load_state_dict_refuses_other_shapes_and_changes_nothing() -> None:
    net = small().build((6,))
    before = net.state_dict()
    other = {name: array + 1 for name, array in before.items()}
    other["4.Dense.b"] = np.zeros(4)
    with pytest.raises(lm.errors.ShapeError, match=r"4.Dense.b has shape \(3,\) here, but \(4,\)"):
        net.load_state_dict(other)
    np.testing.assert_equal(net.state_dict(), before)


def test_load_state_dict_refuses_masked_values_and_changes_nothing() -> None:
    net = small().build((6,))
    before = net.state_dict()
    other = {name: array + 1 for name, array in before.items()}
    other["4.Dense.b"] = np.ma.masked_equal(np.arange(3.0), 1)
    with pytest.raises(lm.errors.DataError, match=r"4.Dense.b has 1 masked value"):
        net.load_state_dict(other)
    np.testing.assert_equal(net.state_dict(), before)


def test_a_layer_does_not_change_how_the_others_start() -> None:
    plain = Network([lm.Dense(4), lm.Dense(3)], seed=5, backend="numpy").build((6,))
    wider = Network([lm.Dense(4), lm.Dense(3), lm.Dense(2)], seed=5, backend="numpy").build((6,))
    for name, array in plain.state_dict().items():
        np.testing.assert_array_equal(array, wider.state_dict()[name])


def test_weights_start_alike_on_every_backend(backend: Backend) -> None:
    there = small(backend).build((6,)).state_dict()
    here = small("numpy").build((6,)).state_dict()
    np.testing.assert_equal(there, here)


def test_building_again_draws_the_same_weights() -> None:
    net = small().build((6,))
    before = net.state_dict()
    net.store.values[...] = 0
    np.testing.assert_equal(net.build((6,)).state_dict(), before)


def test_errors_in_a_layer_name_its_index_and_class() -> None:
    net = Network([lm.Dense(4), lm.Flatten(), lm.BatchNorm()], seed=0, backend="numpy")
    with pytest.raises(
        lm.errors.ShapeError, match=r"layer 0: Dense takes 1 axis .* got inputs of shape \(28, 28\)"
    ):
        net.build((28, 28))
    assert net.store is None


def test_a_build_that_returns_no_shape_names_the_layer() -> None:
    class Forgetful(lm.ReLU):
        def build(self, in_shape: tuple[int, ...]) -> None:
            pass

    net = Network([lm.Dense(4), Forgetful()], seed=0, backend="numpy")
    with pytest.raises(
        lm.errors.ShapeError, match=r"layer 1: build must return .* tuple, got None"
    ):
        net.build((3,))


@pytest.mark.parametrize(
    ("in_shape", "text"),
    [
        ((3, 0), "in_shape .* at least 1, got 0"),
        (6, r"in_shape must be a tuple of the sizes .* such as \(28, 28\), got 6"),
        ("6", "in_shape must be a tuple of the sizes"),
    ],
)
def test_an_in_shape_that_is_none_is_refused_and_changes_nothing(in_shape: Any, text: str) -> None:
    net = small().build((6,))
    before = net.state_dict()
    with pytest.raises(lm.errors.ArgumentError, match=text):
        net.build(in_shape)
    np.testing.assert_equal(net.state_dict(), before)


def test_an_unbuilt_network_says_how_it_is_built() -> None:
    with pytest.raises(lm.errors.UsageError, match=r"not built yet.*in_shape"):
        small().state_dict()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_all_numbers_have_the_dtype_of_the_model(
    backend: Backend, dtype: str, rng: np.random.Generator
) -> None:
    net = small(backend, dtype=dtype).build((6,))
    net.forward(backend.asarray(rng.standard_normal((5, 6)), dtype), training=True)
    net.backward(backend.asarray(np.ones((5, 3)), dtype))
    assert {array.dtype for array in net.state_dict().values()} == {np.dtype(dtype)}
    assert net.store.grads.dtype == dtype
    assert {out.dtype for out in net.layer_outputs} == {np.dtype(dtype)}


def test_networks_that_differ_by_a_layer_start_alike_and_drop_alike() -> None:
    def noise_and_weights(*extra: lm.Layer) -> tuple[list[np.ndarray], np.ndarray]:
        layers = [lm.Dense(6), *extra, lm.ReLU(), lm.Dropout(0.5), lm.Dense(4), lm.Dense(3)]
        model = lm.Sequential(layers, seed=3, backend="numpy").build((5,))
        weights = [layer.W.value for layer in model.layers if isinstance(layer, lm.Dense)]
        dropout = next(layer for layer in model.layers if isinstance(layer, lm.Dropout))
        return weights, dropout.forward(np.ones((8, 6), "f4"), training=True).copy()

    plain, plain_drops = noise_and_weights()
    longer, longer_drops = noise_and_weights(lm.BatchNorm(), lm.Tanh())
    for mine, theirs in zip(plain, longer, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(plain_drops, longer_drops)
    assert not np.array_equal(plain[1].ravel()[:12], plain[2].ravel()[:12])  # each has its own


@pytest.mark.parametrize(
    ("name", "value"), [("seed", 5), ("dtype", "float64"), ("backend", "numpy"), ("layers", [])]
)
def test_what_a_model_is_made_of_cannot_be_assigned_later(name: str, value: object) -> None:
    net = small()
    before = getattr(net, name)
    with pytest.raises(UsageError, match=f"Network.{name} is fixed .*: make a new Network with"):
        setattr(net, name, value)
    assert getattr(net, name) is before


def test_layers_appended_before_building_are_computed() -> None:
    net = Network([lm.Dense(3)], seed=0, backend="numpy")
    net.layers.append(lm.ReLU())
    found = net.build((2,)).predict(np.ones((5, 2), np.float32))
    dense = np.ones(2) @ net.layers[0].W.value  # type: ignore[attr-defined]
    np.testing.assert_allclose(found[0], np.maximum(dense, 0), rtol=1e-6)


class Tensor:
    """An array of another library, with a dtype that is none of numpy's."""

    dtype = "other.float32"

    def __init__(self, values: np.ndarray) -> None:
        self.values, self.shape = values, values.shape

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return self.values


def test_load_state_dict_takes_lists_and_arrays_of_other_libraries() -> None:
    source, lists, tensors = (small().build((28, 28)) for _ in range(3))
    source.store.values[...] += 0.5  # type: ignore[union-attr]
    saved = source.state_dict()
    lists.load_state_dict({name: array.tolist() for name, array in saved.items()})
    tensors.load_state_dict({name: Tensor(array) for name, array in saved.items()})
    np.testing.assert_equal(lists.state_dict(), saved)
    np.testing.assert_equal(tensors.state_dict(), saved)


@pytest.mark.parametrize("given", [None, [1.0]])
def test_load_state_dict_says_that_it_takes_a_dict(given: Any) -> None:
    net = small().build((28, 28))
    before = net.state_dict()
    with pytest.raises(ArgumentError, match=r"arrays must be a Mapping such as model\.state_dict"):
        net.load_state_dict(given)
    with pytest.raises(DataError, match="must hold numbers, got None"):
        net.load_state_dict(dict.fromkeys(before))
    np.testing.assert_equal(net.state_dict(), before)


def test_an_array_in_place_of_a_parameter_is_named_in_predictions() -> None:
    net = small().build((28, 28))
    dense = next(layer for layer in net.layers if isinstance(layer, lm.Dense))
    dense.W = np.zeros((784, 4))  # type: ignore[assignment]
    with pytest.raises(UsageError, match=r"Dense.W was replaced by a ndarray, .* set W\.value = "):
        net.predict(np.ones((2, 28, 28)))


class Wide(lm.Sequential):
    """A model with an argument of its own."""

    def __init__(self, width: int, seed: int | None = None) -> None:
        super().__init__([lm.Dense(width)], seed=seed, backend="numpy")
        self.width = width


class Described(Wide):
    def config(self) -> dict[str, Any]:
        return {"width": self.width, "seed": self.seed}


def test_a_model_with_arguments_of_its_own_writes_config() -> None:
    with pytest.raises(UsageError, match=r"Wide.__init__ takes width, seed, .* write a method con"):
        copy.deepcopy(Wide(3, seed=1))
    model = Described(3, seed=1).build((2,))
    np.testing.assert_equal(copy.deepcopy(model).state_dict(), model.state_dict())
