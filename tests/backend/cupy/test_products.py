"""Products of matrices: values for all layouts, and which are large products of cuBLAS."""

import gc
import types
from collections.abc import Iterator
from itertools import cycle, product
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided, sliding_window_view

import lamella as lm
from lamella.backend.cupy import cublas, products, self_test
from lamella.backend.cupy.graph_backend import GraphBackend
from lamella.backend.cupy.noted_array import noted
from lamella.backend.cupy.tape import Tape, current_tape, note_on
from lamella.testing import strict_cupy
from tests.backend.cupy.graphs import assert_same, graph_backend, launched, numbers_of, obstacles

DEVICES = ["strict", pytest.param("cupy", marks=pytest.mark.gpu)]
SHAPES = [(5, 7, 3), (1, 9, 4), (6, 1, 5), (4, 8, 1), (1, 6, 1), (1, 1, 1), (33, 150, 30)]
PAD = 3  # numbers between the lines of a view
# Where the numbers of a matrix lie, for an array that is large enough.
LAYOUTS = {
    "rows": lambda m, n: ((m, n), lambda x: x),
    "columns": lambda m, n: ((n, m), lambda x: x.T),
    "rows of a wider matrix": lambda m, n: ((m, n + PAD), lambda x: x[:, :n]),
    "columns of a higher matrix": lambda m, n: ((n, m + PAD), lambda x: x[:, :m].T),
}


@pytest.fixture(autouse=True)
def all_large(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let cuBLAS compute all products."""
    monkeypatch.setattr(products, "LARGE", 0)
    yield
    self_test.cublas_problem.cache_clear()
    cublas._cublas_of.cache_clear()


@pytest.fixture(params=DEVICES)
def backend(request: pytest.FixtureRequest) -> GraphBackend:
    return graph_backend(request.param)


def matrix(backend: GraphBackend, shape: tuple[int, int], dtype: str, layout: str) -> Any:
    """Return a matrix of random numbers, with NaN between its lines."""
    whole, view = LAYOUTS[layout](*shape)
    host = np.full(whole, np.nan, dtype)
    view(host)[...] = np.random.default_rng(shape).standard_normal(shape)
    return view(backend.asarray(host))


def noted_names(backend: GraphBackend, a: Any, b: Any, out: Any, bias: Any = None) -> list[str]:
    """Multiply twice, the second time in a capture, and return the tasks that it noted."""
    backend.dot(a, b, out, bias)
    once, tape = backend.to_host(out).copy(), Tape(backend.nothing)
    with note_on(tape):
        backend.dot(*map(noted, (a, b, out, bias)))
    np.testing.assert_array_equal(backend.to_host(out), once)
    return [tape.obstacle] if tape.obstacle else [task.function.name for task in tape.tasks]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_large_products_are_those_of_numpy(
    backend: GraphBackend, shape: tuple[int, int, int], dtype: str
) -> None:
    m, k, n = shape
    bias = backend.asarray(np.arange(n).astype(dtype))
    for layouts in product(LAYOUTS, repeat=2):
        a, b = (
            matrix(backend, each, dtype, layout)
            for each, layout in zip(((m, k), (k, n)), layouts, strict=True)
        )
        hosts = [backend.to_host(x).astype(float) for x in (a, b)]
        for given in (None, bias):
            out = backend.asarray(np.full((m, n), np.nan, dtype))
            assert noted_names(backend, a, b, out, given)[0] == "large_product"
            exact = hosts[0] @ hosts[1] + (0 if given is None else np.arange(n))
            most = (np.abs(hosts[0]) @ np.abs(hosts[1]) + n) * 16 * np.finfo(dtype).eps
            assert (np.abs(backend.to_host(out) - exact) <= most).all(), layouts


def test_products_above_the_limit_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "LARGE", 24)
    backend = graph_backend()
    for k, name in ((4, "product"), (5, "large_product")):
        a, b, out = (backend.asarray(np.ones(s, "f4")) for s in ((2, k), (k, 3), (2, 3)))
        assert noted_names(backend, a, b, out) == [name]
        assert (backend.to_host(out) == k).all()


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    "vector", [lambda x: x[0, :6][None], lambda x: x[:6, 0][:, None].T, lambda x: x[:1, ::2]]
)
def test_the_stride_of_a_single_row_or_column_does_not_matter(vector: Any, turned: bool) -> None:
    """That of a new axis is 0."""
    backend = graph_backend()
    x = backend.asarray(np.random.default_rng(0).standard_normal((12, 12)))
    a, b = vector(x), x[:6, :4]
    if turned:
        a, b = b.T, a.T
    out = backend.zeros(4, "float64").reshape(len(a), -1)
    assert noted_names(backend, a, b, out) == ["large_product"]
    np.testing.assert_allclose(backend.to_host(out), a.host @ b.host)


@pytest.mark.parametrize("limit", [0, 2**27])
@pytest.mark.parametrize("shape", [(0, 3, 4), (3, 4, 0), (3, 0, 4), (0, 0, 0)])
def test_products_without_numbers(
    shape: tuple[int, int, int], limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sums without terms are 0; a result without numbers is no work."""
    monkeypatch.setattr(products, "LARGE", limit)
    (m, k, n), backend = shape, graph_backend()
    a, b = (backend.asarray(np.ones(s, "f4")) for s in ((m, k), (k, n)))
    out, bias = backend.asarray(np.full((m, n), np.nan, "f4")), backend.asarray(np.ones(n, "f4"))
    assert noted_names(backend, a, b, out, bias) == ["product"] * bool(m * n)
    assert (backend.to_host(out) == 1).all()


STRIPS = {
    "every second row and column": lambda x: x[::2, ::2],
    "rows backwards": lambda x: x[::-1, :5],
    "columns backwards": lambda x: x[:5, ::-1].T,
    "lines that overlap": lambda x: x._view(sliding_window_view(x.host[0], 4)),
    "one number": lambda x: x._view(np.broadcast_to(x.host[0, 0], x.shape)),
}


@pytest.mark.parametrize("name", STRIPS)
def test_matrices_without_lines_are_multiplied_by_cupy(name: str) -> None:
    backend = graph_backend()
    a = STRIPS[name](backend.asarray(np.random.default_rng(0).standard_normal((10, 10))))
    out = backend.zeros(len(a) * 3, "float64").reshape(-1, 3)
    b = backend.asarray(np.random.default_rng(1).standard_normal((a.shape[1], 3)))
    (obstacle,) = noted_names(backend, a, b, out)
    assert obstacle.endswith("their rows are apart")
    np.testing.assert_allclose(backend.to_host(out), a.host @ b.host)


def test_what_32_bits_cannot_count_has_no_lines() -> None:
    wide = as_strided(np.zeros(1, "f4"), (2, 3), (2**31 * 4, 4))
    long = as_strided(np.zeros(1, "f4"), (2**31, 1), (4, 4))
    assert not products.have_lines(wide)
    assert not products.have_lines(long)
    assert not products.have_lines(long.T)
    assert products.have_lines(as_strided(wide, (2, 3), (2**30 * 4, 4)))


def train(backend: GraphBackend) -> dict[str, np.ndarray]:
    """Return all that a training with dropout and a penalty leaves behind, and predictions."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((40, 6)).astype("f4"), rng.integers(0, 3, 40)
    layers = [lm.Dense(8, regularizer=lm.L2(1e-3)), lm.Tanh(), lm.Dropout(0.3), lm.Dense(3)]
    model = lm.Sequential(layers, seed=3, backend=backend)
    model.compile("cross-entropy", lm.Adam(0.01, clip_norm=1.0), ["accuracy"])
    options: Any = {"epochs": 3, "batch_size": 9, "verbose": False, "check": False}
    model.fit(x, y, validation_data=(x, y), **options)
    found = numbers_of(model) | {"predictions": model.predict(x)}
    scores = model.evaluate(x, y, batch_size=9)
    return found | {f"scores {name}": np.array(score) for name, score in scores.items()}


@pytest.mark.parametrize("limit", [0, 300])
def test_captured_steps_with_large_products_have_the_bits_of_eager_ones(
    limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit of 300 makes the first layer's products large alone."""
    monkeypatch.setattr(products, "LARGE", limit)
    assert self_test.cublas_problem(strict_cupy, np.dtype("f4")) == ""
    found, graphs = {}, {}
    for way in ("joined", "single", "eager"):
        with launched(way):
            backend = graph_backend()
            found[way] = train(backend)
            graphs[way] = strict_cupy.counts.graph_launches
            assert ("eager" in way) == bool(obstacles(backend)), obstacles(backend)
    assert graphs["joined"] == graphs["single"] > 12
    assert graphs["eager"] == 0
    assert_same(found["joined"], found["single"])
    assert_same(found["joined"], found["eager"])
    expected = train(lm.get_backend("numpy"))
    for key, numbers in expected.items():
        np.testing.assert_allclose(found["joined"][key], numbers, 2e-3, 1e-5, err_msg=key)


def test_graphs_of_a_model_share_a_workspace_that_no_other_work_uses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Graphs of two models may run at the same time, in other streams than when captured."""
    found: list[set[int]] = []

    def note(self: cublas.Cublas, workspace: int, *arguments: Any) -> None:
        if strict_cupy.cuda.get_current_stream().is_capturing():
            found[-1].add(workspace)
        call(self, workspace, *arguments)

    backend, rng, models = graph_backend(), np.random.default_rng(0), []
    assert self_test.cublas_problem(strict_cupy, np.dtype("f4")) == ""
    call = cublas.Cublas.multiply
    monkeypatch.setattr(cublas.Cublas, "multiply", note)
    x, y = rng.standard_normal((11, 6)).astype("f4"), rng.integers(0, 3, 11)
    for seed in (0, 1):
        found.append(set())
        models.append(lm.Sequential([lm.Dense(8), lm.Dense(3)], seed=seed, backend=backend))
        models[-1].compile("cross-entropy", lm.SGD(0.1))
        models[-1].fit(x, y, validation_data=(x, y), epochs=2, batch_size=4, verbose=False)
    assert found == [{backend._workspaces[model].data.ptr} for model in models]
    assert found[0] != found[1]
    del models[0]
    gc.collect()
    assert len(backend._workspaces) == 1


def test_training_goes_on_without_memory_for_a_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    expected, new = train(graph_backend()), cublas.Cublas.workspace
    fails = cycle([True, False])  # the memory that stays, and that for a single product

    def fail(self: cublas.Cublas) -> Any:
        if current_tape() is not None and next(fails):
            raise MemoryError
        return new(self)

    monkeypatch.setattr(cublas.Cublas, "workspace", fail)
    backend = graph_backend()
    found = train(backend)
    assert strict_cupy.counts.graph_launches == 0
    assert "training step: several launches, since there is no memory" in repr(backend)
    assert_same(found, expected)


def test_no_memory_for_cublas_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: cublas.Cublas) -> Any:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(cublas.Cublas, "workspace", fail)
        backend = graph_backend()
        train(backend)
        assert "(6, 8): there is no memory for cuBLAS" in repr(backend)
    train(backend)
    assert obstacles(backend) == ""


def test_a_refused_capture_is_no_problem_of_cublas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eager products have the bits that captured ones would have."""
    expected, call = train(graph_backend()), cublas.Cublas.multiply

    def refuse(self: cublas.Cublas, *arguments: Any) -> None:
        if strict_cupy.cuda.get_current_stream().is_capturing():
            raise lm.core.errors.BackendError("CUBLAS_STATUS_EXECUTION_FAILED")
        call(self, *arguments)

    monkeypatch.setattr(cublas.Cublas, "multiply", refuse)
    self_test.cublas_problem.cache_clear()
    backend = graph_backend()
    found = train(backend)
    assert "training step: several launches, since it cannot be captured (Back" in repr(backend)
    assert_same(found, expected)


def lost(monkeypatch: pytest.MonkeyPatch) -> None:
    other = types.SimpleNamespace(__file__="/nowhere/cublas.so")
    monkeypatch.setattr(strict_cupy.cuda, "cublas", other)


def unlinked(monkeypatch: pytest.MonkeyPatch) -> None:
    other = types.SimpleNamespace(__file__=np._core._multiarray_umath.__file__)
    monkeypatch.setattr(strict_cupy.cuda, "cublas", other)


def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cublas.Cublas, "multiply", lambda *_: None)


def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise lm.core.errors.BackendError("cublasGemmEx: CUBLAS_STATUS_NOT_SUPPORTED\nsorry")

    monkeypatch.setattr(cublas.Cublas, "multiply", fail)


FAULTS = {
    "cuBLAS cannot be called (OSError: /nowhere/cublas.so": lost,
    "cuBLAS cannot be called (AttributeError: ": unlinked,
    "cuBLAS cannot be called (BackendError: cublasGemmEx: CUBLAS_STATUS_NOT_SUPPORTED)": failing,
    "wrong numbers of cuBLAS": idle,
}


@pytest.mark.parametrize("reason", FAULTS)
def test_without_cublas_large_products_are_cupys_and_the_reason_is_shown(
    reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    FAULTS[reason](monkeypatch)
    backend = graph_backend()
    found = train(backend)
    assert strict_cupy.counts.nodes == 0
    assert "training step: several launches, since cupy multiplies arrays (9, 6)" in repr(backend)
    assert reason in repr(backend)
    for key, numbers in train(lm.get_backend("numpy")).items():
        np.testing.assert_allclose(found[key], numbers, 2e-3, 1e-5, err_msg=key)
