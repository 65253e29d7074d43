"""Study worker: train runs until the parent process exits.

A killed process cannot end its workers: those of joblib would finish their run, and then wait
five minutes for the next.
"""

import multiprocessing
import os
import signal
import threading
import time
from functools import cache
from typing import Any

import numpy as np

from lamella.studies.definition.experiment import Experiment
from lamella.studies.running.run import Run, Task, train_run

POLL_SECONDS = 0.5


def work(
    parent_pid: int, task: Task, experiment: Experiment, *arrays: np.ndarray | None
) -> tuple[Run, dict[str, Any]]:
    """Train one run, see `train_run`, for the process ``parent_pid``."""
    if os.getpid() != parent_pid:
        # Ctrl-C reaches workers too; the parent ends them, so they need not print tracebacks.
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        _exit_with_parent(parent_pid)
    return train_run(task, experiment, *arrays)


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
