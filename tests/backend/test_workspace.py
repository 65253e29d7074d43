"""Workspace: rules over whole arrays, sums and means of rows, scratch memory, marks, captures."""

import functools
from typing import Any
from unittest import mock

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend, NumpyBackend
from lamella.backend import numba as compiled
from lamella.backend.workspace import Workspace, is_marked, replayable
from lamella.core.errors import UsageError

DTYPES = ["float32", "float64"]


def product(x: Any, y: Any) -> Any:
    return x * y


def affine(x: Any, row: Any, factor: Any, shift: Any) -> Any:
    return factor * x * row + shift


def wave(x: Any, row: Any) -> Any:
    return np.exp(np.minimum(x, row)) - np.tanh(x)


def bound(backend: Backend, dtype: str = "float32") -> Workspace:
    workspace = Workspace()
    workspace.attach(backend=backend, dtype=dtype)
    return workspace


def drawn(*shape: int, dtype: str = "float32") -> np.ndarray:
    return np.random.default_rng(len(shape)).standard_normal(shape).astype(dtype)


def assert_is(backend: Backend, got: Any, expected: np.ndarray) -> None:
    """Compare within the last digits, which a GPU may round in another way."""
    host = backend.to_host(got)
    assert host.dtype == expected.dtype
    tolerance = 0.0 if isinstance(backend, NumpyBackend) else 4 * np.finfo(expected.dtype).eps
    np.testing.assert_allclose(host, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(4, 3), (5,), (2, 3, 4), (1, 1), (3, 1)], ids=str)
def test_map_applies_a_rule_to_every_element(
    shape: tuple[int, ...], dtype: str, backend: Backend
) -> None:
    workspace, x, y = bound(backend, dtype), drawn(*shape, dtype=dtype), drawn(*shape, dtype=dtype)
    number = x.dtype.type
    for factor in (2.0, -0.1):
        sent = backend.asarray(x), backend.asarray(y + 1)
        got = workspace.map("y", affine, *sent, scalars=(factor, 0.5))
        assert_is(backend, got, number(factor) * x * (y + 1) + number(0.5))
        assert_is(backend, sent[0], x)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(4, 3), (1, 5), (6, 1), (3, 3)], ids=str)
def test_map_lets_a_row_serve_all_rows(
    shape: tuple[int, int], dtype: str, backend: Backend
) -> None:
    workspace, x, row = bound(backend, dtype), drawn(*shape, dtype=dtype), drawn(shape[1])
    row = row.astype(dtype)
    sent = backend.asarray(x), backend.asarray(row)
    got = workspace.map("y", affine, *sent, scalars=(1.0, 0.0))
    assert_is(backend, got, x * row)
    got = workspace.map("y", affine, sent[0], sent[0], scalars=(1.0, 0.0))  # by the same rule
    assert_is(backend, got, x * x)
    got = workspace.map("wave", wave, *sent)
    expected = np.exp(np.minimum(x, row)) - np.tanh(x)
    np.testing.assert_allclose(backend.to_host(got), expected, rtol=1e-5, atol=1e-6)


def test_map_writes_to_the_array_it_is_given(backend: Backend) -> None:
    workspace, x, row = bound(backend), drawn(4, 3), drawn(3)
    out = backend.asarray(np.full((4, 3), np.nan, "f4"))
    sent = backend.asarray(x.copy()), backend.asarray(row.copy())
    assert workspace.map(out, product, *sent) is out
    assert_is(backend, out, x * row)
    assert_is(backend, sent[0], x)
    in_place = workspace.map(sent[0], product, *sent)
    assert in_place is sent[0]
    assert_is(backend, in_place, x * row)
    assert_is(backend, sent[1], row)


def test_map_into_a_vector_that_is_an_argument(backend: Backend) -> None:
    """As running means are updated."""
    workspace, old, new = bound(backend), drawn(5), drawn(5) + 3
    out = backend.asarray(old.copy())
    workspace.map(out, affine, out, backend.asarray(new), scalars=(0.5, 1.0))
    assert_is(backend, out, np.float32(0.5) * old * new + 1)


def test_map_by_name_is_scratch_memory_of_that_name(backend: Backend) -> None:
    workspace, x = bound(backend), backend.asarray(drawn(4, 3))
    got = workspace.map("y", product, x, x)
    assert got is workspace.scratch("y", (4, 3))
    assert workspace.map("y", product, x, x) is got
    other = workspace.map("z", product, x, x)
    assert_is(backend, got, drawn(4, 3) ** 2)
    assert other is not got


def test_map_refuses_another_number_of_scalars(backend: Backend) -> None:
    workspace, x = bound(backend), backend.asarray(drawn(4, 3))
    workspace.map("y", affine, x, x, scalars=(1.0, 2.0))
    for scalars in ((), (1.0,), (1.0, 2.0, 3.0)):
        with pytest.raises(UsageError, match=f"takes 2 scalars, got {len(scalars)}"):
            workspace.map("y", affine, x, x, scalars=scalars)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 4), (2, 3), (9, 1), (65, 17)], ids=str)
def test_sums_and_means_of_rows_are_those_of_numpy(
    shape: tuple[int, int], dtype: str, backend: Backend
) -> None:
    workspace, matrix = bound(backend, dtype), drawn(*shape, dtype=dtype)
    out = backend.asarray(np.full(shape[1], np.nan, dtype))
    sent = backend.asarray(matrix)
    assert workspace.sum_rows(sent, out=out) is out
    tolerance = 8 * np.finfo(dtype).eps
    exact = matrix.astype(float).sum(axis=0)
    got = backend.to_host(out)
    np.testing.assert_allclose(got, exact, rtol=tolerance, atol=10 * tolerance)
    mean = workspace.mean_rows("mean", sent)
    assert mean.shape == shape[1:]
    assert mean is workspace.scratch("mean", shape[1:])
    expected = backend.to_host(out) / np.dtype(dtype).type(shape[0])
    assert_is(backend, mean, expected)
    assert_is(backend, sent, matrix)


def test_sum_of_rows_goes_into_a_part_of_a_longer_vector(backend: Backend) -> None:
    """As gradients do."""
    workspace, memory = bound(backend), backend.zeros(12, "float32")
    memory[...] = -1
    workspace.sum_rows(backend.asarray(np.ones((3, 4), "f4")), out=memory[4:8])
    assert backend.to_host(memory).tolist() == [-1] * 4 + [3] * 4 + [-1] * 4


def test_mean_of_rows_follows_the_number_of_rows(backend: Backend) -> None:
    workspace = bound(backend)
    for rows in (4, 2, 4, 8):
        matrix = np.arange(3 * rows, dtype="f4").reshape(rows, 3)
        got = workspace.mean_rows("mean", backend.asarray(matrix))
        assert backend.to_host(got).tolist() == matrix.mean(axis=0).tolist()


class Marked:
    @replayable
    def method(self) -> int:
        return 5

    def other(self) -> int:
        return 6


def test_mark_leaves_a_method_as_it_is() -> None:
    assert is_marked(Marked.method)
    assert not is_marked(Marked.other)
    assert Marked().method() == 5


def test_mark_does_not_pass_to_wrappers_of_the_method() -> None:
    @functools.wraps(Marked.method)
    def wrapped(self: Marked) -> int:
        return Marked.method(self) + 1

    assert wrapped.is_replayable  # type: ignore[attr-defined]
    assert not is_marked(wrapped)
    assert is_marked(replayable(wrapped))
    assert is_marked(Marked.method)
    assert not is_marked(mock.Mock(wraps=Marked.method))
    assert not is_marked(mock.MagicMock())
    assert not is_marked(None)


@pytest.mark.parametrize("dtype", DTYPES)
def test_capture_does_the_work_and_returns_a_replay_where_that_is_possible(
    dtype: str, backend: Backend
) -> None:
    workspace, x = bound(backend, dtype), drawn(6, 3, dtype=dtype)
    arrays = [
        backend.asarray(x),
        backend.asarray(drawn(3, 4, dtype=dtype)),
        backend.zeros(24, dtype).reshape(6, 4),
        backend.zeros(4, dtype),
    ]

    def work(sent: Any, weights: Any, out: Any, total: Any) -> str:
        workspace.dot(sent, weights, out=out)
        workspace.sum_rows(workspace.map("y", product, out, out), out=total)
        return "result"

    result, replay = backend.capture(work, arrays, [workspace._scratch], [workspace])
    assert result == "result"
    sent, total = arrays[0], arrays[3]
    expected = backend.to_host(total).copy()
    assert (expected > 0).all()
    is_possible = isinstance(backend, NumpyBackend) and compiled.has_products()
    assert (replay is not None) == is_possible
    if replay is not None:
        total[...] = np.nan
        replay()
        np.testing.assert_array_equal(total, expected)
        sent *= 2
        replay()
        np.testing.assert_array_equal(total, 4 * expected)


def test_capture_passes_errors_on(backend: Backend) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        backend.capture(fail, [], [], [])
    assert backend.capture(lambda: 3, [], [], [])[0] == 3


@pytest.mark.parametrize("name", ["xp", "dtype", "backend"])
def test_unattached_part_says_how_to_attach_it(name: str) -> None:
    for part in (lm.ReLU(), lm.MeanSquaredError()):
        with pytest.raises(
            UsageError, match=f"this {type(part).__name__} has no {name} yet, .* attach"
        ):
            getattr(part, name)


def test_scratch_before_attach_is_an_error_and_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(UsageError, match="this ReLU has no dtype yet"):
        lm.ReLU().scratch("y", (2,))
    with pytest.raises(AttributeError, match="'ReLU' object has no attribute 'slope'"):
        lm.ReLU().slope  # noqa: B018


def test_attach_lets_a_layer_be_used_alone(backend: Backend) -> None:
    layer = lm.ReLU()
    layer.attach(backend=backend, dtype="float64")
    y = layer.forward(backend.asarray(np.array([[-1.0, 2.0]])), training=False)
    np.testing.assert_array_equal(backend.to_host(y), [[0, 2]])
    assert layer.dtype == np.float64


@pytest.mark.parametrize("dtype", DTYPES)
def test_row_totals_stand_beside_their_rows(backend: Backend, dtype: str) -> None:
    workspace = bound(backend, dtype)
    for shape in ((5, 7), (3, 7), (1, 4), (6, 1)):  # scratch memory serves every shape
        x = drawn(*shape, dtype=dtype)
        totals = backend.to_host(workspace.row_totals("totals", backend.asarray(x)))
        expected = np.repeat(x.astype(float).sum(axis=1, keepdims=True), shape[1], axis=1)
        assert totals.dtype == dtype
        np.testing.assert_allclose(totals, expected, rtol=1e-5, atol=1e-6)
