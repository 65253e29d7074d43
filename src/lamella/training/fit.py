"""fit: check arguments and data, then train."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from lamella.core.config import to_json
from lamella.core.errors import DataError, UsageError, numpy_warnings_off
from lamella.core.signatures import known_arguments
from lamella.core.validation import at_least, flag, in_range, instance, one_of
from lamella.network.attributes import expect_effective
from lamella.network.prepare import expect_batch, expect_scale, expect_weight, prepare
from lamella.network.trainable import Trainable
from lamella.network.trained_on import TrainedOn
from lamella.network.turns import one_at_a_time
from lamella.training.augment import Augment
from lamella.training.callbacks import Callback, History, Progress
from lamella.training.callbacks.base import expect_hooks
from lamella.training.callbacks.weight_average import expect_one_average
from lamella.training.loop import train
from lamella.training.splits import split_rows


@one_at_a_time
@known_arguments
def fit(
    model: Trainable,
    x: Any,
    y: Any,
    *,
    epochs: int = 5,
    batch_size: int = 64,
    validation_data: tuple[Any, ...] | None = None,
    validation_split: float = 0.0,
    shuffle: bool = True,
    sample_weight: Any = None,
    class_weight: Any = None,
    augment: Augment | None = None,
    callbacks: Sequence[Callback] = (),
    checkpoint: Any = None,
    verbose: bool | int = True,
    check: bool = True,
) -> History:
    """Train on a data set.

    Parameters
    ----------
    x : array (N, ...)
        uint8 arrays are images and scaled to [0, 1]; other numbers are used unchanged.
    y : array
        Labels (N,), rows (one-hot, of probabilities, or of several labels) or numbers, depending
        on the loss.
    epochs : int
        Passes over the data, at least 1; a second call trains further epochs.
    batch_size : int
        At least 1. The last batch of an epoch may be smaller.
    validation_data : (x, y) or (x, y, sample_weight), optional
        Evaluated after every epoch, never trained on. Loss and metrics are weighted by its own
        weights alone.
    validation_split : float
        Fraction of (x, y) held out for validation instead, in [0, 1). Stratified by class if
        ``y`` are labels; drawn from the seed. Its samples keep their weights.
    shuffle : bool
        Whether to permute the data in each epoch, drawn from the seed.
    sample_weight : array (N,), optional
        Losses and metrics are sum(w score) / sum(w): a weight of 2 counts a sample twice. A batch
        whose weights are all 0 changes nothing.
    class_weight : dict of label to weight, list, Series or "balanced", optional
        Multiplies the weights of the samples of each class; a list begins with label 0.
        "balanced" is N / (number of classes x samples of the class), as in scikit-learn. Targets
        must have one class a sample.
    augment : Augment, optional
        Distorts the images of each training batch, differently in each epoch.
    callbacks : sequence of Callback
    checkpoint : path or ResumeFolder, optional
        Folder for checkpoints of this training. After an interruption the same call resumes
        it and ends with the same bits; see `ResumeFolder`.
    verbose : {0, 1, 2}
        0 or False prints nothing, 1 or True a line for each epoch and, on a terminal, a progress
        bar; 2 only the lines.
    check : bool
        Whether to run `check` first and warn of its findings.

    Returns
    -------
    History
        Losses and scores of each epoch, as plain numbers.

    Warns
    -----
    DivergenceWarning
        Once, if the loss or the weights are no longer finite after an epoch. If the weights are
        not, training ends, and ``stop_reason`` says so.

    Raises
    ------
    LamellaError
        If arguments or data are invalid; nothing has been trained then.
    """
    model.expect_compiled()
    model.expect_effective_parts()
    at_least("epochs", epochs, 1)
    at_least("batch_size", batch_size, 1)
    in_range("validation_split", validation_split, 0, 1, right_open=True)
    one_of("verbose", verbose, (0, 1, 2))
    shuffle, check = flag("shuffle", shuffle), flag("check", check)
    for callback in instance("callbacks", callbacks, Sequence, "[EarlyStopping()]"):
        expect_hooks(instance("callback", callback, Callback, "EarlyStopping()"))
        expect_effective(callback)
    expect_one_average(callbacks)
    _expect_one_validation(validation_data, validation_split)
    data, given_y = prepare(model, x, y, sample_weight, class_weight, trains=True)
    model.expect_trainable()
    expect_scale(model, data)
    if augment is not None:
        instance("augment", augment, Augment, "Augment(rotate=10)").image_shape(data.x.shape[1:])
    rows, held_out = split_rows(given_y, validation_split, model.streams)
    weights = None if data.weight is None else model.backend.to_host(data.weight)
    if weights is not None and not weights[rows].any():
        raise DataError("the weights of the samples to train on are all 0, so no sample counts")
    seen = TrainedOn.of(x, data, model.backend.to_host, model.trained_on)
    expect_batch(model, min(batch_size, len(rows)))
    expect_batch(model, len(rows) % batch_size or batch_size, f" (the rest of {len(rows)})")
    if check:
        from lamella.training.diagnostics.check import warn_of_findings

        warn_of_findings(model, data, given_y)
    validation = None
    if validation_data is not None:
        validation, _ = prepare(
            model, *validation_data, where="in validation_data: ", seen=seen, kind=data.kind
        )
    elif len(held_out):
        validation = data.part(model.backend.asarray(held_out))
    if validation is not None:
        expect_weight(validation, "the validation data")
    model.validates = validation is not None
    resume = None
    if checkpoint is not None:
        from lamella.training.checkpoints import ResumeFolder
        from lamella.training.checkpoints.identity import identity

        options = {"batch_size": batch_size, "shuffle": shuffle, "augment": to_json(augment)}
        resume = checkpoint if isinstance(checkpoint, ResumeFolder) else ResumeFolder(checkpoint)
        resume.open(model, identity(model, data, validation, rows, callbacks, **options), epochs)
    history = History()
    everyone = [history, *callbacks, *([Progress(live=verbose != 2)] if verbose else [])]
    with ExitStack() as ending:  # calls on_fit_end of every callback that began, even on errors
        ending.enter_context(numpy_warnings_off())
        model.stop_reason = ""
        for callback in everyone:
            callback.on_fit_begin(model, epochs, -(-len(rows) // batch_size))
            ending.callback(callback.on_fit_end, model)
        model.history = history
        model.trained_on = seen
        model.follow_targets(data.kind)
        if resume is not None:
            epochs = resume.restore(everyone, epochs)
            everyone.append(resume)  # last, so that it saves the state after all other callbacks
            ending.enter_context(resume.limit_threads())
        shapes = [parameter.shape for parameter in model.built() if parameter.is_matrix]
        threads = model.backend.threads_for(batch_size, shapes)
        model.blas_threads = ending.enter_context(threads)
        step_done = ending.enter_context(model.backend.tune_threads())
        train(
            model,
            data,
            validation,
            rows=rows,
            weights=weights,
            epochs=0 if model.stop_reason else epochs,
            batch_size=batch_size,
            shuffle=shuffle,
            augment=augment,
            callbacks=everyone,
            step_done=step_done,
            resumed=resume.epoch_so_far if resume else None,
        )
    return history


def _expect_one_validation(data: Any, fraction: float) -> None:
    if data is not None and fraction:
        raise UsageError("give validation_data or validation_split, not both")
    if data is not None and not (isinstance(data, tuple | list) and len(data) in (2, 3)):
        raise UsageError("validation_data must be (x, y) or (x, y, sample_weight)")
