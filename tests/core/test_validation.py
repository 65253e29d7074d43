"""Checks of hyper-parameters: right values come back as plain numbers, wrong ones are named."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.core.errors import ArgumentError, DataError
from lamella.core.validation import (
    at_least,
    expect_unmasked,
    flag,
    in_range,
    instance,
    number,
    one_of,
    positive,
    sizes,
)
from tests.data import clouds
from tests.networks import small_classifier

NO_NUMBERS = [True, np.True_, "0.5", None, [0.5], np.ones(2), 1 + 0j]
NOT_FINITE = [float("nan"), float("inf"), -float("inf"), np.float32("nan"), 10**400]


@pytest.mark.parametrize("value", [0.5, np.float32(0.5), np.float64(0.5), Fraction(1, 2)])
def test_number_returns_a_plain_float(value: Any) -> None:
    for result in (number("x", value), positive("x", value), in_range("x", value, 0, 1)):
        assert result == 0.5
        assert type(result) is float


@pytest.mark.parametrize("value", [*NO_NUMBERS, *NOT_FINITE], ids=lambda value: str(value)[:20])
def test_number_refuses_other_values_than_finite_numbers(value: Any) -> None:
    for check in (number, positive, lambda name, x: in_range(name, x, 0, 1)):
        with pytest.raises(ArgumentError, match="rate must be a finite number, got "):
            check("rate", value)


@pytest.mark.parametrize("value", [0, 0.0, -1e-300])
def test_positive_refuses_zero_and_below(value: float) -> None:
    with pytest.raises(ArgumentError, match="lr must be greater than 0, got "):
        positive("lr", value)


def test_positive_accepts_the_smallest_number_above_zero() -> None:
    assert positive("lr", 5e-324) == 5e-324


def test_in_range_includes_both_ends_unless_right_open() -> None:
    assert in_range("x", 0, 0, 1) == 0
    assert in_range("x", 1, 0, 1) == 1
    assert in_range("x", 0, 0, 1, right_open=True) == 0
    with pytest.raises(ArgumentError, match=r"x must be in \[0, 1\), got 1"):
        in_range("x", 1, 0, 1, right_open=True)


@pytest.mark.parametrize("value", [-1e-9, 1.5])
def test_in_range_names_the_range(value: float) -> None:
    with pytest.raises(ArgumentError, match=r"rate must be in \[0, 1\], got "):
        in_range("rate", value, 0, 1)


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_at_least_returns_a_plain_int(value: Any) -> None:
    result = at_least("units", value, 3)
    assert result == 3
    assert type(result) is int


@pytest.mark.parametrize("value", [2, -5, 3.0, True, "3", None, float("inf")], ids=repr)
def test_at_least_refuses_less_and_fractions(value: Any) -> None:
    with pytest.raises(ArgumentError, match="units must be a whole number of at least 3, got "):
        at_least("units", value, 3)


def test_one_of_returns_the_choice_or_lists_all() -> None:
    assert one_of("monitor", "min", ("min", "max")) == "min"
    with pytest.raises(ArgumentError, match="mode must be one of 'min', 'max'; got 'mean'"):
        one_of("mode", "mean", iter(("min", "max")))


def test_instance_returns_the_object_itself() -> None:
    layer = lm.ReLU()
    assert instance("layer", layer, lm.Layer, "ReLU()") is layer


def test_instance_given_a_class_says_to_add_brackets() -> None:
    with pytest.raises(ArgumentError, match=r"layer must be an object, got the class ReLU: add \("):
        instance("layer", lm.ReLU, lm.Layer, "ReLU()")


@pytest.mark.parametrize("value", ["relu", None, int], ids=repr)
def test_instance_shows_how_one_is_made(value: Any) -> None:
    with pytest.raises(ArgumentError, match=r"layer must be a Layer such as ReLU\(\), got "):
        instance("layer", value, lm.Layer, "ReLU()")


def test_argument_errors_are_value_errors_and_lamella_errors() -> None:
    with pytest.raises(ValueError, match="x must be"):
        number("x", "y")
    assert issubclass(ArgumentError, lm.LamellaError)


def masked(*shape: int, values: int = 1) -> np.ma.MaskedArray:
    """Return ones of which the first ``values`` are masked."""
    ones = np.ones(shape)
    return np.ma.array(ones, mask=np.arange(ones.size).reshape(shape) < values)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (masked(4), "x has 1 masked value: leave"),
        (masked(4, 3, values=5), "x has 5 masked values: .* fill them, as in array.filled"),
        ([np.ones(3), masked(3)], "x has 1 masked value:"),
        ((masked(3, values=3), masked(3)), "x has 4 masked values:"),
        ([1.0, np.ma.masked], "x has 1 masked value:"),
    ],
)
def test_masked_values_are_refused(data: Any, text: str) -> None:
    with pytest.raises(DataError, match=text):
        expect_unmasked("x", data)


@pytest.mark.parametrize("data", [np.ma.ones(3), [np.ma.ones(3)], np.ones(3), [[1, 2]], None])
def test_arrays_without_masked_values_pass(data: Any) -> None:
    expect_unmasked("x", data)


@pytest.mark.parametrize("value", [True, np.True_, False, np.bool_(False)])
def test_flag_returns_a_plain_bool(value: Any) -> None:
    assert flag("shuffle", value) is bool(value)


FLAGS: dict[str, Any] = {
    "use_bias": lm.Dense,
    "trainable": lm.BatchNorm,
    "batch_norm": lm.MLP,
    "nesterov": lm.Momentum,
    "live": lm.Progress,
    "every_epoch": lm.ModelCheckpoint,
    "append": lm.CSV,
    "fresh": lm.ResumeFolder,
    "deslant": lm.datasets.read_digit,
    "shuffle": small_classifier().fit,
    "check": small_classifier().fit,
}


@pytest.mark.parametrize("name", FLAGS)
@pytest.mark.parametrize("value", ["no", "False", None, 2])
def test_switches_take_no_texts(name: str, value: Any) -> None:
    first = {"use_bias": [3], "every_epoch": ["a"], "append": ["a"], "fresh": ["a"]}
    first |= {"deslant": ["a.png"], "shuffle": [*clouds()], "check": [*clouds()]}
    with pytest.raises(ArgumentError, match=f"{name} must be a bool, True or False; got"):
        FLAGS[name](*first.get(name, []), **{name: value})


def test_sizes_are_those_of_one_sample() -> None:
    assert sizes("in_shape", iter([28, np.int64(3)])) == (28, 3)
    with pytest.raises(ArgumentError, match=r"no batch axis; got \(None, 28\)"):
        sizes("in_shape", (None, 28))
