"""Report of a training that diverged."""

import numpy as np

from lamella.core.errors import DivergenceWarning, warn_user
from lamella.network.trainable import Trainable
from lamella.training.epoch_log import EpochLog


def report_divergence(model: Trainable, log: EpochLog | None = None) -> None:
    """Warn that losses or weights are not finite, and end training if the weights are not.

    Training can recover from an infinite loss, but not from such weights. ``log`` is that of an
    epoch that just ended with such a loss, in training or validation.
    """
    reason = f"training diverged: the weights are not finite after epoch {model.epochs_done}"
    if log is not None:
        wrong = np.flatnonzero(~np.isfinite(log.losses()))
        place = f", from batch {wrong[0] + 1} on" if len(wrong) else ""
        epoch = model.epochs_done + 1
        reason = f"training diverged: the loss is not finite in epoch {epoch}{place}"
    recovers = model.is_finite()
    if not recovers:
        model.stop(reason)
    warn_user(
        f"{reason}{'; the weights still are' * recovers}. Try a smaller learning rate, or "
        "clip_norm; the callback TerminateOnNaN names the layer",
        DivergenceWarning,
    )
