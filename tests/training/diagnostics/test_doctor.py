"""model.doctor: findings of defective and healthy networks, which it leaves unchanged."""

from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.network.prepare import prepare
from lamella.training.diagnostics.doctor import DoctorReport
from lamella.training.diagnostics.overfit_one_batch import attempt
from tests.data import clouds
from tests.networks import Gain

pytestmark = pytest.mark.slow


def network(
    *hidden: lm.Layer, optimizer: lm.Optimizer | None = None, backend: str | Backend = "numpy"
) -> lm.Sequential:
    layers = hidden or (lm.Dense(32), lm.ReLU(), lm.Dense(16), lm.ReLU())
    model = lm.Sequential([lm.Flatten(), *layers, lm.Dense(3)], seed=1, backend=backend)
    return model.compile(lm.SoftmaxCrossEntropy(), optimizer or lm.Adam(5e-3), in_shape=(6,))


def huge(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return 50 * rng.standard_normal(shape)


class Forgetful(Gain):
    """Forgets its own gradient."""

    def backward(self, dy: Any) -> Any:
        return dy * self.gain.value


class Dividing(lm.Layer):
    """Divides by zero."""

    def forward(self, x: Any, training: bool) -> Any:
        return x / (x - x)

    def backward(self, dy: Any) -> Any:
        return dy


def names(report: DoctorReport) -> list[str]:
    return [finding.name for finding in report.findings]


HEALTHY: dict[str, Any] = {
    "relu": lambda: network(),
    "batch norm and dropout": lambda: network(
        lm.Dense(32), lm.BatchNorm(), lm.ReLU(), lm.Dropout(0.1)
    ),
    "tanh": lambda: network(lm.Dense(32), lm.Tanh()),
    "own layer": lambda: network(lm.Dense(32), lm.ReLU(), Gain()),
    "momentum": lambda: network(optimizer=lm.Momentum(0.05)),
    "warm-up": lambda: network(optimizer=lm.Adam(lm.Warmup(5e-3, epochs=3, start=1e-6))),
}


@pytest.mark.parametrize("make", HEALTHY.values(), ids=HEALTHY)
def test_healthy_networks_learn_a_batch_by_heart_and_have_no_finding(make: Any) -> None:
    report = make().doctor(*clouds(300))
    assert names(report) == []
    assert report.healthy
    assert report.attempt.learned
    assert report.attempt.losses[-1] <= report.attempt.goal


def test_own_layers_are_seen_on_every_backend(backend: Backend) -> None:
    report = network(lm.Dense(32), lm.ReLU(), Gain(), backend=backend).doctor(*clouds(300))
    assert names(report) == []
    assert [layer.name for layer in report.layers][3] == "3 Gain"
    assert report.layers[3].gradient is not None


def dead() -> lm.Sequential:
    model = network()
    model.parameters[1].value = -1000.0
    return model


SICK: dict[str, tuple[str, str, Any]] = {
    "dead": ("dead ReLUs", "100% of the units of layer 2 ReLU", dead),
    "exploding": (
        "exploding activations",
        "layer 1 Dense",
        lambda: network(lm.Dense(32, init=huge), lm.ReLU(), lm.Dense(16, init=huge), lm.ReLU()),
    ),
    "rate too high": (
        "learning rate too high",
        "was learned in",
        lambda: network(optimizer=lm.Adam(30.0)),
    ),
    "rate too low": (
        "learning rate too low",
        "was learned in",
        lambda: network(optimizer=lm.SGD(1e-5)),
    ),
    "gradient forgotten": ("no gradient", "layer 1 Forgetful", lambda: network(Forgetful())),
    "divides by 0": ("NaN or infinity", "layer 1 Dividing", lambda: network(Dividing())),
    "diverges": (
        "NaN or infinity",
        "in step",
        lambda: network(optimizer=lm.SGD(1e15)),
    ),
    "deep sigmoids": (
        "outputs all alike",
        "Sigmoid",
        lambda: network(*(layer for _ in range(14) for layer in (lm.Dense(16), lm.Sigmoid()))),
    ),
}


@pytest.mark.parametrize(("name", "where", "make"), SICK.values(), ids=SICK)
def test_sick_networks_are_named_with_the_place(name: str, where: str, make: Any) -> None:
    report = make().doctor(*clouds(300))
    found = {finding.name: finding.message for finding in report.findings}
    assert name in found
    assert where in found[name]
    assert not report.healthy


def test_rate_that_is_proposed_learns_the_batch() -> None:
    (finding,) = network(optimizer=lm.SGD(1e-5)).doctor(*clouds(300)).findings
    rate = float(finding.advice.removeprefix("lr="))
    assert network(optimizer=lm.SGD(rate)).doctor(*clouds(300)).attempt.learned


def test_what_check_finds_comes_first() -> None:
    x, y = clouds(300)
    assert names(network().doctor(1000 * x, y))[0] == "unscaled inputs"
    assert names(network().doctor(x, np.zeros_like(y)))[0] == "one class only"


def test_first_nan_is_placed_in_layer_and_step() -> None:
    report = network(Dividing()).doctor(*clouds(300))
    assert report.attempt.first_nan == "the outputs of layer 1 Dividing, in step 1"


def test_model_is_not_touched(backend: Backend) -> None:
    x, y = clouds(300)
    layers = (lm.Dense(8), lm.BatchNorm(), lm.ReLU(), lm.Dropout(0.2))
    ends = []
    for examined in (False, True):
        model = network(*layers, backend=backend)
        for _ in range(2):
            model.fit(x, y, epochs=1, batch_size=16, verbose=False)
            if examined:
                model.doctor(x, y, steps=5)
        ends.append({**model.state_dict(), **model.optimizer.state_dict()})
        layers = (lm.Dense(8), lm.BatchNorm(), lm.ReLU(), lm.Dropout(0.2))
    for name, array in ends[0].items():
        assert array.tobytes() == ends[1][name].tobytes(), name


def test_model_that_is_not_built_stays_so() -> None:
    model = lm.MLP([8], classes=3, seed=1)
    assert model.doctor(*clouds(300)).layers
    assert model.store is None


def test_two_examinations_see_the_same() -> None:
    first, second = (network().doctor(*clouds(300)) for _ in range(2))
    assert str(first) == str(second)
    assert first.attempt.losses == second.attempt.losses


def test_layers_are_measured_as_numpy_measures_them() -> None:
    x, y = clouds(300)
    model = network()
    report = model.doctor(x, y)
    hidden = np.maximum(x @ model.layers[1].W.value + model.layers[1].b.value, 0)
    relu = report.layers[2]
    assert relu.mean == pytest.approx(hidden.mean(), rel=1e-5)
    assert relu.spread == pytest.approx(hidden.std(axis=0).mean(), rel=1e-5)
    assert relu.dead == (hidden == 0).all(axis=0).mean()


def test_batch_and_steps_must_be_positive() -> None:
    for options in ({"batch_size": 0}, {"steps": 0}):
        with pytest.raises(lm.LamellaError, match="must be"):
            network().doctor(*clouds(300), **options)


def test_text_has_a_row_for_each_layer_and_ends_with_what_to_try() -> None:
    text = str(dead().doctor(*clouds(300)))
    assert [line.split()[:2] for line in text.splitlines()[1:4]] == [
        ["0", "Flatten"],
        ["1", "Dense"],
        ["2", "ReLU"],
    ]
    assert "    try: a smaller learning rate, biases that start at 0" in text


def test_picture_shows_the_numbers_of_the_report() -> None:
    pytest.importorskip("matplotlib")
    report = network().doctor(*clouds(300))
    figure = report.plot()
    figure.draw_without_rendering()
    loss = figure.axes[4].get_lines()[0]
    assert list(loss.get_ydata()) == report.attempt.losses
    updates = figure.axes[3].get_lines()[0].get_xdata()
    assert list(updates) == [a.update for a in report.layers if a.update is not None]


@pytest.mark.parametrize("make", [value[2] for value in SICK.values()], ids=SICK)
def test_picture_of_sick_networks_can_be_drawn(make: Any) -> None:
    pytest.importorskip("matplotlib")
    report = make().doctor(*clouds(300))
    figure = report.plot()
    figure.draw_without_rendering()
    assert report.findings[0].name in figure.get_supxlabel()


def test_attempt_stops_when_the_batch_is_learned() -> None:
    x, y = clouds(300)
    model = network()
    data, _ = prepare(model, x[:32], y[:32])
    tried = attempt(model, data, steps=300)
    assert tried.learned
    assert len(tried.losses) < 300
