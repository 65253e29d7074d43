"""What ``model.check`` and `fit` do before the first step: look, and change nothing."""

import warnings
from dataclasses import dataclass

import numpy as np

from lamella.core.errors import CheckWarning
from lamella.network.batches import Data
from lamella.network.trainable import Trainable
from lamella.training.diagnostics.data import (
    LOOKED_AT,
    class_findings,
    expect_varied,
    input_findings,
    labels_of,
    looked_at,
    never_changing,
    spread_rows,
)
from lamella.training.diagnostics.finding import Finding, listed
from lamella.training.diagnostics.output_layer import ending_findings


@dataclass(frozen=True)
class CheckReport:
    """What a check saw; print it.

    Attributes
    ----------
    shapes : list of (str, tuple of int)
        The way of a sample: what it comes from, and its shape there.
    findings : list of Finding
        What keeps the network from learning, and what to try; empty if nothing does.
    """

    samples: int
    shapes: list[tuple[str, tuple[int, ...]]]
    findings: list[Finding]

    def __str__(self) -> str:
        width = max(len(name) for name, _ in self.shapes)
        lines = [f"{self.samples:,} samples"]
        lines += [f"  {name:<{width}}  {shape}" for name, shape in self.shapes]
        return "\n".join([*lines, *listed(self.findings)])


def examine(model: Trainable, data: Data, y: np.ndarray) -> CheckReport:
    """Look at checked data, and whether they fit the model; of many samples only at some.

    Parameters
    ----------
    model : Sequential
        Compiled and built.
    data : Data
        As the model trains on them.
    y : ndarray
        The targets as they were given.

    Raises
    ------
    LamellaError
        If training would be pointless.
    """
    rows, few = (spread_rows(len(data), n) for n in (LOOKED_AT, looked_at(data.x)))
    asarray, host = model.backend.asarray, model.backend.to_host
    x, target = host(data.x[asarray(few)]), host(data.y[asarray(rows)])
    expect_varied(data, y, x)
    findings = list(input_findings(x, lambda: host(never_changing(data.x))))
    labels = labels_of(y, model.shapes[-1], y[rows])
    if labels is not None:
        classes = max(2, model.shapes[-1][0])
        findings += class_findings(labels, classes, data.weight is not None)
    findings += ending_findings(model, target, y)
    shapes = [("x", model.in_shape)]
    shapes += [
        (f"{i} {layer!r}", shape)
        for i, (layer, shape) in enumerate(zip(model.layers, model.shapes[1:], strict=True))
    ]
    shapes.append((f"y, as {type(model.loss).__name__} takes it", tuple(target.shape[1:])))
    return CheckReport(len(data), shapes, findings)


def warn_of(model: Trainable, data: Data, y: np.ndarray) -> None:
    """Do what `examine` does, and tell each finding as a CheckWarning; called by `fit`."""
    for finding in examine(model, data, y).findings:
        text = f"{finding} (fit(check=False) does not look)"
        warnings.warn(text, CheckWarning, stacklevel=3)
