"""Metrics: a score for each sample, reported as the mean next to the loss."""

from abc import abstractmethod
from collections.abc import Iterable

from lamella.backend.workspace import Workspace
from lamella.core.errors import ArgumentError
from lamella.core.typing import Array
from lamella.core.validation import instance


class Metric(Workspace):
    """Score of each sample. A subclass sets ``name``, its key in logs, and writes `score`.

    ``threshold`` is the output above which an answer is yes: 0 if the model's loss takes logits,
    else 0.5. The model sets it.
    """

    name: str = ""
    threshold: float = 0.5

    @abstractmethod
    def score(self, pred: Array, target: Array) -> Array:
        """Return one number a sample, shape (N,); valid until the next call."""


class Accuracy(Metric):
    """Fraction of samples whose class is right.

    The class is the largest of K > 1 outputs (the lowest index, if several are largest), and "yes"
    where a single output is above one half (above 0, if it is a logit). Targets are labels (N,), or
    rows (N, K) of probabilities, whose class is found likewise.
    """

    name = "accuracy"

    def score(self, pred: Array, target: Array) -> Array:
        found = self._class(pred, "found", self.threshold)
        wanted = target if target.ndim == 1 else self._class(target, "wanted", 0.5)
        return self.xp.equal(found, wanted, out=self.scratch("right", found.shape, bool))

    def _class(self, rows: Array, name: str, threshold: float) -> Array:
        if rows.shape[-1] == 1:
            yes = self.xp.greater(rows, threshold, out=self.scratch(name, rows.shape, bool))
            return yes.reshape(-1)
        return rows.argmax(axis=-1, out=self.scratch(name, rows.shape[:-1], "int64"))


METRICS = {"accuracy": Accuracy}


def get_metrics(metrics: Iterable[str | Metric]) -> list[Metric]:
    """Return metric objects; strings name lamella's own metrics."""
    if isinstance(metrics, str):
        raise ArgumentError(f"metrics must be a list, such as [{metrics!r}]")
    found = []
    for metric in metrics:
        if isinstance(metric, str):
            if metric not in METRICS:
                raise ArgumentError(f"metric must be one of {', '.join(METRICS)}; got {metric!r}")
            metric = METRICS[metric]()
        found.append(instance("metric", metric, Metric, "Accuracy()"))
    return found
