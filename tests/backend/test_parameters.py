"""Memory of a model: parameters always stay views into two flat vectors."""

from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.backend.parameters import Parameter, ParameterStore, State
from lamella.core.errors import (
    ArgumentError,
    DataError,
    FileFormatError,
    ShapeError,
    UsageError,
)
from lamella.core.seeds import Streams
from lamella.layers.initializers import ones, zeros

OPTIMIZERS = [getattr(lm.optimizers, name) for name in lm.optimizers.__all__ if name != "Optimizer"]


def network(backend: Any, dtype: str = "float32", optimizer: Any = None) -> lm.Sequential:
    """A model with matrices, vectors and states, of sizes that leave gaps."""
    layers = [
        lm.Dense(7, regularizer=lm.L2(0.1)),
        lm.BatchNorm(),
        lm.ReLU(),
        lm.Dense(3, use_bias=False, regularizer=lm.L1(0.1)),
        lm.Dense(2),
    ]
    return lm.Sequential(layers, seed=7, backend=backend, dtype=dtype).compile(
        lm.SoftmaxCrossEntropy(), optimizer or lm.Adam(0.1), in_shape=(5,)
    )


def steps(model: lm.Sequential, count: int = 1) -> None:
    rng = np.random.default_rng(3)
    for _ in range(count):
        model.train_step(rng.standard_normal((6, 5)), rng.integers(0, 2, 6))


def assert_views(model: lm.Sequential) -> None:
    """Assert that a ramp in each flat vector shows in the parameters; restore the vectors."""
    store, to_host, send = model.built(), model.backend.to_host, model.backend.asarray
    for kind, flat in (("value", store.values), ("grad", store.grads)):
        before = np.array(to_host(flat))
        ramp = np.arange(flat.size, dtype=flat.dtype) + 0.5
        flat[...] = send(ramp)
        for parameter, span in store.spans:
            found = to_host(getattr(parameter, kind))
            np.testing.assert_array_equal(found, ramp[span].reshape(parameter.shape))
        flat[...] = send(before)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_parameters_are_views_after_build_and_training(backend: Backend, dtype: str) -> None:
    model = network(backend, dtype)
    assert_views(model)
    steps(model, 3)
    assert_views(model)
    assert model.built().values.dtype == dtype
    model.build((5,))  # a second time
    assert_views(model)


def test_assigning_copies_into_the_view(backend: Backend) -> None:
    model = network(backend)
    W, send = model.layers[0].W, backend.asarray
    new = np.arange(35, dtype=np.float32).reshape(5, 7)
    W.value = send(new)
    W.grad = send(-new)
    np.testing.assert_array_equal(backend.to_host(W.value), new)
    np.testing.assert_array_equal(backend.to_host(model.built().values[:35]), new.ravel())
    np.testing.assert_array_equal(backend.to_host(model.built().grads[:35]), -new.ravel())
    W.grad += send(new)
    W.grad -= 2
    W.value *= 3
    np.testing.assert_array_equal(backend.to_host(model.built().values[:35]), 3 * new.ravel())
    np.testing.assert_array_equal(backend.to_host(model.built().grads[:35]), np.full(35, -2))
    W.value = 0.5
    np.testing.assert_array_equal(backend.to_host(model.built().values[:35]), np.full(35, 0.5))
    assert_views(model)


def test_assigning_keeps_the_dtype_and_no_tie_to_the_source(backend: Backend) -> None:
    model = network(backend)
    source = backend.asarray(np.full((5, 7), 1 / 3))
    model.layers[0].W.value = source
    source[...] = 0
    value = backend.to_host(model.layers[0].W.value)
    assert value.dtype == np.float32
    np.testing.assert_array_equal(value, np.full((5, 7), np.float32(1 / 3)))


@pytest.mark.parametrize("shape", [(7, 5), (5,), (7,), (1,), (1, 7), (5, 7, 1), (35,)])
def test_assigning_another_shape_is_refused(backend: Backend, shape: tuple[int, ...]) -> None:
    model = network(backend)
    W = model.layers[0].W
    before = model.state_dict()["0.Dense.W"]
    wrong = backend.xp.ones(shape, "float32")
    with pytest.raises(ShapeError, match=r"^0.Dense.W has shape \(5, 7\), cannot be assigned"):
        W.value = wrong
    with pytest.raises(ShapeError, match=r"^gradient of 0.Dense.W has shape \(5, 7\), cannot"):
        W.grad = wrong
    np.testing.assert_array_equal(backend.to_host(W.value), before)


def test_arrays_of_numpy_and_lists_are_assigned_on_every_device(backend: Backend) -> None:
    W, new = network(backend).layers[0].W, np.arange(35.0).reshape(7, 5).T
    for given in (new, new.tolist()):
        W.value = 0
        W.value = given
        np.testing.assert_array_equal(backend.to_host(W.value), new)


def test_other_memory_is_refused_once_there_is_some() -> None:
    parameter = network("numpy").layers[0].W
    before = parameter.value
    with pytest.raises(UsageError, match=r"^0.Dense.W has its memory already: set 0.Dense.W.value"):
        parameter.point_to(np.ones((5, 7)), np.ones((5, 7)))
    assert parameter.value is before


def test_assigning_masked_values_is_refused() -> None:
    model = network("numpy")
    before = model.state_dict()["0.Dense.W"]
    with pytest.raises(DataError, match=r"^0.Dense.W has 35 masked values"):
        model.layers[0].W.value = np.ma.masked_all((5, 7))
    np.testing.assert_array_equal(model.layers[0].W.value, before)


def test_assigning_a_list_is_refused_unless_its_shape_fits(backend: Backend) -> None:
    # On the host numpy would repeat a row of 7 numbers five times, and say nothing.
    W = network(backend).layers[0].W
    with pytest.raises(ValueError, match=r"shape|fill"):
        W.value = [0.5] * 7


def test_states_copy_assigned_arrays_and_check_their_shape(backend: Backend) -> None:
    state = State("0.Mine.mean", (3,), 2.5)
    state.allocate(backend, np.dtype("float32"))
    np.testing.assert_array_equal(backend.to_host(state.value), [2.5, 2.5, 2.5])
    held = state.value
    state.value = backend.asarray(np.array([1.0, 2.0, 3.0]))
    np.testing.assert_array_equal(backend.to_host(held), [1, 2, 3])
    with pytest.raises(ShapeError, match=r"0.Mine.mean has shape \(3,\), cannot be assigned"):
        state.value = backend.xp.ones(2, "float32")


def test_reading_numbers_before_building_is_an_error() -> None:
    parameter, state = Parameter("0.Dense.W", (2, 3), ones), State("1.Norm.mean", (3,), 0.0)
    for use in (lambda: parameter.value, lambda: parameter.grad, lambda: state.value):
        with pytest.raises(UsageError, match=r"has no numbers yet: build the model first"):
            use()
    with pytest.raises(UsageError, match=r"^0.Dense.W has no numbers yet"):
        parameter.value = 1.0


def test_a_parameter_shows_name_and_shape() -> None:
    parameter = Parameter("0.Dense.W", (2, 3), ones)
    assert repr(parameter) == "Parameter('0.Dense.W', shape=(2, 3))"
    assert (parameter.size, parameter.is_matrix) == (6, True)
    assert not Parameter("0.Dense.b", (6,), ones).is_matrix


def store_of(backend: Backend, *shapes: tuple[int, ...], dtype: str = "float32") -> ParameterStore:
    parameters = [Parameter(f"{i}.L.p", shape, zeros) for i, shape in enumerate(shapes)]
    return ParameterStore(parameters, backend, np.dtype(dtype))


@pytest.mark.parametrize(("dtype", "line"), [("float32", 16), ("float64", 8)])
def test_matrices_lie_before_vectors_on_64_byte_boundaries(
    backend: Backend, dtype: str, line: int
) -> None:
    store = store_of(backend, (3,), (5, 7), (16,), (2, 2, 9), (1, 1), dtype=dtype)
    assert [p.name[0] for p in store] == ["0", "1", "2", "3", "4"]  # as declared
    assert [p.name[0] for p, _ in store.spans] == ["1", "3", "4", "0", "2"]
    end = 0
    for parameter, span in store.spans:
        assert span.start % line == 0
        assert span.start - end < line  # no more room than is needed
        assert span.stop - span.start == parameter.size
        end = span.stop
    assert store.values.size % line == 0
    assert (store.count, len(store)) == (3 + 35 + 16 + 36 + 1, 5)
    if backend.on_host:
        for parameter in store:
            assert parameter.value.ctypes.data % 64 == 0
            assert parameter.grad.ctypes.data % 64 == 0


def test_a_store_of_nothing_has_no_numbers(backend: Backend) -> None:
    assert store_of(backend).values.size == 0


def test_a_model_without_parameters_can_be_trained(backend: Backend) -> None:
    model = lm.Sequential([lm.Flatten(), lm.Tanh()], seed=1, backend=backend)
    model.compile(lm.MeanSquaredError(), lm.Adam(), in_shape=(2, 2))
    x = np.full((3, 2, 2), 0.5, np.float32)
    loss = model.train_step(x, np.zeros((3, 4)))
    assert float(loss) == pytest.approx(np.tanh(0.5) ** 2, rel=1e-6)


@pytest.mark.parametrize("clip_norm", [None, 0.01])
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda cls: cls.__name__)
def test_views_hold_and_gaps_stay_zero_with_every_optimizer(
    backend: Backend, optimizer: Any, clip_norm: float | None
) -> None:
    model = network(backend, optimizer=optimizer(0.1, clip_norm=clip_norm))
    before = model.state_dict()
    steps(model, 17)  # the 16th flushes small moments
    assert_views(model)
    for name, start in before.items():
        assert (model.state_dict()[name] != start).any(), f"{name} was not trained"
    store = model.built()
    gaps = np.ones(store.values.size, bool)
    for _, span in store.spans:
        gaps[span] = False
    assert gaps.sum() > 30
    for vector in (store.values, store.grads, *model.optimizer.state.values()):
        host = backend.to_host(vector)
        assert not host[gaps].any()
        assert np.isfinite(host).all()


def test_loading_copies_into_the_views(backend: Backend) -> None:
    model, other = network(backend), network(backend)
    steps(model, 5)
    saved = model.state_dict()
    held = other.layers[0].W.value
    other.load_state_dict(saved)
    np.testing.assert_array_equal(backend.to_host(held), saved["0.Dense.W"])
    for name, array in other.state_dict().items():
        np.testing.assert_array_equal(array, saved[name])
    assert_views(other)
    saved["0.Dense.W"][...] = 0  # loading has copied
    assert other.state_dict()["0.Dense.W"].all()


def test_state_dicts_are_copies(backend: Backend) -> None:
    model = network(backend)
    steps(model)
    for before in (model.state_dict(), model.optimizer.state_dict()):
        kept = {name: array.copy() for name, array in before.items()}
        steps(model, 2)
        for name, array in kept.items():
            np.testing.assert_array_equal(before[name], array)


def test_loading_a_wrong_state_changes_nothing(backend: Backend) -> None:
    model = network(backend)
    before = model.state_dict()
    moved = {name: array + 1 for name, array in before.items()}
    missing = {name: array for name, array in moved.items() if name != "1.BatchNorm.gamma"}
    with pytest.raises(ShapeError, match=r"missing \['1.BatchNorm.gamma'\], unknown \[\]"):
        model.load_state_dict(missing)
    with pytest.raises(ShapeError, match=r"missing \[\], unknown \['9.Dense.W'\]"):
        model.load_state_dict({**moved, "9.Dense.W": np.zeros(3)})
    with pytest.raises(ShapeError, match=r"4.Dense.b has shape \(2,\) here, but \(1,\) there"):
        model.load_state_dict({**moved, "4.Dense.b": np.zeros(1)})
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_optimizer_states_continue_where_they_were(backend: Backend) -> None:
    model, other = network(backend), network(backend)
    steps(model, 5)
    other.load_state_dict(model.state_dict())
    other.optimizer.load_state_dict(model.optimizer.state_dict())
    steps(model, 3)
    steps(other, 3)
    assert other.optimizer.t == 8
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(other.state_dict()[name], array)
    assert_views(other)


@pytest.mark.parametrize("wrong", [{}, {"v": np.zeros(3)}])
def test_a_foreign_optimizer_state_is_refused(backend: Backend, wrong: dict[str, Any]) -> None:
    model = network(backend)
    state = {**model.optimizer.state_dict(), **wrong}
    if not wrong:
        del state["v"]
    with pytest.raises(FileFormatError, match="the optimizer state has no 'v' of "):
        model.optimizer.load_state_dict(state)


def test_start_values_come_from_streams_named_after_the_parameter(backend: Backend) -> None:
    def count(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return rng.standard_normal(shape)

    names = ["0.Dense.W", "3.Dense.W", "0.Dense.b"]
    drawn = []
    for order in (names, names[::-1]):
        parameters = [Parameter(name, (2, 2), count) for name in order]
        store = ParameterStore(parameters, backend, np.dtype("float64"))
        store.initialize(Streams(7))
        drawn.append({p.name: backend.to_host(p.value).copy() for p in store})
    for name in names:
        np.testing.assert_array_equal(drawn[0][name], drawn[1][name])
    assert (drawn[0]["0.Dense.W"] != drawn[0]["3.Dense.W"]).all()
    assert (drawn[0]["0.Dense.W"] != drawn[0]["0.Dense.b"]).all()


def test_an_initializer_of_another_shape_is_named(backend: Backend) -> None:
    layer = lm.Dense(3, init=lambda rng, shape: np.zeros((3, 1)))
    with pytest.raises(
        ShapeError, match=r"initializer of 0.Dense.W gave shape \(3, 1\), expected \(4, 3\)"
    ):
        lm.Sequential([layer], backend=backend).build((4,))


def compiled(**parts: Any) -> lm.Sequential:
    given = {"layer": lm.Dense(2), "loss": lm.MeanSquaredError(), "optimizer": lm.SGD(), **parts}
    model = lm.Sequential([given["layer"]], backend="numpy")
    return model.compile(given["loss"], given["optimizer"], in_shape=(3,))


@pytest.mark.parametrize(
    ("kind", "part"),
    [
        ("layer", lm.Dense(2)),
        ("loss", lm.MeanSquaredError()),
        ("optimizer", lm.Adam()),
    ],
)
def test_a_part_of_one_model_is_refused_by_another(kind: str, part: Any) -> None:
    model = compiled(**{kind: part})
    with pytest.raises(UsageError, match=rf"this {type(part).__name__} already .* make a new one"):
        compiled(**{kind: part})
    model.build((4,))  # it is still good in its own


def test_a_regularizer_may_serve_many_models() -> None:
    penalty = lm.L2(0.5)
    models = [compiled(layer=lm.Dense(2, regularizer=penalty)) for _ in range(2)]
    for model in models:
        W = model.state_dict()["0.Dense.W"].astype(float)
        assert model.penalty() == pytest.approx(0.25 * (W**2).sum())


def test_values_that_are_no_numbers_are_refused_with_the_name_of_the_parameter() -> None:
    model = lm.Sequential([lm.Dense(2)], seed=0, backend="numpy").build((3,))
    before = model.state_dict()
    for wrong in ("a", "1", None):
        with pytest.raises(ArgumentError, match=r"0\.Dense\.W takes numbers, got"):
            model.parameters[0].value = wrong
    np.testing.assert_equal(model.state_dict(), before)
