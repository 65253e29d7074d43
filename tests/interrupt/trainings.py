"""Trainings with checkpoints, killed and resumed by the same call."""

import hashlib
import json
import random
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import lamella as lm
from lamella.core.disk import write_atomically
from lamella.core.errors import DivergenceWarning
from lamella.training.checkpoints import ResumeFolder
from tests.interrupt.killing import Counts, died, forked, killed_until_done
from tests.networks import without_times

Scene = Callable[[], tuple[lm.Sequential, dict[str, Any]]]


def everything() -> tuple[lm.Sequential, dict[str, Any]]:
    """A network with every kind of state: moments, running means, noise, a schedule."""
    layers = [lm.Dense(24), lm.BatchNorm(), lm.ReLU(), lm.Dropout(0.3), lm.Dense(3)]
    model = lm.Sequential(layers, seed=3, backend="numpy")
    schedule = lm.Warmup(lm.CosineDecay(0.01, epochs=5), epochs=1.5)
    model.compile(lm.SoftmaxCrossEntropy(), lm.AdamW(schedule, clip_norm=1.0), ["accuracy"])
    return model, {"epochs": 5, "class_weight": {0: 2.0}, "validation_split": 0.25}


def stopping_early() -> tuple[lm.Sequential, dict[str, Any]]:
    """A network whose training stops early and restores the weights of the best epoch."""
    layers = [lm.Dense(16), lm.Tanh(), lm.Dropout(0.5), lm.Dense(3)]
    model = lm.Sequential(layers, seed=4, backend="numpy", dtype="float64")
    rate = lm.InverseDecay(0.5, 0.1)
    model.compile(lm.SoftmaxCrossEntropy(), lm.Momentum(rate, nesterov=True), ["accuracy"])
    callbacks = [lm.EarlyStopping(patience=2)]
    return model, {"epochs": 30, "validation_split": 0.25, "callbacks": callbacks}


def diverging() -> tuple[lm.Sequential, dict[str, Any]]:
    """A network whose loss becomes NaN in the middle of the third epoch."""
    model = lm.Sequential([lm.Dense(3)], seed=5, backend="numpy")
    model.compile(lm.MeanSquaredError(), lm.SGD(4.0))
    return model, {"epochs": 8, "shuffle": False, "callbacks": [lm.TerminateOnNaN()]}


SCENES = (everything, stopping_early, diverging)


def samples() -> tuple[np.ndarray, np.ndarray]:
    """Return samples of three classes that overlap."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 400)
    return rng.normal(size=(400, 12)) + 0.7 * np.eye(3, 12)[y], y


def train(scene: Scene, folder: Path, seconds: float | None) -> dict[str, str]:
    """Train a scene, or resume it, and return digests of all results."""
    model, options = scene()
    logs = [lm.JSONLines(folder / "log.jsonl"), lm.CSV(folder / "log.csv")]
    best = lm.ModelCheckpoint(folder / "saved", monitor="loss")
    options["callbacks"] = [*options.get("callbacks", ()), *logs, best]
    if seconds is not None:
        options["checkpoint"] = ResumeFolder(folder / "kept", seconds=seconds)
    x, y = samples()
    y = np.eye(3)[y] if isinstance(model.loss, lm.MeanSquaredError) else y
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", DivergenceWarning)
        history = model.fit(x, y, batch_size=25, verbose=False, **options)
    arrays = {**model.state_dict(), **model.optimizer.state_dict()}
    found = {name: array.tobytes() for name, array in arrays.items()}
    rows = without_times(history.rows)
    found["history"] = json.dumps([rows, history.steps, history.stop_reason]).encode()
    found["draws"] = json.dumps([layer.rng.draws for layer in model.layers]).encode()
    found["rate"] = json.dumps([model.optimizer.learning_rate, model.epochs_done]).encode()
    lines = (folder / "log.jsonl").read_text().splitlines()
    found["log.jsonl"] = json.dumps(without_times(map(json.loads, lines))).encode()
    table = [line.rpartition(",")[0] for line in (folder / "log.csv").read_text().splitlines()]
    found["log.csv"] = "\n".join(table).encode()
    for file in (folder / "saved").iterdir():
        if not file.name.startswith("."):  # unfinished files
            found[file.name] = file.read_bytes()
    return {name: hashlib.sha256(content).hexdigest() for name, content in found.items()}


def train_to_file(scene: Scene, folder: Path, seconds: float) -> None:
    """Train a scene, or resume it, and write ``end.json``."""
    found = train(scene, folder, seconds)
    write_atomically(folder / "end.json", json.dumps(found).encode())


def expect_same(folder: Path, expected: dict[str, str], how: str) -> None:
    """Raise an AssertionError if the results of a training are not the expected ones."""
    found = json.loads((folder / "end.json").read_text())
    wrong = [name for name in {**expected, **found} if found.get(name) != expected.get(name)]
    if wrong:
        raise AssertionError(f"{folder.name}, {how}: not the same: {', '.join(wrong)}")


def references(root: Path) -> dict[str, tuple[dict[str, str], float]]:
    """Train every scene without interruptions or checkpoints; return results and durations."""
    ends = {}
    for scene in SCENES:
        for folder in (root / "warm", root / "peace"):  # the first compiles loops
            (folder / scene.__name__).mkdir(parents=True)
            began = time.perf_counter()
            end = train(scene, folder / scene.__name__, None)
            ends[scene.__name__] = end, time.perf_counter() - began
    return ends


def at_random(kills: int, seed: int, root: Path) -> Counts:
    """Kill trainings at random moments, ``kills`` times in all."""
    rng, ends, counts = random.Random(seed), references(root), Counts("trainings")
    while counts.kills < kills:
        scene, seconds = rng.choice(SCENES), rng.choice((0.0, 0.003, 60.0))
        expected, alone = ends[scene.__name__]
        folder = root / f"{counts.done}-{scene.__name__}"
        folder.mkdir()
        start = partial(forked, partial(train_to_file, scene, folder, seconds))
        hit = killed_until_done(start, rng, rng.randint(1, 5), (0, 3 * alone + 0.02))
        expect_same(folder, expected, f"{hit} kills, a checkpoint every {seconds} s")
        counts.add(hit)
    return counts


def before_every_call(root: Path, scenes: tuple[Scene, ...] = SCENES) -> Counts:
    """Kill a training before its first, second, ... call that changes the file system."""
    ends, counts = references(root), Counts("trainings")
    for scene in scenes:
        number, killed = 0, True
        while killed:
            number += 1
            folder = root / f"{scene.__name__}-{number}"
            folder.mkdir()
            # A checkpoint after every batch would be thousands of calls of which most are alike.
            work = partial(train_to_file, scene, folder, 60.0)
            killed = died(forked(work, before=number))
            if killed:
                assert not died(forked(work))
            expect_same(folder, ends[scene.__name__][0], f"killed before call {number}")
            counts.add(int(killed))
    return counts
