"""Arrays from lists, tables, tensors and device arrays; errors with the remedy."""

from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.core.errors import DataError
from lamella.network.arrays import to_numpy
from tests.networks import small_classifier


class OnDevice:
    """An array of a GPU that numpy cannot read, such as a tensor of torch."""

    __cuda_array_interface__: dict[str, Any] = {}  # noqa: RUF012


class OnDeviceWithGet(OnDevice):
    """An array of cupy."""

    def get(self) -> np.ndarray:
        return np.arange(3)


@pytest.mark.parametrize(
    ("data", "kind"),
    [([1, 2], "i"), (np.ones(2, ">f4"), "f"), ([True, False], "b"), (range(3), "i")],
)
def test_numbers_keep_their_kind(data: Any, kind: str) -> None:
    array = to_numpy("x", data)
    assert array.dtype.kind == kind
    np.testing.assert_array_equal(array, np.array(data))


def test_arrays_of_cupy_come_to_the_host() -> None:
    assert to_numpy("x", OnDeviceWithGet()).tolist() == [0, 1, 2]


def test_arrays_of_other_devices_are_refused_with_the_remedy() -> None:
    with pytest.raises(DataError, match=r"x is a OnDevice on a GPU: .* x\.cpu\(\)\.numpy\(\)"):
        to_numpy("x", OnDevice())
    with pytest.raises(DataError, match="x is a OnDevice on a GPU"):
        small_classifier().fit(OnDevice(), [0, 1], verbose=False)


@pytest.mark.parametrize(
    ("name", "data", "text"),
    [
        ("y", None, "y must hold numbers, got None$"),
        ("y", ["cat", "dog"], r"<U3 \(text\): .* names, y = np.unique\(y, return_inverse=True\)"),
        ("y", np.array(["cat", 1], object), r"object \(text\): .*np.unique"),
        ("x", [["a", "b"]], r"x must .*<U1 \(text\): replace words by numbers"),
        ("x", [[1, None]], "with missing values: fill them, or drop these samples"),
        ("x", np.ones((2, 2), object), r'object: use np.asarray\(x, "float32"\)'),
        ("x", {"a": 1}, r"x must hold numbers, got a dict"),
        ("x", np.zeros(2, "M8[s]"), "got an array of datetime64"),
        ("x", [[1], [1, 2]], "rows of different lengths"),
    ],
)
def test_other_data_are_refused_with_the_remedy(name: str, data: Any, text: str) -> None:
    with pytest.raises(DataError, match=text):
        to_numpy(name, data)


def test_classes_as_text_can_be_numbered_as_the_error_says() -> None:
    x, y = np.eye(6)[[0, 1, 0, 1]], ["dog", "cat", "dog", "cat"]
    with pytest.raises(DataError, match=r"np.unique\(y, return_inverse=True\)"):
        small_classifier().fit(x, y, verbose=False)
    names, numbers = np.unique(y, return_inverse=True)
    assert names.tolist() == ["cat", "dog"]
    small_classifier().fit(x, numbers, epochs=1, verbose=False, check=False)


def test_labels_with_missing_values_are_not_to_be_cast() -> None:
    x, y = np.eye(6)[[0, 1, 0, 1]], [0, 1, np.nan, 1]
    with pytest.raises(DataError, match=r"missing values \(NaN\), first in sample 2: drop these"):
        small_classifier().fit(x, y, verbose=False)


def test_sparse_matrices_are_refused_with_the_remedy() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(DataError, match=r"x must hold numbers.*: use x\.toarray\(\)"):
        to_numpy("x", sparse.csr_matrix(np.eye(3)))


def test_tables_may_mix_columns_of_numbers() -> None:
    pandas = pytest.importorskip("pandas")
    nullable = pandas.array([1, 2], dtype="Int64")
    mixed = pandas.DataFrame({"a": nullable, "b": [0.5, 1.5], "c": [True, False]})
    np.testing.assert_array_equal(to_numpy("x", mixed), [[1, 0.5, 1], [2, 1.5, 0]])
    assert to_numpy("y", pandas.Series(nullable)).dtype == np.int64
    whole = to_numpy("y", pandas.DataFrame({"a": nullable, "b": [True, False]}))
    assert (whole.dtype, whole.tolist()) == (np.int64, [[1, 1], [2, 0]])


def test_missing_numbers_of_a_table_are_nan() -> None:
    pandas = pytest.importorskip("pandas")
    column = pandas.array([1.5, None], dtype="Float64")
    found = to_numpy("x", pandas.DataFrame({"a": column, "b": [1, 2]}))
    np.testing.assert_array_equal(found, [[1.5, 1], [np.nan, 2]])
    with pytest.raises(DataError, match=r"x contains NaN .* first in sample 1"):
        small_classifier().fit(found, [0, 1], verbose=False)


@pytest.mark.parametrize("dtype", ["str", "category"])
def test_columns_of_text_are_refused_with_the_remedy(dtype: str) -> None:
    pandas = pytest.importorskip("pandas")
    with pytest.raises(DataError, match=r"np.unique\(y, return_inverse=True\)"):
        to_numpy("y", pandas.Series(["a", "b"], dtype=dtype))


def test_dates_are_refused_without_a_remedy_that_fails() -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"a": [1.0, 2.0], "b": pandas.to_datetime(["2020", "2021"])})
    with pytest.raises(DataError, match="an array of object with a Timestamp: replace it by num"):
        to_numpy("x", table)


def test_columns_of_arrow_are_numbers() -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    whole = pandas.Series([1, 2], dtype="int64[pyarrow]")
    table = pandas.DataFrame({"a": whole, "b": pandas.Series([0.5, None], dtype="double[pyarrow]")})
    np.testing.assert_array_equal(to_numpy("x", table), [[1, 0.5], [2, np.nan]])
    assert to_numpy("y", whole).dtype == np.int64


def test_tensors_that_numpy_cannot_read_are_refused_with_torchs_remedy() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(DataError, match=r"x, a Tensor, .* Use tensor.detach\(\).numpy\(\)"):
        to_numpy("x", torch.ones(2, 2, requires_grad=True))
    with pytest.raises(lm.LamellaError, match=r"Tensor.cpu\(\)"):
        to_numpy("x", torch.ones(2, 2, device="meta"))
