"""Check model and data before the first step, for ``model.check`` and `fit`."""

from dataclasses import dataclass

import numpy as np

from lamella.core.errors import CheckWarning, warn_user
from lamella.core.html import html_table
from lamella.network.batches import Data
from lamella.network.trainable import Trainable
from lamella.training.diagnostics.data import (
    SAMPLES,
    class_findings,
    class_labels,
    constant_features,
    expect_varied,
    input_findings,
    sample_size,
    spread_rows,
)
from lamella.training.diagnostics.finding import Finding, report_lines
from lamella.training.diagnostics.output_layer import output_findings


@dataclass(frozen=True)
class CheckReport:
    """Report of a check; print it.

    Attributes
    ----------
    shapes : list of (str, tuple of int)
        Shape of a sample before and after each layer.
    findings : list of Finding
        Causes that can prevent learning, each with advice.
    """

    samples: int
    shapes: list[tuple[str, tuple[int, ...]]]
    findings: list[Finding]

    def __str__(self) -> str:
        width = max(len(name) for name, _ in self.shapes)
        lines = [f"{self.samples:,} samples"]
        lines += [f"  {name:<{width}}  {shape}" for name, shape in self.shapes]
        return "\n".join([*lines, *report_lines(self.findings)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        notes = list(map(str, self.findings)) or ["no findings"]
        title, head = f"Check of {self.samples:,} samples", ["layer", "shape"]
        return html_table(title, head, self.shapes, notes, left=(1,))


def examine(model: Trainable, data: Data, y: np.ndarray) -> CheckReport:
    """Check whether data suit the model, see `find`; report the findings with all shapes."""
    findings = find(model, data, y)
    shapes = [("x", model.in_shape)]
    shapes += [
        (f"{i} {layer!r}", shape)
        for i, (layer, shape) in enumerate(zip(model.layers, model.shapes[1:], strict=True))
    ]
    shapes.append((f"y, as {type(model.loss).__name__} takes it", tuple(data.y.shape[1:])))
    return CheckReport(len(data), shapes, findings)


def find(model: Trainable, data: Data, y: np.ndarray) -> list[Finding]:
    """Return causes that can prevent learning; of large data sets only a sample is read.

    ``y`` are the targets before the loss converted them. Raise an error if training would be
    pointless.
    """
    rows, few = (spread_rows(len(data), n) for n in (SAMPLES, sample_size(data.x)))
    asarray, host = model.backend.asarray, model.backend.to_host
    x, target = host(data.x[asarray(few)]), host(data.y[asarray(rows)])
    expect_varied(data, y, x)
    with np.errstate(over="ignore"):  # huge numbers are found to be unscaled
        findings = list(input_findings(x, lambda: host(constant_features(data.x))))
        labels = class_labels(y, model.shapes[-1], y[rows])
        if labels is not None:
            classes = max(2, model.shapes[-1][0])
            findings += class_findings(labels, classes, data.weight is not None)
        findings += output_findings(model, target, y)
    return findings


def warn_of_findings(model: Trainable, data: Data, y: np.ndarray) -> None:
    """Issue a CheckWarning for each finding of `find`, at the line that called `fit`."""
    for finding in find(model, data, y):
        warn_user(f"{finding} (fit(check=False) skips this check)", CheckWarning)
