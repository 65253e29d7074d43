"""Interrupt a training after a number of batches."""

from typing import Any

import lamella as lm


class Interruption(Exception):
    """Stand-in for the end of a process."""


class Interrupt(lm.Callback):
    """End training after a number of batches; -1 for never."""

    def __init__(self, after: int) -> None:
        self.left = after

    def on_batch_end(self, model: lm.Sequential, batch: int, log: Any) -> None:
        self.left -= 1
        if self.left == 0:
            raise Interruption
