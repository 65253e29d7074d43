"""Progress: a line for each epoch and, on a terminal, a bar for the present one."""

import math
from typing import Any

from lamella.core.disk import plain
from lamella.core.terminal import error_stream, shows_bars
from lamella.core.validation import flag
from lamella.network.trainable import Trainable
from lamella.training.callbacks.base import Callback
from lamella.training.epoch_log import EpochLog

HIDDEN = ("epoch", "penalty", "learning_rate", "seconds")
BAR = "{desc} {percentage:3.0f}%|{bar}| {remaining}"
BESIDE = len(" 100%|####| 00:00:00")  # columns that the bar needs besides its text


class Progress(Callback):
    """Print a line on stderr after each epoch: loss and scores, those of validation, seconds.

    On a terminal a bar below shows model, epoch, loss, scores and remaining time. On the host,
    losses and scores in it are updated within an epoch; on a GPU, where reading them would wait for
    the device, after each epoch.

    Parameters
    ----------
    live : bool
        Whether to show the bar.
    """

    changes_training = False

    def __init__(self, *, live: bool = True) -> None:
        self.live = flag("live", live)

    def on_fit_begin(self, model: Trainable, epochs: int, batches: int) -> None:
        self.first, self.epochs, self.batches = model.epochs_done, epochs, 0
        self.name = type(model).__name__
        self.bar: Any = None
        stream = error_stream()
        if self.live and shows_bars(stream):
            from tqdm import tqdm  # slower to import than lamella itself

            options = {"leave": False, "dynamic_ncols": True, "bar_format": BAR}
            self.bar = tqdm(total=epochs * batches, file=stream, **options)

    def on_epoch_begin(self, model: Trainable, epoch: int) -> None:
        self.epoch = f"{epoch + 1 - self.first}/{self.epochs}"
        self._show({})

    def on_batch_end(self, model: Trainable, batch: int, log: EpochLog) -> None:
        self.batches += 1
        if self.bar is not None and self.bar.update() and model.backend.on_host:
            self._show(log.means())

    def on_epoch_end(self, model: Trainable, epoch: int, logs: dict[str, Any]) -> None:
        self.epoch = f"{epoch + 1 - self.first}/{self.epochs}"  # of a resumed epoch, too
        parts = [*scores_of(logs), f"{logs['seconds']:.1f} s"]
        if self.bar is None:
            print(f"epoch {self.epoch}: {', '.join(parts)}", file=error_stream(), flush=True)
        else:
            text = wrap(f"epoch {self.epoch}: ", parts, self._columns())
            self.bar.write(text, file=self.bar.fp)

    def state_dict(self) -> dict[str, Any]:
        return {"batches": self.batches}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.batches = state["batches"]
        if self.bar is not None:
            self.bar.initial = self.bar.n = self.batches

    def on_fit_end(self, model: Trainable) -> None:
        if getattr(self, "bar", None) is not None:
            self.bar.close()

    def _columns(self) -> int:
        return self.bar.format_dict["ncols"] or 80

    def _show(self, logs: dict[str, Any]) -> None:
        """Update the text of the bar, of as many scores as have room."""
        if self.bar is not None:
            room = self._columns() - BESIDE
            self.bar.set_description_str(fit_text(self.name, self.epoch, scores_of(logs), room))


def scores_of(logs: dict[str, Any]) -> list[str]:
    """Return logged values with their names; that of validation stands behind that of training."""
    shown = {name: number_text(value) for name, value in logs.items() if name not in HIDDEN}
    texts = []
    for name, text in shown.items():
        if name.removeprefix("val_") in shown and name.startswith("val_"):
            continue
        beside = shown.get(f"val_{name}")
        texts.append(f"{name} {text}" + (f" (val {beside})" if beside else ""))
    return texts


def number_text(value: Any) -> str:
    """Return a logged value as text: numbers with 4 decimals, or as powers of ten."""
    value = plain(value)
    if not isinstance(value, float):
        return str(value)
    is_usual = value == 0 or 1e-3 <= abs(value) < 1e5 or not math.isfinite(value)
    return format(value, ".4f" if is_usual else ".3e")


def fit_text(name: str, epoch: str, scores: list[str], room: int) -> str:
    """Return model, epoch and scores in ``room`` columns; words go first, then the last scores."""
    texts = [f"{name}, epoch {epoch}", f"{name} {epoch}", epoch]
    for count in range(len(scores), -1, -1):
        for text in texts:
            line = f"{text}: {', '.join(scores[:count])}" if count else text
            if len(line) <= room:
                return line
    return ""


def wrap(begin: str, parts: list[str], columns: int) -> str:
    """Return the parts of a line, broken between parts where it is wider than the terminal."""
    lines = [begin]
    for i, part in enumerate(parts):
        part += "," * (i + 1 < len(parts))
        if lines[-1].strip() and len(lines[-1]) + len(part) > columns and i:
            lines.append(" " * len(begin))
        lines[-1] += part + " "
    return "\n".join(line.rstrip() for line in lines)
