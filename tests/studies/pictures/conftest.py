"""Results to draw: two and fifteen arms, one seed, and incomplete runs."""

from dataclasses import replace

import numpy as np
import pytest

from lamella.studies.results import Results
from tests.studies.synthetic import trained

pytest.importorskip("matplotlib")
pytest.importorskip("scipy")


@pytest.fixture(scope="session")
def two() -> Results:
    return trained({"softmax": 0.92, "MLP": 0.98})


@pytest.fixture(scope="session")
def fifteen() -> Results:
    return trained({f"arm {number}": 0.90 + 0.005 * number for number in range(15)}, seeds=2)


@pytest.fixture(scope="session")
def one_seed() -> Results:
    return trained({"a": 0.95, "b": 0.96, "c": 0.97}, seeds=1)


@pytest.fixture(scope="session")
def broken() -> Results:
    """All runs of "lost" diverged in epoch 2; one run of "partly" failed before its first step."""
    whole = trained({"lost": 0.2, "partly": 0.93, "good": 0.975, "best": 0.98}, baseline="best")
    runs = []
    for run in whole.runs:
        if run.arm == "lost":
            losses = np.append(run.step_losses[:60], np.nan)
            run = replace(run, status="diverged", step_losses=losses, epochs=run.epochs[:1])
        elif (run.arm, run.seed) == ("partly", 1):
            run = replace(
                run, status="failed", step_losses=losses[:0], epochs=[], steps_per_epoch=0
            )
        runs.append(run)
    return Results(whole.study, runs)
