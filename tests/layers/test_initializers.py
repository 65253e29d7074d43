"""How parameters start: variances by their formulas, from the generator given and nothing else."""

import math
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.core.errors import ArgumentError
from lamella.layers.initializers import INITIALIZERS, get_initializer

IN, OUT = 400, 250
VARIANCES = {
    "zeros": 0.0,
    "ones": 0.0,
    "he_normal": 2 / IN,
    "he_uniform": 2 / IN,
    "glorot_normal": 2 / (IN + OUT),
    "glorot_uniform": 2 / (IN + OUT),
    "standard_normal": 1.0,
}
DRAWN = [name for name in INITIALIZERS if name not in ("zeros", "ones")]


def test_every_initializer_has_its_variance_in_this_file() -> None:
    assert set(VARIANCES) == set(INITIALIZERS)


@pytest.mark.parametrize("name", INITIALIZERS)
def test_mean_and_variance_are_those_of_the_formula(name: str, rng: np.random.Generator) -> None:
    drawn = INITIALIZERS[name](rng, (IN, OUT))
    variance = VARIANCES[name]
    assert drawn.shape == (IN, OUT)
    # Five standard errors of 100,000 numbers; the fourth moment of a normal number gives the 2.
    spread = 5 * math.sqrt(variance / drawn.size)
    assert drawn.mean() == pytest.approx(1.0 if name == "ones" else 0.0, abs=spread)
    assert drawn.var() == pytest.approx(variance, rel=5 * math.sqrt(2 / drawn.size))


@pytest.mark.parametrize("name", ["he_uniform", "glorot_uniform"])
def test_uniform_stays_inside_its_limit_and_fills_it(name: str, rng: np.random.Generator) -> None:
    limit = math.sqrt(3 * VARIANCES[name])
    largest = np.abs(INITIALIZERS[name](rng, (IN, OUT))).max()
    assert 0.999 * limit < largest <= limit


@pytest.mark.parametrize("name", ["he_normal", "glorot_normal", "standard_normal"])
def test_normal_has_tails(name: str, rng: np.random.Generator) -> None:
    drawn = INITIALIZERS[name](rng, (IN, OUT)) / math.sqrt(VARIANCES[name])
    assert np.mean(np.abs(drawn) > 2) == pytest.approx(0.0455, abs=0.004)


@pytest.mark.parametrize("name", DRAWN)
def test_numbers_depend_on_the_generator_only(name: str) -> None:
    def draw(seed: int) -> np.ndarray:
        return INITIALIZERS[name](np.random.default_rng(seed), (4, 3))

    np.testing.assert_array_equal(draw(5), draw(5))
    assert (draw(5) != draw(6)).all()


def test_leading_axes_count_for_both_fans(rng: np.random.Generator) -> None:
    # A window of 5 x 5 over 8 channels: 200 inputs reach each of the 32 outputs.
    assert INITIALIZERS["he_normal"](rng, (5, 5, 8, 32)).var() == pytest.approx(2 / 200, rel=0.1)
    drawn = INITIALIZERS["glorot_normal"](rng, (5, 5, 8, 32))
    assert drawn.var() == pytest.approx(2 / (25 * 8 + 25 * 32), rel=0.1)


@pytest.mark.parametrize("name", [name for name in DRAWN if name != "standard_normal"])
@pytest.mark.parametrize("shape", [(), (5,)])
def test_vectors_have_no_fan_in(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ArgumentError, match="has no fan-in: use 'zeros' or 'ones'"):
        INITIALIZERS[name](np.random.default_rng(0), shape)


def test_get_initializer_knows_names_and_passes_functions() -> None:
    def mine(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return np.full(shape, 0.5)

    assert get_initializer("he_normal") is INITIALIZERS["he_normal"]
    assert get_initializer(mine) is mine


@pytest.mark.parametrize("init", ["he", "", None, 0.5, ["zeros"]])
def test_get_initializer_lists_the_names_it_knows(init: Any) -> None:
    with pytest.raises(ArgumentError, match=r"one of zeros, ones, he_normal, .*; got "):
        get_initializer(init)
    with pytest.raises(ArgumentError, match="init must be"):
        lm.Dense(3, init=init)


@pytest.mark.parametrize(
    ("init", "found"),
    [("xavier_uniform", "glorot_uniform"), ("kaiming_normal", "he_normal"), ("HeNormal", "he_n")],
)
def test_names_of_other_libraries_name_the_initializer(init: str, found: str) -> None:
    with pytest.raises(ArgumentError, match=f"got '{init}': .*'{found}"):
        lm.Dense(3, init=init)


def test_own_initializer_starts_the_weights(backend: lm.Backend) -> None:
    def ramp(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return np.arange(math.prod(shape)).reshape(shape)

    layer = lm.Dense(2, init=ramp)
    lm.Sequential([layer], backend=backend).build((3,))
    np.testing.assert_array_equal(backend.to_host(layer.W.value), [[0, 1], [2, 3], [4, 5]])


def test_same_seed_starts_alike_on_every_backend(backend: lm.Backend) -> None:
    here, there = (
        lm.Sequential([lm.Dense(4)], seed=3, backend=where).build((5,))
        for where in (backend, "numpy")
    )
    np.testing.assert_array_equal(here.state_dict()["0.Dense.W"], there.state_dict()["0.Dense.W"])
