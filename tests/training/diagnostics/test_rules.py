"""Rules of the doctor: findings of defective networks, none of healthy ones."""

from typing import Any

import pytest

import lamella as lm
from tests.data import clouds
from tests.networks import Gain
from tests.training.diagnostics.examples import DEFECTIVE, names, relu_network

pytestmark = pytest.mark.slow


HEALTHY: dict[str, Any] = {
    "relu": lambda: relu_network(),
    "batch norm and dropout": lambda: relu_network(
        lm.Dense(32), lm.BatchNorm(), lm.ReLU(), lm.Dropout(0.1)
    ),
    "tanh": lambda: relu_network(lm.Dense(32), lm.Tanh()),
    "own layer": lambda: relu_network(lm.Dense(32), lm.ReLU(), Gain()),
    "momentum": lambda: relu_network(optimizer=lm.Momentum(0.05)),
    "warm-up": lambda: relu_network(optimizer=lm.Adam(lm.Warmup(5e-3, epochs=3, start=1e-6))),
}


@pytest.mark.parametrize("make", HEALTHY.values(), ids=HEALTHY)
def test_healthy_networks_overfit_a_batch_and_have_no_finding(make: Any) -> None:
    report = make().doctor(*clouds(300))
    assert names(report) == []
    assert report.healthy
    assert report.attempt.learned
    assert report.attempt.losses[-1] <= report.attempt.goal


@pytest.mark.parametrize(("name", "where", "make"), DEFECTIVE.values(), ids=DEFECTIVE)
def test_defects_of_networks_are_named_with_their_place(name: str, where: str, make: Any) -> None:
    report = make().doctor(*clouds(300))
    found = {finding.name: finding.message for finding in report.findings}
    assert name in found
    assert where in found[name]
    assert not report.healthy


def test_proposed_rate_learns_the_batch() -> None:
    (finding,) = relu_network(optimizer=lm.SGD(1e-5)).doctor(*clouds(300)).findings
    rate = float(finding.advice.removeprefix("lr="))
    assert relu_network(optimizer=lm.SGD(rate)).doctor(*clouds(300)).attempt.learned
