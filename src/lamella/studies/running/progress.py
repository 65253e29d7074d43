"""Progress of a study: a bar that counts runs, and a line for each run at work.

Workers are other processes. Each writes the loss of its run to a file of its own after an epoch, a
few times a second at most, and the process with the bar reads them. Without a terminal a line
counts the runs.
"""

import json
import threading
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

from lamella.core.terminal import error_stream, shows_bars
from lamella.core.wording import counted
from lamella.network.trainable import Trainable
from lamella.training.callbacks import Callback

SECONDS = 0.25
"""Least time between two files of a run, and between two looks at all of them."""
BETWEEN_LINES = 1.0
"""Least time in seconds between two lines that count runs, but for the last."""
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
        self._name, self._total, self._done = name, total, done
        self._began, self._due = time.monotonic(), 0.0
        self._bar: Any = None
        self._temporary: TemporaryDirectory[str] | None = None
        stream = error_stream()
        if shows_bars(stream):
            from tqdm import tqdm  # takes longer to import than all of lamella

            # No smoothing: arms take different times, so only the overall mean predicts the end.
            options: dict[str, Any] = {"unit": "run", "smoothing": 0, "file": stream}
            self._bar = tqdm(desc=name, total=total, initial=done, **options)
            self._temporary = TemporaryDirectory()
        self.folder = None if self._temporary is None else Path(self._temporary.name)
        self._lines: list[Any] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._refresh, daemon=True)

    def update(self) -> None:
        """Count a run that is done."""
        self._done += 1
        now = time.monotonic()
        if self._bar is not None:
            self._bar.update()
        elif now >= self._due or self._done == self._total:
            self._due = now + BETWEEN_LINES
            self.say(f"{self._done} of {counted(self._total, 'run')}, {now - self._began:.0f} s")

    def say(self, text: str) -> None:
        """Write a line, above the bar if there is one."""
        if self._bar is None:
            print(f"{self._name}: {text}", file=error_stream(), flush=True)
        else:
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
        if self._bar is not None:
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
