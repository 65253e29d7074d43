"""The doctor: watches one step, has one batch learned by heart, and says what is wrong."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lamella.network.batches import Data
from lamella.network.trainable import Trainable
from lamella.training.diagnostics.check import examine
from lamella.training.diagnostics.data import spread_rows
from lamella.training.diagnostics.finding import Finding, listed
from lamella.training.diagnostics.layer_stats import LayerHealth, watched_step
from lamella.training.diagnostics.overfit_one_batch import Attempt, attempt, on_a_copy
from lamella.training.diagnostics.rules import layer_findings, learning_findings, network_is_sick

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WATCHED = 512  # samples of the step whose layers are watched
FACTORS = (0.1, 10.0, 0.01, 100.0, 0.001, 1000.0)  # of the learning rate, tried in this order
# Change of a layer's weights in a step, beside their norm: with it, small networks of all kinds
# learned a batch in less than 300 steps by SGD, Momentum and Adam.
USUAL = 0.05


@dataclass(frozen=True)
class DoctorReport:
    """What the doctor saw; print it, or draw it with ``plot()``.

    Attributes
    ----------
    layers : list of LayerHealth
        What each layer did in one step of training.
    attempt : Attempt
        How one batch was learned by heart, or was not.
    batch : int
        Samples in that batch.
    findings : list of Finding
        What is wrong and what to try, causes before consequences; empty if nothing is.
    """

    layers: list[LayerHealth]
    attempt: Attempt
    batch: int
    findings: list[Finding]

    @property
    def healthy(self) -> bool:
        """Whether there are no findings."""
        return not self.findings

    def plot(self) -> "Figure":
        """Draw the layers and the attempt; save it with ``figure.savefig(path)``."""
        from lamella.training.diagnostics.picture import picture

        return picture(self.layers, self.attempt, self.findings, self.story())

    def __str__(self) -> str:
        width = max(len("layer"), *(len(layer.name) for layer in self.layers))
        heads = ("mean", "spread", "dead", "gradient", "arriving", "update")
        lines = [f"{'layer':<{width}}" + "".join(f"{head:>10}" for head in heads)]
        for layer in self.layers:
            dead = "" if layer.dead is None else f"{layer.dead:.0%}"
            cells = [_short(layer.mean), _short(layer.spread), dead]
            cells += [_short(layer.gradient), _short(layer.arriving), _short(layer.update)]
            lines.append(f"{layer.name:<{width}}" + "".join(f"{cell:>10}" for cell in cells))
        return "\n".join([*lines, self.story(), *listed(self.findings)])

    def story(self) -> str:
        """Return how the attempt to learn one batch by heart went, as a line."""
        losses, tried = self.attempt.losses, self.attempt
        came = "learned by heart" if tried.learned else "not learned"
        where = f"; first NaN or infinity in {tried.first_nan}" if tried.first_nan else ""
        return (
            f"one batch of {self.batch}: {came} in {len(losses)} steps at rate {tried.rate:.3g}, "
            f"loss {losses[0]:.3g} to {losses[-1]:.3g} ({tried.guess:.3g} is guessing){where}"
        )


def diagnose(
    model: Trainable, data: Data, y: np.ndarray, *, batch_size: int, steps: int
) -> DoctorReport:
    """Do what `Sequential.doctor` says; ``model`` and ``data`` are copies made for that."""
    findings = examine(model, data, y).findings
    batch = _some(model, data, batch_size)
    with on_a_copy(model) as watched:
        layers = watched_step(watched, _some(model, data, WATCHED))
    findings += layer_findings(layers, _size(model, data))
    first, other = attempt(model, batch, steps), None
    if not first.learned and not network_is_sick(findings):
        tries = (attempt(model, batch, steps, factor) for factor in _factors(layers))
        other = next((tried for tried in tries if tried.learned), None)
    findings += learning_findings(model, first, other, findings)
    return DoctorReport(layers, first, len(batch), findings)


def _factors(layers: list[LayerHealth]) -> list[float]:
    """Return by what the learning rate is multiplied to see whether it was that."""
    largest = max((layer.update or 0.0 for layer in layers), default=0.0)
    usual = [USUAL / largest] if largest > 0 and np.isfinite(largest) else []
    return [*FACTORS, *(factor for factor in usual if not 1e-3 < factor < 1e3)]


def _some(model: Trainable, data: Data, wanted: int) -> Data:
    rows = model.backend.asarray(spread_rows(len(data), wanted))
    weight = None if data.weight is None else data.weight[rows]
    return Data(data.x[rows], data.y[rows], weight)


def _size(model: Trainable, data: Data) -> float:
    """Return the typical size of the numbers that come in, and that are to come out."""
    some = _some(model, data, WATCHED)
    sizes = [1.0]
    for part in (model.batches.scale(some.x), some.y):
        numbers = model.backend.to_host(part)
        if numbers.dtype.kind == "f":
            sizes.append(float(np.sqrt((numbers.astype(float) ** 2).mean())))
    return max(sizes)


def _short(number: float | None) -> str:
    return "" if number is None else f"{number:.2g}"
