"""find_lr finds a rate that learns, and leaves the model as it is."""

import numpy as np
import pytest

import lamella as lm
from lamella.core.errors import ArgumentError, DataError, UsageError
from tests.data import clouds
from tests.networks import bits_of, small_classifier


def test_the_suggestion_learns_and_a_thousandth_of_it_does_not() -> None:
    x, y = clouds(200)
    losses = {}
    start = small_classifier().compile(lm.SoftmaxCrossEntropy(), lm.SGD(0.1))
    found = lm.find_lr(start, x, y, batch_size=20)
    assert found.suggestion is not None
    for factor in (1, 1e-3):
        model = small_classifier()
        model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(factor * found.suggestion))
        history = model.fit(x, y, epochs=3, batch_size=20, verbose=False, check=False)
        losses[factor] = history["loss"][-1]
    assert losses[1] < 0.7 * losses[1e-3]


def test_the_model_stays_as_it_is() -> None:
    x, y = clouds()
    model = small_classifier()
    model.fit(x, y, epochs=1, verbose=False, check=False)
    before = bits_of(model)
    one, other = (lm.find_lr(model, x, y) for _ in range(2))
    assert bits_of(model) == before
    assert model.optimizer.lr == small_classifier().optimizer.lr
    assert (one.losses == other.losses).all()
    unbuilt = lm.MLP([4], classes=3, seed=1)
    lm.find_lr(unbuilt, x, y)
    assert unbuilt.store is None


def test_the_search_ends_where_the_loss_has_risen() -> None:
    x, _ = clouds()
    model = lm.Sequential([lm.Dense(1)], seed=1).compile(lm.MeanSquaredError(), lm.SGD(0.1))
    found = lm.find_lr(model, x, x[:, :1], high=1e6)
    assert len(found.rates) < 200
    assert found.losses.max() <= 4 * np.minimum.accumulate(found.losses).max()
    assert found.suggestion == found.rates[found.losses.argmin()] / 10


def test_a_loss_that_does_not_fall_gives_no_suggestion() -> None:
    x, _ = clouds()
    model = lm.Sequential([lm.Dense(1, init="zeros")], seed=1)
    model.compile(lm.MeanSquaredError(), lm.SGD(0.1))
    found = lm.find_lr(model, x, np.zeros((len(x), 1)), high=1e-3)
    assert found.suggestion is None
    assert str(found).startswith("no suggestion: the loss does not fall")


@pytest.mark.parametrize("rate", [2.7, 20.0, 1000.0])
def test_losses_below_0_rise_and_fall_as_others_do(rate: float) -> None:
    x, _ = clouds(200)
    y = np.random.default_rng(1).poisson(rate, 200)
    model = lm.Sequential([lm.Dense(8), lm.ReLU(), lm.Dense(1), lm.Softplus()], seed=1)
    found = lm.find_lr(model.compile(lm.Poisson(), lm.Adam()), x, y)
    assert len(found.rates) > 100
    assert found.suggestion is not None
    assert found.suggestion > 1e-3


def test_a_lowest_loss_at_the_beginning_is_no_fall() -> None:
    x, _ = clouds(200)
    y = np.random.default_rng(1).poisson(0.1, 200)
    model = lm.Sequential([lm.Dense(1), lm.Softplus()], seed=1)
    model.compile(lm.Poisson(), lm.Adam(0.01)).fit(x, y, epochs=50, verbose=False, check=False)
    found = lm.find_lr(model, x, y, batch_size=8)
    begin = found.losses[:10].mean()
    assert found.losses.argmin() < 10
    assert found.losses.min() < 0.9 * begin
    assert found.suggestion is None


def test_the_plot_marks_the_suggestion() -> None:
    pytest.importorskip("matplotlib", reason="matplotlib draws the plot")
    found = lm.find_lr(small_classifier(), *clouds())
    (axes,) = found.plot().axes
    curve, mark = axes.lines
    np.testing.assert_array_equal(curve.get_ydata(), found.losses)
    assert mark.get_xdata()[0] == found.suggestion


def test_losses_that_are_not_finite_are_refused() -> None:
    x, y = clouds()
    with pytest.raises(DataError, match=r"after a step at low=1e\+30: give a lower rate"):
        lm.find_lr(small_classifier(), x, y, low=1e30, high=1e35)
    model = lm.Sequential([lm.Dense(1)], seed=1).compile(lm.Poisson(), lm.SGD(0.1))
    with pytest.raises(DataError, match="not finite before any step"):
        lm.find_lr(model, x, y)


def test_wrong_arguments_are_refused() -> None:
    x, y = clouds()
    model = small_classifier()
    for options, text in (
        ({"low": 1.0, "high": 0.1}, "low must be less than high"),
        ({"low": 0}, "low must be greater than 0"),
        ({"steps": 3}, "steps must be a whole number of at least 10"),
        ({"batch_size": 0}, "batch_size must be"),
        ({"lows": 1}, "did you mean 'low'"),
    ):
        with pytest.raises(ArgumentError, match=text):
            lm.find_lr(model, x, y, **options)
    with pytest.raises(DataError, match="x is empty"):
        lm.find_lr(model, x[:0], y[:0])
    with pytest.raises(UsageError, match="call compile"):
        lm.find_lr(lm.Sequential([lm.Dense(2)]), x, y)
