"""Study worker: train runs until the parent process exits.

A killed process cannot end its workers: those of joblib would finish their run, and then wait
five minutes for the next.
"""

import multiprocessing
import os
import signal
import threading
import time
import warnings
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from lamella.core.errors import CheckWarning, UsageError
from lamella.studies.definition.experiment import Experiment
from lamella.studies.definition.tables import Table
from lamella.studies.running.clock import EpochClock, with_seconds
from lamella.studies.running.progress import EpochReporter
from lamella.studies.running.run import Run, Task, train_run
from lamella.training.numerics import changed_numerics

POLL_SECONDS = 0.5


def work(
    parent_pid: int,
    task: Task,
    experiment: Experiment,
    *arrays: np.ndarray | None,
    keep: str | None = None,
    check: bool = True,
    progress: Path | None = None,
    at_once: int = 1,
) -> tuple[Run, dict[str, Any]]:
    """Train one run, see `train_run`, for the process ``parent_pid``.

    ``progress`` is the folder in which it reports its loss, see `progress`. Without ``check``, the
    warnings of `fit` about data and model are off. ``at_once`` is how many runs this process trains
    at the same time; the log has it.

    Raises
    ------
    UsageError
        If lamella, or own code, is another one in this process.
    """
    if os.getpid() != parent_pid:
        _expect_same_code(task.config, experiment)
        # Ctrl-C reaches workers too; the parent ends them, so they need not print tracebacks.
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        _exit_with_parent(parent_pid)
    clock = EpochClock()
    reporters = [EpochReporter(progress / task.key, task.arm, task.seed)] if progress else []
    observed = replace(experiment, observers=(clock, *reporters))
    with warnings.catch_warnings():
        if not check:
            warnings.simplefilter("ignore", CheckWarning)
        run, log = train_run(task, observed, *arrays, keep=keep)
    log["epoch_seconds"] = clock.seconds
    if at_once > 1:
        log["runs_at_once"] = at_once
    return with_seconds(run, log), log


def _expect_same_code(config: Table, experiment: Experiment) -> None:
    own, here = config["experiment"].get("own", {}), experiment.table().get("own", {})
    others = [f"code of {name}" for name in own if own[name] != here.get(name)]
    others += [f"code of lamella's {part}" for part in changed_numerics(config["numerics"])]
    if others:
        raise UsageError(
            f"a worker process has other {', '.join(others)} than this one: values that are set in "
            "a module after its import do not reach workers; write them into the file, or pass them"
        )


@cache  # once per process
def _exit_with_parent(parent_pid: int) -> None:
    """Exit this process after its parent has exited; workers of a cluster have another parent."""
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid == parent_pid:
        threading.Thread(target=_poll_parent, args=(parent_pid,), daemon=True).start()


def _poll_parent(parent_pid: int) -> None:
    # An orphan gets another parent (but not on Windows); it has written nothing that could be lost.
    while os.getppid() == parent_pid:
        time.sleep(POLL_SECONDS)
    os._exit(1)
