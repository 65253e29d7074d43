"""The doctor: measure one step, overfit one batch and report the findings."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lamella.core.html import html_table
from lamella.network.batches import Data
from lamella.network.trainable import Trainable
from lamella.training.diagnostics.check import find
from lamella.training.diagnostics.data import spread_rows
from lamella.training.diagnostics.finding import Finding, report_lines
from lamella.training.diagnostics.layer_stats import LayerStats, observe_step
from lamella.training.diagnostics.output_layer import saturation_findings
from lamella.training.diagnostics.overfit_one_batch import Attempt, attempt, on_a_copy
from lamella.training.diagnostics.rules import layer_findings, learning_findings, rate_cannot_help

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEADS = ("layer", "mean", "spread", "dead", "gradient", "out grad", "update")
SAMPLES = 512  # batch size of the measured step
FACTORS = (0.1, 10.0, 0.01, 100.0, 0.001, 1000.0)  # of the learning rate, tried in this order
# Change of a layer's weights in a step, relative to their norm, at which small networks of all
# kinds learned a batch in less than 300 steps of SGD, Momentum and Adam.
USUAL_UPDATE = 0.05


@dataclass(frozen=True)
class DoctorReport:
    """Report of the doctor; print it, or draw it with ``plot()``.

    Attributes
    ----------
    layers : list of LayerStats
        Statistics of each layer in one training step.
    attempt : Attempt
        The attempt to memorize one batch.
    batch : int
        Number of samples in that batch.
    findings : list of Finding
        Problems with advice, causes before consequences.
    """

    layers: list[LayerStats]
    attempt: Attempt
    batch: int
    findings: list[Finding]

    @property
    def healthy(self) -> bool:
        """Whether there are no findings."""
        return not self.findings

    def plot(self) -> "Figure":
        """Draw the layers and the attempt; save it with ``figure.savefig(path)``."""
        from lamella.training.diagnostics.doctor_plot import doctor_plot

        return doctor_plot(self.layers, self.attempt, self.findings, self.summary())

    def __str__(self) -> str:
        width = max(len("layer"), *(len(layer.name) for layer in self.layers))
        lines = [
            f"{name:<{width}}" + "".join(f"{cell:>10}" for cell in cells)
            for name, *cells in (HEADS, *map(_cells, self.layers))
        ]
        return "\n".join([*lines, self.summary(), *report_lines(self.findings)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        findings = list(map(str, self.findings)) or ["no findings"]
        rows = map(_cells, self.layers)
        return html_table("Doctor: one training step", HEADS, rows, [self.summary(), *findings])

    def summary(self) -> str:
        """Return the result of the attempt to memorize one batch as a line."""
        losses, tried = self.attempt.losses, self.attempt
        result = "memorized" if tried.learned else "not learned"
        where = f"; first NaN or infinity in {tried.first_nan}" if tried.first_nan else ""
        return (
            f"one batch of {self.batch}: {result} in {len(losses)} steps at learning rate "
            f"{tried.learning_rate:.3g}, loss {losses[0]:.3g} to {losses[-1]:.3g} "
            f"({tried.baseline:.3g} for a constant prediction){where}"
        )


def diagnose(
    model: Trainable, data: Data, y: np.ndarray, *, batch_size: int, steps: int
) -> DoctorReport:
    """Return the report of `Sequential.doctor`; ``model`` is a copy and may be changed."""
    findings = find(model, data, y)
    asarray = model.backend.asarray
    batch, sample = (data.part(asarray(spread_rows(len(data), n))) for n in (batch_size, SAMPLES))
    with on_a_copy(model) as trial:
        layers = observe_step(trial, sample)
        findings += saturation_findings(trial, model.backend.to_host(sample.y))
    findings += layer_findings(layers, _scale(model, sample))
    first, other = attempt(model, batch, steps), None
    if not first.learned and not rate_cannot_help(findings):
        tries = (attempt(model, batch, steps, factor) for factor in _factors(layers))
        other = next((tried for tried in tries if tried.learned), None)
    findings += learning_findings(model, first, other, findings)
    return DoctorReport(layers, first, len(batch), findings)


def _factors(layers: list[LayerStats]) -> list[float]:
    """Return the factors of the learning rate to try."""
    largest = max((layer.update or 0.0 for layer in layers), default=0.0)
    usual = [USUAL_UPDATE / largest] if largest > 0 and np.isfinite(largest) else []
    return [*FACTORS, *(factor for factor in usual if not 1e-3 < factor < 1e3)]


def _scale(model: Trainable, sample: Data) -> float:
    """Return the largest root mean square of inputs and numeric targets, at least 1."""
    scales = [1.0]
    for part in (model.batches.scale(sample.x), sample.y):
        numbers = model.backend.to_host(part)
        if numbers.dtype.kind == "f":
            exponent = np.frexp(np.abs(numbers).max())[1]  # squares must not overflow
            squares = np.ldexp(numbers.astype(float), -exponent) ** 2
            scales.append(float(np.ldexp(np.sqrt(squares.mean()), exponent)))
    return max(scales)


def _cells(layer: LayerStats) -> list[str]:
    dead = "" if layer.dead is None else f"{layer.dead:.0%}"
    gradients = [_short(layer.gradient), _short(layer.output_gradient), _short(layer.update)]
    return [layer.name, _short(layer.mean), _short(layer.spread), dead, *gradients]


def _short(number: float | None) -> str:
    return "" if number is None else f"{number:.2g}"
