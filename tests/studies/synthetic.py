"""Results without training: known numbers, the same every time."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lamella.studies.definition.definition import StudyDefinition
from lamella.studies.results import Results
from lamella.studies.running.run import Run

CLASSES = 10
ACCURACIES = {"SGD": [0.90, 0.92, 0.91], "Adam": [0.97, 0.98, 0.99]}


def study(arms: Sequence[str], seeds: int | Sequence[int] = 3, **fields: Any) -> StudyDefinition:
    """Return a study that is only read, never run."""
    about = {
        "name": "made-up",
        "title": "Made up",
        "question": "Which of them?",
        "base": {},
        "arms": {arm: {} for arm in arms},
        "seeds": list(range(seeds)) if isinstance(seeds, int) else list(seeds),
        "baseline": arms[0],
        "varies": ["optimizer"],
        "cut": "",
    }
    return StudyDefinition.described({**about, **fields})


def run(
    arm: str,
    seed: int,
    scores: Mapping[str, float] | None = None,
    *,
    status: str = "done",
    reason: str = "",
    epochs: Sequence[Mapping[str, float]] = (),
    steps_per_epoch: int = 4,
    step_losses: Sequence[float] = (),
    predictions: Any = (),
    confidence: Any = (),
    seconds: float = 1.0,
) -> Run:
    """Return a run with just the numbers that a test is about."""
    return Run(
        study="made-up",
        arm=arm,
        seed=seed,
        key=f"{len(arm):08x}{seed:08x}",
        config={},
        status=status,
        reason=reason,
        epochs=[dict(row) for row in epochs],
        steps_per_epoch=steps_per_epoch,
        step_losses=np.asarray(step_losses, np.float32),
        scores=dict(scores or {}),
        predictions=np.asarray(predictions, np.uint8),
        confidence=np.asarray(confidence, np.float32),
        seconds=seconds,
    )


def scored(values: Mapping[str, Sequence[float]], measure: str = "test_accuracy") -> Results:
    """Return results with one number a run: for each arm, by seed."""
    seeds = max(map(len, values.values()))
    runs = [
        run(arm, seed, {measure: value})
        for arm, numbers in values.items()
        for seed, value in enumerate(numbers)
    ]
    return Results(study(list(values), seeds), runs)


def broken() -> Results:
    """Of three arms with three seeds: one diverged, one partly, one run is not there."""
    runs = [
        run("good", 0, {"test_accuracy": 0.97}),
        run("good", 1, {"test_accuracy": 0.98}),
        run("good", 2, {"test_accuracy": 0.99}),
        run("partly", 0, {"test_accuracy": 0.95}),
        run("partly", 1, {"test_accuracy": 0.10}, status="diverged", reason="loss not finite"),
        run("lost", 0, status="diverged", reason="loss not finite"),
        run("lost", 1, status="diverged", reason="loss not finite"),
        run("lost", 2, status="failed", reason="MemoryError: no room"),
    ]
    return Results(study(["good", "partly", "lost"]), runs)


def trained(
    ends: Mapping[str, float],
    seeds: int = 3,
    epochs: int = 6,
    samples: int = 400,
    steps: Mapping[str, int] | None = None,
    baseline: str | None = None,
    title: str = "Made up",
) -> Results:
    """Return results that look like training: curves that level off at each arm's accuracy."""
    labels = np.arange(samples) % CLASSES
    runs = []
    for place, (arm, end) in enumerate(ends.items()):
        per_epoch = (steps or {}).get(arm, 40)
        for seed in range(seeds):
            rng = np.random.default_rng([seed, place])
            level = min(0.9995, end + 0.006 * rng.normal() * (1 - end) ** 0.5)
            t = np.arange(1, epochs + 1)
            val = level - (level - 0.1) * 0.35 * np.exp(-(t - 1) / 1.7)
            val = val + 0.002 * rng.normal(size=epochs)
            x = np.arange(per_epoch * epochs) / per_epoch
            loss = (2.3 * np.exp(-3 * x) + 2.5 * (1 - level)) * np.exp(
                0.25 * rng.normal(size=len(x))
            )
            rows = [
                {
                    "epoch": float(epoch),
                    "loss": float(loss[(epoch - 1) * per_epoch : epoch * per_epoch].mean()),
                    "accuracy": float(min(1, val[epoch - 1] + 0.01)),
                    "val_loss": float(2.6 * (1 - val[epoch - 1])),
                    "val_accuracy": float(val[epoch - 1]),
                }
                for epoch in t
            ]
            # Hard samples come first: the seeds err on the same ones.
            hard = rng.random(samples) * np.linspace(0.6, 1.4, samples)
            wrong = hard < np.quantile(hard, 1 - level)
            shift = rng.integers(1, CLASSES, samples)
            runs.append(
                run(
                    arm,
                    seed,
                    {
                        "train_accuracy": float(min(1, level + 0.012)),
                        "val_accuracy": float(val[-1]),
                        "best_val_accuracy": float(val.max()),
                        "test_accuracy": float(level),
                        "best_test_accuracy": float(level + 0.0003),
                        "test_loss": float(2.6 * (1 - level)),
                    },
                    epochs=rows,
                    steps_per_epoch=per_epoch,
                    step_losses=loss,
                    predictions=np.where(wrong, (labels + shift) % CLASSES, labels),
                    confidence=rng.uniform(0.5, 1, samples),
                    seconds=float(3 + rng.random()),
                )
            )
    about = {"baseline": baseline or next(iter(ends)), "title": title}
    return Results(study(list(ends), seeds, **about), runs)
