"""Seconds of each epoch of a run, which vary between repetitions and are stored in its log."""

from dataclasses import replace
from typing import Any

from lamella.core.errors import ArgumentError
from lamella.core.validation import not_negative
from lamella.network.trainable import Trainable
from lamella.studies.definition.tables import Table
from lamella.studies.running.run import Run
from lamella.training.callbacks import Callback


class EpochClock(Callback):
    """Collect the seconds of each epoch, with its validation."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def on_epoch_end(self, model: Trainable, epoch: int, logs: dict[str, Any]) -> None:
        self.seconds.append(logs["seconds"])


def with_seconds(run: Run, log: Table) -> Run:
    """Return a run whose epochs have the "epoch_seconds" of its log, if there is one for each."""
    seconds = log.get("epoch_seconds")
    if not isinstance(seconds, list) or len(seconds) != len(run.epochs):
        return run
    try:
        found = [not_negative("seconds", each) for each in seconds]
    except ArgumentError:  # a log has no checksum
        return run
    rows = zip(run.epochs, found, strict=True)
    return replace(run, epochs=[{**row, "seconds": each} for row, each in rows])
