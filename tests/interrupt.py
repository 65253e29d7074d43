"""Kills trainings with SIGKILL, goes on with them, and compares the end with one left in peace.

python -m tests.interrupt --kills 200            at random moments
python -m tests.interrupt --every-call           before every call that changes the file system
python -m tests.interrupt --kills 20 --command   the command lamella train, each in a new process
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # a process without threads can be forked

import argparse
import hashlib
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import lamella as lm
from lamella.checkpoints import Checkpoints
from lamella.disk import write_atomically
from lamella.errors import DivergenceWarning

CHANGES = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod"}
COMMAND = "--hidden 16 --dropout 0.2 --batch-norm --epochs 4 --batch-size 50 --quiet --seed 5"


def everything() -> tuple[lm.Sequential, dict[str, Any]]:
    """A network with all that has a state: moments, running means, noise, a schedule."""
    layers = [lm.Dense(24), lm.BatchNorm(), lm.ReLU(), lm.Dropout(0.3), lm.Dense(3)]
    model = lm.Sequential(layers, seed=3, backend="numpy")
    schedule = lm.Warmup(lm.CosineDecay(0.01, epochs=5), epochs=1.5)
    model.compile(lm.SoftmaxCrossEntropy(), lm.AdamW(schedule, clip_norm=1.0), ["accuracy"])
    return model, {"epochs": 5, "class_weight": {0: 2.0}, "validation_split": 0.25}


def stopping_early() -> tuple[lm.Sequential, dict[str, Any]]:
    """A network that is stopped, and given back the weights of its best epoch."""
    layers = [lm.Dense(16), lm.Tanh(), lm.Dropout(0.5), lm.Dense(3)]
    model = lm.Sequential(layers, seed=4, backend="numpy", dtype="float64")
    rate = lm.InverseDecay(0.5, 0.1)
    model.compile(lm.SoftmaxCrossEntropy(), lm.Momentum(rate, nesterov=True), ["accuracy"])
    callbacks = [lm.EarlyStopping(patience=2)]
    return model, {"epochs": 30, "validation_split": 0.25, "callbacks": callbacks}


def diverging() -> tuple[lm.Sequential, dict[str, Any]]:
    """A network whose loss is no number in the middle of the third epoch."""
    model = lm.Sequential([lm.Dense(3)], seed=5, backend="numpy")
    model.compile(lm.MeanSquaredError(), lm.SGD(4.0))
    return model, {"epochs": 8, "shuffle": False, "callbacks": [lm.TerminateOnNaN()]}


SCENES = (everything, stopping_early, diverging)


def samples() -> tuple[np.ndarray, np.ndarray]:
    """Return samples of three classes that can be told apart, though not all of them."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 400)
    return rng.normal(size=(400, 12)) + 0.7 * np.eye(3, 12)[y], y


def train(scene: Callable[..., Any], folder: Path, seconds: float | None) -> dict[str, str]:
    """Train a scene, or go on with it, and return digests of all that came of it."""
    model, options = scene()
    logs = [lm.JSONLines(folder / "log.jsonl"), lm.CSV(folder / "log.csv")]
    best = lm.Checkpoint(folder / "saved", monitor="loss")
    options["callbacks"] = [*options.get("callbacks", ()), *logs, best]
    if seconds is not None:
        options["checkpoint"] = Checkpoints(folder / "kept", seconds=seconds)
    x, y = samples()
    y = np.eye(3)[y] if isinstance(model.loss, lm.MeanSquaredError) else y
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", DivergenceWarning)
        history = model.fit(x, y, batch_size=25, verbose=False, **options)
    arrays = {**model.state_dict(), **model.optimizer.state_dict()}
    found = {name: array.tobytes() for name, array in arrays.items()}
    rows = [timeless(row) for row in history.rows]
    found["history"] = json.dumps([rows, history.steps, history.stop_reason]).encode()
    found["draws"] = json.dumps([layer.rng.draws for layer in model.layers]).encode()
    found["rate"] = json.dumps([model.optimizer.learning_rate, model.epochs_done]).encode()
    lines = (folder / "log.jsonl").read_text().splitlines()
    found["log.jsonl"] = json.dumps([timeless(json.loads(line)) for line in lines]).encode()
    table = [line.rpartition(",")[0] for line in (folder / "log.csv").read_text().splitlines()]
    found["log.csv"] = "\n".join(table).encode()
    for file in (folder / "saved").iterdir():
        if not file.name.startswith("."):  # what is half written there belongs to nobody
            found[file.name] = file.read_bytes()
    return {name: hashlib.sha256(content).hexdigest() for name, content in found.items()}


def timeless(row: dict[str, Any]) -> dict[str, Any]:
    """Return an epoch's numbers without the time it took."""
    return {name: value for name, value in row.items() if name != "seconds"}


def forked(scene: Callable[..., Any], folder: Path, seconds: float, before: int = 0) -> int:
    """Train in a process of its own that writes ``end.json``, and return the process's id.

    Its ``before``-th call that changes the file system is its last deed; 0 for none.
    """
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        if before:
            _die_before_call(before)
        found = train(scene, folder, seconds)
        write_atomically(folder / "end.json", json.dumps(found).encode())
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def _die_before_call(number: int) -> None:
    calls = 0

    def hook(event: str, details: tuple[Any, ...]) -> None:
        nonlocal calls
        if event not in CHANGES or (event == "open" and not details[2] & os.O_CREAT):
            return
        calls += 1
        if calls == number:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def died(child: int) -> bool:
    """Wait for a process and return whether it was killed; an error of its own is one of ours."""
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    if os.WEXITSTATUS(status):
        raise AssertionError("the training failed when it went on: see above")
    return False


def expect_same(folder: Path, expected: dict[str, str], how: str) -> None:
    """Raise an AssertionError if the end of a training is not what was expected."""
    found = json.loads((folder / "end.json").read_text())
    wrong = [name for name in {**expected, **found} if found.get(name) != expected.get(name)]
    if wrong:
        raise AssertionError(f"{folder.name}, {how}: not the same: {', '.join(wrong)}")


def references(root: Path) -> dict[str, tuple[dict[str, str], float]]:
    """Train every scene in peace, without checkpoints: what came of it, and how long it took."""
    ends = {}
    for scene in SCENES:
        for folder in (root / "warm", root / "peace"):  # the first compiles loops
            (folder / scene.__name__).mkdir(parents=True)
            began = time.perf_counter()
            end = train(scene, folder / scene.__name__, None)
            ends[scene.__name__] = end, time.perf_counter() - began
    return ends


def at_random(kills: int, seed: int, root: Path) -> dict[str, int]:
    """Kill trainings at random moments until there were so many kills."""
    rng, ends = random.Random(seed), references(root)
    counts = {"kills": 0, "trainings": 0, "identical": 0}
    while counts["kills"] < kills:
        scene = rng.choice(SCENES)
        seconds = rng.choice((0.0, 0.003, 60.0))
        expected, alone = ends[scene.__name__]
        folder = root / f"{counts['trainings']}-{scene.__name__}"
        folder.mkdir()
        limit = rng.randint(1, 5)
        hit = 0
        while True:
            child = forked(scene, folder, seconds)
            if hit < limit:
                time.sleep(rng.uniform(0, 3 * alone + 0.02))
                os.kill(child, signal.SIGKILL)
            if not died(child):
                break
            hit += 1
        counts["kills"] += hit
        counts["trainings"] += 1
        expect_same(folder, expected, f"{hit} kills, a checkpoint every {seconds} s")
        counts["identical"] += 1
    return counts


def before_every_call(
    root: Path, scenes: tuple[Callable[..., Any], ...] = SCENES
) -> dict[str, int]:
    """Kill a training before its first, second, ... call that changes the file system."""
    ends = references(root)
    counts = {"kills": 0, "trainings": 0, "identical": 0}
    for scene in scenes:
        number, killed = 0, True
        while killed:
            number += 1
            folder = root / f"{scene.__name__}-{number}"
            folder.mkdir()
            # A checkpoint after every batch would be thousands of calls of which most are alike.
            killed = died(forked(scene, folder, 60.0, before=number))
            if killed:
                counts["kills"] += 1
                assert not died(forked(scene, folder, 60.0))
            counts["trainings"] += 1
            expect_same(folder, ends[scene.__name__][0], f"killed before call {number}")
            counts["identical"] += 1
    return counts


def of_the_command(kills: int, seed: int, root: Path) -> dict[str, int]:
    """Kill ``lamella train`` at random moments and go on with ``--resume``."""
    rng = random.Random(seed)
    began = time.perf_counter()
    assert _command("--out", root / "peace", *COMMAND.split()).wait() == 0
    alone = time.perf_counter() - began
    expected = _files(root / "peace")
    counts = {"kills": 0, "trainings": 0, "identical": 0}
    while counts["kills"] < kills:
        folder = root / str(counts["trainings"])
        limit, hit = rng.randint(1, 4), 0
        while True:
            begun = (folder / "checkpoints" / "begun.json").exists()
            go_on = begun or (folder / "run.json").exists()
            words = ["--resume", folder, "--quiet"] if go_on else ["--out", folder, "--overwrite"]
            process = _command(*words, *([] if go_on else COMMAND.split()))
            if hit < limit:
                time.sleep(rng.uniform(0.3 * alone, alone))
                process.kill()
            status = process.wait()
            if status == 0:
                break
            assert status == -signal.SIGKILL, f"lamella train failed with status {status}"
            hit += 1
        counts["kills"] += hit
        counts["trainings"] += 1
        assert _files(folder) == expected, f"{folder} after {hit} kills: not the same"
        counts["identical"] += 1
    return counts


def _command(*words: object) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-m", "lamella", "train", *map(str, words)]
    return subprocess.Popen(argv, stdout=subprocess.DEVNULL)


def _files(folder: Path) -> dict[str, Any]:
    """Return what a run wrote, without times; curves.png is drawn of the history."""
    record = json.loads((folder / "run.json").read_text())
    del record["seconds"], record["configuration"]
    rows = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    return {
        "names": sorted(file.name for file in folder.iterdir()),
        "run.json": record,
        "history.jsonl": [timeless(row) for row in rows],
        "model.safetensors": (folder / "model.safetensors").read_bytes(),
    }


def main() -> None:
    """Do what was asked for and print how often it was the same."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--every-call", action="store_true")
    names = {scene.__name__: scene for scene in SCENES}
    parser.add_argument("--scene", choices=list(names), help="of --every-call (default: all)")
    parser.add_argument("--command", action="store_true")
    args = parser.parse_args()
    scenes = (names[args.scene],) if args.scene else SCENES
    with tempfile.TemporaryDirectory() as root:
        if args.every_call:
            counts = before_every_call(Path(root), scenes)
        elif args.command:
            counts = of_the_command(args.kills, args.seed, Path(root))
        else:
            counts = at_random(args.kills, args.seed, Path(root))
    print(
        "{kills} kills in {trainings} trainings: {identical} ended with the same bits".format(
            **counts
        )
    )


if __name__ == "__main__":
    main()
