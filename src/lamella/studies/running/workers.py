"""What a worker of a study does for the process that asked it: runs, until nobody waits for them.

A process that is killed cannot end its workers. Those of joblib would go on to the end of their
run, and then wait five minutes for the next.
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

LOOKS = 0.5  # seconds between two looks whether the process that asked is there


def work(
    asked_by: int, task: Task, experiment: Experiment, *arrays: np.ndarray | None
) -> tuple[Run, dict[str, Any]]:
    """Do one run, see `train_run`, for the process of the number ``asked_by``."""
    if os.getpid() != asked_by:
        # Ctrl-C reaches workers too; the process that asked ends them, and they need not complain.
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        _end_with(asked_by)
    return train_run(task, experiment, *arrays)


@cache  # once in a process
def _end_with(asked_by: int) -> None:
    """End this process when the one that asked is gone, unless it is the worker of a cluster."""
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid == asked_by:
        threading.Thread(target=_watch, args=(asked_by,), daemon=True).start()


def _watch(asked_by: int) -> None:
    # An orphan has another parent (but not on Windows); it has written nothing that could be lost.
    while os.getppid() == asked_by:
        time.sleep(LOOKS)
    os._exit(1)
