"""Processes that are killed: at a random moment, or before a call that changes the file system."""

import contextlib
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

CHANGES = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod"}


class Counts:
    """Number of kills, and of killed processes with equal results."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.kills = self.done = 0

    def add(self, kills: int) -> None:
        """Count one that was killed so often and ended with the same bits."""
        self.kills += kills
        self.done += 1

    def __str__(self) -> str:
        return f"{self.kills} kills in {self.done} {self.what}: all ended with the same bits"


def forked(work: Callable[[], None], before: int = 0) -> int:
    """Do ``work`` in a process of its own, with a process group of its own; return its id.

    Its ``before``-th call that changes the file system is its last deed; 0 for none.
    """
    child = os.fork()
    if child:
        # Parent and child both set the group, so that it exists for the first of them.
        with contextlib.suppress(PermissionError):
            os.setpgid(child, child)
        return child
    status = 1
    try:
        os.setpgid(0, 0)
        if before:
            _die_before_call(before)
        work()
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
        raise AssertionError("it failed when it went on: see above")
    return False


def group(leader: int) -> list[int]:
    """Return the processes that live in the group of a process; Linux only."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, number = path.read_text().rpartition(")")[2].split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        if int(number) == leader and state != "Z":
            found.append(int(path.parent.name))
    return found


def killed_until_done(
    start: Callable[[], int],
    rng: random.Random,
    most: int,
    between: tuple[float, float],
    kill: Callable[[int], None] = lambda leader: os.killpg(leader, signal.SIGKILL),
) -> int:
    """Start something again and again until it ends by itself; return how often it was killed.

    At most ``most`` times: each time ``kill`` is called after a time ``between`` two, in seconds.
    """
    hit = 0
    while True:
        child = start()
        if hit < most:
            time.sleep(rng.uniform(*between))
            kill(child)
        if not died(child):
            return hit
        hit += 1
