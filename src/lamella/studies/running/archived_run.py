"""Run that was read from an archive, and step losses of any run."""

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from lamella.core.errors import UsageError
from lamella.studies.running.run import Run
from lamella.studies.running.run_files import npy_bytes, sha256
from lamella.studies.running.step_summary import StepSummary, summarize

LEFT_OUT = ("step_losses", "confidence")
DIGITS = 16


@dataclass(frozen=True, eq=False)
class ArchivedRun(Run):
    """A run without its largest arrays: ``step_losses`` and ``confidence`` are empty.

    Attributes
    ----------
    steps : StepSummary
        The step losses in brief.
    digests : dict of str to str
        First 16 digits of the SHA-256 of the file of each array that is left out, which show
        whether a repeated run has the same, bit for bit.
    """

    steps: StepSummary = field(default_factory=lambda: summarize(np.zeros(0, np.float32), 0))
    digests: dict[str, str] = field(default_factory=dict)

    def model(self, name: str | None = None, *, custom_layers: Any = ()) -> Any:
        """Raise a UsageError: archives keep no models."""
        raise UsageError(
            "an archive keeps no trained models: load it from the study's folder, or run the arm "
            f'{self.arm!r} with seed {self.seed} again with study.run(out=..., keep="best")'
        )


def archived(run: Run) -> ArchivedRun:
    """Return a run as an archive keeps it."""
    if isinstance(run, ArchivedRun):
        return run
    kept = {each.name: getattr(run, each.name) for each in fields(Run)}
    empty = {name: np.zeros(0, np.float32) for name in LEFT_OUT}
    digests = {name: sha256(npy_bytes(getattr(run, name)))[:DIGITS] for name in LEFT_OUT}
    steps = summarize(run.step_losses, run.steps_per_epoch)
    return ArchivedRun(**{**kept, **empty, "models": {}}, steps=steps, digests=digests)


def step_summary(run: Run) -> StepSummary:
    """Return the step losses of a run in brief; those of an archive are kept as such."""
    return archived(run).steps


def has_steps(run: Run) -> bool:
    """Whether a run has taken a step."""
    return len(run.step_losses) > 0 or (isinstance(run, ArchivedRun) and len(run.steps.curve) > 0)
