"""One contestant in its own process: read commands from stdin, answer in JSON.

A waiting worker uses no processor, so only one contestant is busy at a time.
"""

import importlib.util
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.contestant import Contestant, Material, pools
from benchmarks.peers.tasks import Task


def make_lamella(numba: bool) -> Callable[[Material], Contestant]:
    """Return lamella's class, with compiled loops or with numba disabled."""
    if not numba:
        sys.modules["numba"] = None  # type: ignore[assignment]
    elif importlib.util.find_spec("numba") is None:
        raise SystemExit("numba is not installed")  # the two would be identical
    from benchmarks.peers.with_lamella import Lamella

    return Lamella


def make_torch(**switches: bool) -> Callable[[Material], Contestant]:
    from benchmarks.peers.with_torch import Torch

    return lambda material: Torch(material, **switches)


def make_jax() -> Callable[[Material], Contestant]:
    from benchmarks.peers.with_jax import Jax

    return Jax


def make_sklearn() -> Callable[[Material], Contestant]:
    from benchmarks.peers.with_sklearn import Sklearn

    return Sklearn


def make_numpy() -> Callable[[Material], Contestant]:
    from benchmarks.peers.with_numpy import Numpy

    return Numpy


def make_report() -> Callable[[Material], Contestant]:
    from benchmarks.peers.with_report import Report

    return Report


def make_floor() -> Callable[[Material], Contestant]:
    from benchmarks.peers.floor import Floor

    return Floor


# Each imports only the library of its contestant.
Makers = dict[str, Callable[[], Callable[[Material], Contestant]]]
MAKERS: Makers = {
    "lamella": lambda: make_lamella(numba=True),
    "lamella, no numba": lambda: make_lamella(numba=False),
    "PyTorch": make_torch,
    "PyTorch fused": lambda: make_torch(fused=True),
    "PyTorch fused, flushed": lambda: make_torch(fused=True, flush=True),
    "PyTorch compiled": lambda: make_torch(fused=True, compiled=True),
    "JAX": make_jax,
    "scikit-learn": make_sklearn,
    "plain numpy": make_numpy,
    "the report's way": make_report,
    "floor": make_floor,
}


def peak_memory() -> int:
    """Return the peak memory of this process in bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss would include the parent process
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def start(setup: dict[str, Any], makers: Makers) -> tuple[Contestant, dict[str, Any]]:
    """Return the initialized contestant and facts about it."""
    if setup["processors"] and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, setup["processors"])
    maker = makers[setup["contestant"]]()
    imported = peak_memory()
    folder = Path(setup["folder"])
    images, labels, test_images, test_labels = load(folder, setup["data"])
    weights = [np.load(folder / name) for name in setup["weights"]]
    material = Material(
        task=Task.from_json(setup["task"]),
        weights=weights,
        images=images,
        labels=labels,
        test_images=test_images,
        test_labels=test_labels,
        threads=setup["threads"],
        device=setup["device"],
    )
    contestant = maker(material)
    about = {"imported_bytes": imported, "loaded_bytes": peak_memory(), "pools": pools()}
    about |= {"own_order": contestant.own_order, "few_steps": contestant.few_steps}
    return contestant, about


def load(folder: Path, names: list[str] | None) -> list[np.ndarray]:
    """Return MNIST's four arrays from files, or without names from lamella's package."""
    if names is not None:
        return [np.load(folder / f"{name}.npy") for name in names]
    import lamella as lm

    return [array for samples in lm.datasets.mnist() for array in (samples.x, samples.y)]


def answer(contestant: Contestant, command: dict[str, Any]) -> dict[str, Any]:
    """Execute a command and return its result."""
    do = command.pop("do")
    if do == "train":
        warm_up = command.pop("warm_up", None)
        if warm_up is not None:
            contestant.train(**warm_up)
        return {
            "seconds": contestant.time_train(**command),
            "peak_bytes": peak_memory(),
            "parts": dict(contestant.parts),
            "pools": list(contestant.pools_at_work) or pools(),
            "remark": contestant.remark,
        }
    if do == "predict":
        contestant.time_predict(**command)  # untimed warm-up, as for training
        return {"seconds": contestant.time_predict(**command)}
    if do == "loss":
        return {"loss": contestant.loss(**command)}
    classes = contestant.predict(command["samples"])
    return {"classes": np.asarray(classes).tolist()}


def serve(makers: Makers) -> None:
    """Start the contestant that the first line of stdin names, and execute the other lines."""
    # Prints of libraries must not mix with the answers.
    answers, sys.stdout = sys.stdout, sys.stderr
    contestant, about = start(json.loads(sys.stdin.readline()), makers)
    print(json.dumps(about), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(contestant, json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    serve(MAKERS)
