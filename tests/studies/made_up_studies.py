"""Results of bundled studies without training: each run ends at given scores."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

import lamella as lm
from lamella.studies.definition import bundled
from lamella.studies.definition.definition import StudyDefinition
from lamella.studies.results import Results
from lamella.studies.running.run import Run

STEPS = 60
NOISE = (0.0004, -0.0003, 0.0001, -0.0004, 0.0002)
"""Differences between seeds, small enough that half a point between arms is significant."""

Ends = Mapping[str, Mapping[str, Any]]


@cache
def study_called(name: str) -> StudyDefinition:
    return bundled.load(name)


def results_of(name: str, ends: Ends | None = None) -> Results:
    """Return results of a bundled study.

    ``ends`` has the scores of an arm: test, train, loss (of training), val (validation accuracy),
    from (the epoch from which on it has it), fall (of validation accuracy, in every second epoch),
    jitter (of the step losses), gradient (of the first layer; that of the last is 1), status.
    Missing ones are the same in all arms.
    """
    study = study_called(name)
    runs = [
        _run(study, arm, seed, _noise(place, number), dict((ends or {}).get(arm, {})))
        for place, arm in enumerate(study.arms)
        for number, seed in enumerate(study.seeds)
    ]
    return Results(study, runs)


def _noise(place: int, number: int) -> float:
    """Return the deviation of a seed in an arm, another one in each arm."""
    return NOISE[(2 * place + number) % len(NOISE)] + 1e-5 * place * (-1) ** number


def _run(study: StudyDefinition, arm: str, seed: int, noise: float, end: dict[str, Any]) -> Run:
    status = end.get("status", "done")
    test, val = end.get("test", 0.97) + noise, end.get("val", 0.975) + noise
    fall, loss = end.get("fall", 0.001) * (1 + 50 * noise), end.get("loss", 0.05) * (1 + 50 * noise)
    epochs = [
        {
            "epoch": epoch,
            "loss": loss * (2 if epoch <= 3 else 1),
            "accuracy": 0.98,
            "val_loss": 0.1,
            "val_accuracy": (val if epoch >= end.get("from", 2) else 0.5)
            - (fall if epoch % 2 else 0),
            "learning_rate": 5e-4,
            "gradient_0": end.get("gradient", 0.5) * (1 + 50 * noise),
            "gradient_2": 1.0,
        }
        for epoch in range(1, 16)
    ]
    zigzag = np.where(np.arange(15 * STEPS) % 2, 1, -1) * end.get("jitter", 0.01) * (1 + 50 * noise)
    scores = {
        "train_loss": loss,
        "train_accuracy": end.get("train", 0.99) - noise,
        "val_loss": 0.1,
        "val_accuracy": val,
        "best_val_accuracy": val,
        "best_epoch": 2.0,
        "test_loss": 0.1,
        "test_accuracy": test,
        "best_test_accuracy": test,
    }
    return Run(
        study=study.name,
        arm=arm,
        seed=seed,
        key=f"{seed:016x}",
        config={
            "lamella": lm.__version__,
            "experiment": study.experiments[arm].table(),
            "data": {"inputs": 784, "tested": 10_000},
        },
        status=status,
        reason="" if status == "done" else "the loss was not finite in epoch 2",
        epochs=epochs if status == "done" else epochs[:2],
        steps_per_epoch=STEPS,
        step_losses=(0.5 + noise + zigzag).astype(np.float32),
        scores=scores if status == "done" else {},
        predictions=np.zeros(20, np.uint8),
        confidence=np.ones(20, np.float32),
        seconds=2.0,
    )


def some_seeds(results: Results, seeds: list[int]) -> Results:
    """Return the results of some seeds only."""
    fewer = results.study.resized(seeds=seeds)
    return Results(fewer, [run for run in results.runs if run.seed in seeds])


def changed(results: Results, change: Callable[[Run], Any]) -> Results:
    """Return results with fields of each run replaced by those of ``change``."""
    return Results(results.study, [replace(run, **change(run)) for run in results.runs])
