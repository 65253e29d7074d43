"""Errors: one base class, and the builtin error that each of them also is."""

import pickle
from inspect import currentframe

import numpy as np
import pytest

import lamella as lm
from lamella.core import errors

EXPECTED = {
    errors.ArgumentError: ValueError,
    errors.ShapeError: ValueError,
    errors.DataError: ValueError,
    errors.UsageError: RuntimeError,
    errors.BackendError: RuntimeError,
    errors.FileFormatError: ValueError,
    errors.MissingExtraError: ImportError,
    errors.CheckError: AssertionError,
}


@pytest.mark.parametrize("error", EXPECTED, ids=lambda error: error.__name__)
def test_every_error_is_lamellas_and_a_builtin(error: type[Exception]) -> None:
    assert issubclass(error, lm.LamellaError)
    assert issubclass(error, EXPECTED[error])


def test_no_error_is_left_out_above() -> None:
    found = {
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, lm.LamellaError)
    }
    assert found == {lm.LamellaError, *EXPECTED}


def test_a_missing_extra_names_its_installation() -> None:
    text = str(errors.MissingExtraError("Pillow", "images", "reading images"))
    assert "reading images needs Pillow" in text
    assert "pip install 'lamella[images]'" in text


def test_errors_travel_between_processes() -> None:
    for error in (
        errors.ShapeError("expected (3,), got (4,)"),
        errors.MissingExtraError("Pillow", "images", "reading images"),
    ):
        copy = pickle.loads(pickle.dumps(error))
        assert type(copy) is type(error)
        assert str(copy) == str(error)


def test_a_warning_points_to_the_line_outside_lamella() -> None:
    x, y = 1000 * np.random.default_rng(0).standard_normal((64, 4)), np.arange(64) % 3
    model = lm.MLP((4,), optimizer=lm.SGD(1e30), seed=0)
    line = currentframe().f_lineno + 2  # type: ignore[union-attr]
    with pytest.warns() as found:
        model.fit(x, y, epochs=9, verbose=False, callbacks=[lm.TerminateOnNaN()])
    ours = [each for each in found if each.category.__module__ == errors.__name__]
    assert {each.category for each in ours} == {errors.CheckWarning, errors.DivergenceWarning}
    assert {(each.filename, each.lineno) for each in ours} == {(__file__, line)}
