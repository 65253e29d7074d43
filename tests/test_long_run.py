"""The short form of `python -m tests.long_run`."""

import pytest

import lamella as lm
from tests.long_run import optimizers, watch

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("optimizer", optimizers(), ids=lambda optimizer: type(optimizer).__name__)
def test_2000_steps_neither_drift_nor_grow_nor_sink_into_denormals(optimizer: lm.Optimizer) -> None:
    report = watch(optimizer, 2000)
    assert report.broken() == [], report
    assert report.accuracies[-1] > 0.99
