"""Runs on a GPU, which are trained side by side by threads of one process.

Processes would take turns on the GPU, each with its own copy of CUDA, and a small network leaves
most of a GPU idle. Threads can launch the steps of many networks together, see
`lamella.backend.cupy.side_by_side`.
"""

import math
import queue
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from lamella.backend import Backend, get_backend
from lamella.core.errors import DivergenceWarning
from lamella.network.network import EVALUATION_BATCH
from lamella.studies.definition.experiment import Experiment
from lamella.studies.running.data import StudyData

MOST = 64  # runs at once
USED = 0.8  # of the memory that is free
SECONDS = 0.2  # of a wait

Work = Callable[[], Any]


def device_of(experiment: Experiment) -> Backend | None:
    """Return the backend of an experiment whose arrays are on a device, else None."""
    if experiment.model["backend"] == "numpy":
        return None
    backend = get_backend(experiment.model["backend"])
    return None if backend.on_host else backend


def runs_at_once(
    backend: Backend, experiments: Iterable[Experiment], data: StudyData, n_jobs: int | None
) -> int:
    """Return the number of runs to train side by side: ``n_jobs``, or as many as memory allows."""
    most = MOST if n_jobs in (None, -1) else n_jobs
    needed = max(bytes_of_run(experiment, data) for experiment in experiments)
    return max(1, int(min(most, USED * backend.free_bytes() / needed)))


def bytes_of_run(experiment: Experiment, data: StudyData) -> int:
    """Return an estimate of the device memory that a run takes, rather too high than too low.

    Its data are there twice when they are evaluated at the end. Weights, gradients and two moments
    are; and so is the copy of the model that was trained to warm up. Each output of a layer has
    its gradient, and about as much scratch.
    """
    sets = [data.train, data.test, *([data.validation] if data.validation is not None else [])]
    samples = sum(part.x.nbytes + part.y.nbytes for part in sets)
    model, batch = experiment.compiled(seed=0), max(experiment.batch_size, EVALUATION_BATCH)
    try:
        model.inputs(data.train.x[:1])  # builds it
    except Exception:  # the run fails likewise, and says why
        return 2 * samples
    weights = sum(math.prod(parameter.shape) for parameter in model.built())
    outputs = sum(math.prod(shape) for shape in (data.train.x.shape[1:], *model.shapes))
    return 2 * samples + int(2 * 4 * model.dtype.itemsize * (weights + batch * outputs))


def in_threads(
    jobs: Sequence[Work],
    at_once: int,
    enter: Callable[[], AbstractContextManager[None]],
    stop: threading.Event,
) -> Iterator[Any]:
    """Yield the results of jobs in the order of their ends; so many threads do them.

    Each thread does each job within ``enter()``. If the iterator is closed, or a job raises an
    error, ``stop`` is set, which jobs must heed, and no other job begins.
    """
    todo: queue.SimpleQueue[Work] = queue.SimpleQueue()
    for job in jobs:
        todo.put(job)
    ends: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()

    def work() -> None:
        try:
            while not stop.is_set():
                try:
                    job = todo.get_nowait()
                except queue.Empty:
                    return
                with enter():
                    result = job()
                ends.put((result, None))
        except BaseException as error:  # one that comes late is nobody's
            ends.put((None, error))

    count = min(at_once, len(jobs))
    threads = [threading.Thread(target=work, daemon=True) for _ in range(count)]
    with _warnings_of_threads():
        try:
            for thread in threads:
                thread.start()
            for _ in jobs:
                result, error = _wait(ends)
                if error is not None:
                    raise error
                yield result
        finally:
            stop.set()
            for thread in threads:
                if thread.is_alive():
                    thread.join()


def _wait(ends: Any) -> Any:
    """Return the next end; Windows lets Ctrl-C through only between two waits."""
    while True:
        try:
            return ends.get(timeout=SECONDS)
        except queue.Empty:
            pass


@contextmanager
def _warnings_of_threads() -> Iterator[None]:
    """Show each warning once; the filters of warnings belong to the process, not to a thread."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DivergenceWarning)
        show, shown = warnings.showwarning, set()

        def show_once(message: Any, category: Any, *where: Any, **more: Any) -> None:
            if str(message) not in shown:
                shown.add(str(message))
                show(message, category, *where, **more)

        warnings.showwarning = show_once
        yield
