"""Progress of a study: a bar that counts runs, and a line for each run at work.

Workers are other processes. Each writes the loss of its run to a file of its own after an epoch, a
few times a second at most, and the process with the bar reads them. Without a terminal there is
only the bar.
"""

import json
import threading
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

from lamella.core.terminal import error_stream
from lamella.network.trainable import Trainable
from lamella.training.callbacks import Callback

SECONDS = 0.25
"""Least time between two files of a run, and between two looks at all of them."""
MOST_LINES = 8


class EpochReporter(Callback):
    """Write arm, seed, epoch and loss of a run to a file, which is removed when the run ends."""

    def __init__(self, file: Path, arm: str, seed: int) -> None:
        self.file, self.name = file, f"{arm}, seed {seed}"
        self.epochs, self.due = 0, 0.0

    def on_fit_begin(self, model: Trainable, epochs: int, batches: int) -> None:
        self.epochs = epochs

    def on_epoch_end(self, model: Trainable, epoch: int, logs: dict[str, Any]) -> None:
        if time.monotonic() < self.due:
            return
        self.due = time.monotonic() + SECONDS
        text = f"{self.name}: epoch {epoch + 1}/{self.epochs}, loss {logs['loss']:.4f}"
        with suppress(OSError):  # a worker of a cluster has another disk
            self.file.write_text(json.dumps(text), "utf-8")

    def on_fit_end(self, model: Trainable) -> None:
        with suppress(OSError):
            self.file.unlink()


class Progress:
    """Progress bar of a study; a context manager.

    Parameters
    ----------
    name : str
    total, done : int
        Number of runs, and of those that need not be run.

    Attributes
    ----------
    folder : Path or None
        Where workers write; None if no terminal shows it.
    """

    def __init__(self, name: str, total: int, done: int) -> None:
        from tqdm import tqdm  # takes longer to import than all of lamella

        # No smoothing: arms take different times, so only the overall mean predicts the end.
        stream = error_stream()
        self._bar = tqdm(desc=name, total=total, initial=done, unit="run", smoothing=0, file=stream)
        self._temporary = TemporaryDirectory() if stream.isatty() else None
        self.folder = None if self._temporary is None else Path(self._temporary.name)
        self._lines: list[Any] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._refresh, daemon=True)

    def update(self) -> None:
        """Count a run that is done."""
        self._bar.update()

    def say(self, text: str) -> None:
        """Write a line above the bar."""
        self._bar.write(text, file=error_stream())

    def __enter__(self) -> Self:
        if self.folder is not None:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        for line in reversed(self._lines):
            line.close()
        self._bar.close()
        if self._temporary is not None:
            self._temporary.cleanup()

    def _refresh(self) -> None:
        from tqdm import tqdm

        while not self._ended.wait(SECONDS):
            texts = at_work(self.folder)
            while len(self._lines) < len(texts):
                self._lines.append(
                    tqdm(
                        bar_format="  {desc}",
                        position=len(self._lines) + 1,
                        leave=False,
                        file=error_stream(),
                    )
                )
            for place, line in enumerate(self._lines):
                line.set_description_str(texts[place] if place < len(texts) else "")


def at_work(folder: Path | None) -> list[str]:
    """Return a line for each run at work, at most eight, and how many others there are."""
    texts = []
    for file in sorted(folder.glob("*")) if folder else ():
        with suppress(OSError, ValueError):  # removed, or half written
            texts.append(str(json.loads(file.read_text("utf-8"))))
    more = len(texts) - MOST_LINES
    return texts if more <= 0 else [*texts[:MOST_LINES], f"and {more} more"]
