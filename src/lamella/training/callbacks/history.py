"""History: losses and scores of each epoch."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from lamella.core.disk import plain
from lamella.core.html import html_table
from lamella.core.signatures import unknown_attribute
from lamella.core.wording import counted
from lamella.network.trainable import Trainable
from lamella.training.callbacks.base import Callback, logged_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 10  # first and last epochs in a notebook's table


class History(Callback):
    """Losses and scores of each epoch; returned by `fit`.

    Attributes
    ----------
    rows : list of dict
        One dict per epoch of plain numbers: epoch (from 1), loss (mean over the epoch's batches,
        each before its step), metrics, val_loss and other validation scores, penalty (of the
        regularizers at the epoch's end, not part of ``loss``), learning_rate, seconds, and the
        numbers that callbacks add.
    steps : list of float
        Loss of every batch.
    stop_reason : str
        Reason for an early end; empty if training completed.

    Examples
    --------
    ``history["val_accuracy"]`` lists the accuracy of each epoch, ``history.plot()`` draws the
    curves, and ``pandas.DataFrame(history)`` is a table of the rows.
    """

    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] = []
        self._logs: dict[str, Any] = {}
        self.steps: list[float] = []
        self.stop_reason = ""

    def on_epoch_end(self, model: Trainable, epoch: int, logs: dict[str, Any]) -> None:
        self.rows.append({name: plain(value) for name, value in logs.items()})
        self._logs = logs  # later callbacks add to it
        self.steps += model.epoch_log.losses().astype(float).tolist()

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One dict per epoch, with the numbers that callbacks added."""
        for name, value in self._logs.items() if self._rows else ():
            self._rows[-1].setdefault(name, plain(value))
        return self._rows

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows, "steps": np.array(self.steps)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._rows, self._logs = state["rows"], {}
        self.steps = state["steps"].tolist()

    def on_fit_end(self, model: Trainable) -> None:
        self.stop_reason = model.stop_reason

    def __getitem__(self, name: str) -> list[Any]:
        if not self.rows or name not in self.rows[0]:
            known = ", ".join(self.rows[0]) if self.rows else "nothing yet"
            raise KeyError(f"the history has no {name!r}; it has {known}")
        return [row.get(name) for row in self.rows]

    def __getattr__(self, name: str) -> Any:
        logged = self.rows[0] if vars(self).get("_rows") else {}
        if name == "history" or name in logged:
            example = "loss" if name == "history" else name
            raise AttributeError(f'a History has no {name!r}: write history["{example}"]')
        if name in ("evaluate", "predict", "predict_classes", "predict_proba", "score"):
            raise AttributeError(f"fit returns the history: write model.{name}(...) after it")
        raise AttributeError(unknown_attribute(self, name), name=name, obj=self)

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows)

    def plot(self, *, title: str = "") -> "Figure":
        """Draw loss and scores of training and validation by epoch; `training_curves` says how."""
        from lamella.training.diagnostics.curves import training_curves

        return training_curves(self.rows, title=title)

    def __repr__(self) -> str:
        if not self.rows:
            return "History(no epochs)"
        shown = {k: logged_text(v, ".4g") for k, v in self.rows[-1].items() if k != "epoch"}
        last = ", ".join(f"{name} {text}" for name, text in shown.items())
        return f"History({counted(len(self), 'epoch')}; last: {last})"

    def _repr_html_(self) -> str:
        head = list(dict.fromkeys(name for row in self.rows for name in row)) or ["epoch"]
        rows = [[logged_text(row.get(name, ""), ".4g") for name in head] for row in self.rows]
        if len(rows) > 2 * SHOWN:
            rows[SHOWN:-SHOWN] = [["…"] * len(head)]
        notes = [f"ended early: {self.stop_reason}"] if self.stop_reason else []
        return html_table(f"History: {counted(len(self), 'epoch')}", head, rows, notes)
