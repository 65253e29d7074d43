"""The training loop of ``fit``: epochs, batches and calls of callbacks."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lamella.core.errors import DivergenceWarning, warn_user
from lamella.core.typing import Array
from lamella.network.attributes import expect_effective
from lamella.network.batches import Data
from lamella.network.network import EVALUATION_BATCH
from lamella.network.trainable import Trainable
from lamella.training.augment import Augment
from lamella.training.batch_replay import BatchReplay, whole_evaluation, whole_steps
from lamella.training.callbacks.base import Callback
from lamella.training.epoch_log import EpochLog


def train(
    model: Trainable,
    data: Data,
    validation: Data | None,
    *,
    rows: np.ndarray,
    weights: np.ndarray | None,
    epochs: int,
    batch_size: int,
    shuffle: bool,
    augment: Augment | None,
    callbacks: Sequence[Callback],
    step_done: Callable[[], None],
    resumed: tuple[np.ndarray, float] | None = None,
) -> None:
    """Train a compiled model on the samples of checked data in ``rows``.

    ``weights`` are ``data.weight`` on the host; ``step_done`` is called after each step, see
    `Backend.tune_threads`; ``resumed`` has `EpochLog.rows` and `EpochLog.seconds` of the
    interrupted epoch to resume. All other options are those of `Sequential.fit`.
    """
    starts = range(0, len(rows), batch_size)
    sizes = np.array([min(batch_size, len(rows) - start) for start in starts])
    turns = model.turns
    unset = Callback.on_batch_end
    batch_callbacks = [
        c for c in callbacks if getattr(c.on_batch_end, "__func__", None) is not unset
    ]
    # Steps at once; a batch whose weights are all 0 is none.
    most = 1 if batch_callbacks or (weights is not None and not weights.all()) else len(sizes)
    diverged = False
    whole = whole_steps(model, data, len(rows), batch_size, augment is not None)
    whole_validation = None
    if validation is not None:
        whole_validation = whole_evaluation(model, validation, EVALUATION_BATCH)
    for epoch in range(model.epochs_done, model.epochs_done + epochs):
        order = model.streams.generator("shuffle", epoch).permutation(rows) if shuffle else rows
        before = None if whole is None else whole.log
        log = EpochLog(model, sizes if weights is None else _sums(weights[order], starts), before)
        on_device = model.backend.asarray(order)
        distort = None if augment is None else augment.for_epoch(model, data, rows, epoch)
        if resumed is not None:
            log.restore(*resumed)
        if whole is not None:
            whole.begin(log, on_device)
        model.optimizer.begin_epoch(epoch - model.compiled_at, len(sizes), log.done)
        for callback in callbacks if resumed is None else ():
            callback.on_epoch_begin(model, epoch)
        resumed = None
        for batch, start in enumerate(starts[log.done :], log.done):
            if batch < log.done:  # it was done together with those before
                continue
            if weights is not None and log.weights[batch] == 0:
                log.count()
                model.optimizer.begin_epoch(epoch - model.compiled_at, len(sizes), log.done)
            else:
                if whole is None or whole.obstacle:
                    index = on_device[start : start + batch_size]
                    turns.take(_step, model, data, index, log, distort)
                else:
                    turns.take(whole, most)
                step_done()
            for callback in batch_callbacks:
                callback.on_batch_end(model, batch, log)
            if model.stop_reason:
                break
        logs: dict[str, Any] = {"epoch": epoch + 1, **log.means()}
        if model.regularized:
            logs["penalty"] = model.penalty()
        if validation is not None:
            scores = turns.take(_validate, model, validation, whole_validation)
            logs.update((f"val_{name}", value) for name, value in scores.items())
        if not (diverged or model.stop_reason or _is_finite(logs)):
            diverged = True
            _report_divergence(model, log)
        logs["learning_rate"] = model.optimizer.learning_rate
        logs["seconds"] = log.seconds()
        model.epochs_done = epoch + 1
        model.epoch_log = log
        for callback in callbacks:
            callback.on_epoch_end(model, epoch, logs)
        expect_effective(model)  # model.stop_training = True of a callback would go on
        if model.stop_reason:
            break
    for replay in (whole, whole_validation):
        if replay is not None:
            replay.end()
    if not (diverged or model.stop_reason or model.is_finite()):
        _report_divergence(model)


def _is_finite(logs: dict[str, Any]) -> bool:
    return math.isfinite(logs["loss"]) and math.isfinite(logs.get("val_loss", 0.0))


def _report_divergence(model: Trainable, log: EpochLog | None = None) -> None:
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


def _step(
    model: Trainable,
    data: Data,
    index: Array,
    log: EpochLog,
    distort: Callable[[Array, Array], None] | None,
) -> None:
    x, y, weight = model.batches.take(data, index)
    if distort is not None:
        distort(x, index)
    loss = model.step(x, y, weight)
    log.append(loss, [metric.score(model.pred, y) for metric in model.metrics], weight)


def _validate(model: Trainable, validation: Data, whole: BatchReplay | None) -> dict[str, float]:
    """Return the scores; layers and loss stay as they are, so that steps are replayed after it."""
    tables = [vars(part) for part in (*model.layers, model.loss)]
    before = [dict(table) for table in tables]
    scores = _evaluate(model, validation, EVALUATION_BATCH, whole)
    for table, old in zip(tables, before, strict=True):
        table.update(old)
    return scores


def evaluate(model: Trainable, data: Data, batch_size: int = EVALUATION_BATCH) -> dict[str, float]:
    """Return the (weighted) mean loss and the metrics of a model on checked data."""
    whole = whole_evaluation(model, data, batch_size)
    scores = _evaluate(model, data, batch_size, whole)
    if whole is not None:
        whole.end()
    return scores


def _evaluate(
    model: Trainable, data: Data, batch_size: int, whole: BatchReplay | None
) -> dict[str, float]:
    starts = range(0, len(data), batch_size)
    weights = np.ones(len(data)) if data.weight is None else model.backend.to_host(data.weight)
    log = EpochLog(model, _sums(weights, starts), None if whole is None else whole.log)
    if whole is not None:
        whole.begin(log)
    for batch, start in enumerate(starts):
        if batch < log.done:  # it was done together with those before
            continue
        if whole is not None and not whole.obstacle:
            whole(len(starts))
            continue
        x, y, weight = model.batches.take(data, slice(start, start + batch_size))
        pred = model.forward(x, training=False)
        loss = model.loss(pred, y, weight)
        log.append(loss, [metric.score(pred, y) for metric in model.metrics], weight)
    return log.means()


def _sums(weights: np.ndarray, starts: Sequence[int]) -> np.ndarray:
    """Return the sum of the weights of each batch."""
    return np.add.reduceat(weights.astype(float), starts)
