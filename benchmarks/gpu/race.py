"""Measure one network on a device, with the contestants, rounds and checks of benchmarks.peers."""

from pathlib import Path
from typing import Any

from benchmarks.gpu.worker import MAKERS
from benchmarks.peers import machine
from benchmarks.peers.measure import IMAGES, measure
from benchmarks.peers.table import notes, rows
from benchmarks.peers.tasks import Task

# Without TF32 all multiply the same float32 numbers. JAX and PyTorch may not exceed the memory
# that they need, since all contestants are on the device at the same time.
EXACT = {"NVIDIA_TF32_OVERRIDE": "0", "JAX_DEFAULT_MATMUL_PRECISION": "highest"}
TF32 = {
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE": "1",
    "JAX_DEFAULT_MATMUL_PRECISION": "tensorfloat32",
    "CUPY_TF32": "1",
}
SHARED = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}


def environment(device: str, tf32: bool) -> dict[str, str]:
    """Return the variables of the contestants' processes."""
    platform = {"JAX_PLATFORMS": "cuda" if device == "gpu" else "cpu"}
    return platform | SHARED | (TF32 if tf32 else EXACT)


def race(
    task: Task,
    folder: Path,
    *,
    device: str,
    names: list[str] | None = None,
    rounds: int = 7,
    seconds: float = 0.4,
    samples: int | None = None,
    tf32: bool = False,
) -> dict[str, Any]:
    """Return the measurements of a task as JSON data.

    Parameters
    ----------
    task : Task
    folder : Path
        Data, see `benchmarks.peers.measure.mnist_folder`.
    device : {"gpu", "cpu"}
    names : list of str, optional
        The contestants; the first that runs is the baseline. Default: all.
    rounds : int
    seconds : float
        Of a measurement of predictions.
    samples : int, optional
        Images of an epoch. Default: the whole batches of MNIST; the shorter last batch would cost
        compilers a second compilation and tells nothing else.
    tf32 : bool
        Whether products may round their inputs to 10 bits; lamella's own kernels never do.
    """
    return measure(
        task,
        names or list(MAKERS),
        folder,
        threads=len(machine.processors()),
        rounds=rounds,
        seconds=seconds,
        samples=samples or IMAGES // task.batch * task.batch,
        module="benchmarks.gpu.worker",
        device=device,
        environment=environment(device, tf32),
    )


def section(result: dict[str, Any]) -> list[str]:
    """Return the table and the notes of one network."""
    lines = [f"### {result['name']}, {result['task']['optimizer']}", "", *rows(result), ""]
    lines.append(f"{result['samples']:,} images a round, {result['steps']} steps.")
    remarks = {name: one["remark"] for name, one in result["contestants"].items()}
    lines += [f"{name}: {remark}." for name, remark in remarks.items() if remark]
    return lines + notes(result)
