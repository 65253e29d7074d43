"""A training that is ended after so many batches, as a process may be."""

from typing import Any

import lamella as lm


class Interruption(Exception):
    """Stands for whatever ends a process."""


class Interrupt(lm.Callback):
    """Ends training after so many batches; -1 for never."""

    def __init__(self, after: int) -> None:
        self.left = after

    def on_batch_end(self, model: lm.Sequential, batch: int, log: Any) -> None:
        self.left -= 1
        if self.left == 0:
            raise Interruption
