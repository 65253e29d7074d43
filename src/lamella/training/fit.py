"""fit: check arguments and data, then train."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from lamella.core.errors import UsageError
from lamella.core.validation import at_least, in_range, instance
from lamella.network.batches import Data
from lamella.network.prepare import expect_batch, expect_scale, prepare
from lamella.network.trainable import Trainable
from lamella.training.callbacks import Callback, History, Progress
from lamella.training.loop import train
from lamella.training.splits import split_rows


def fit(
    model: Trainable,
    x: Any,
    y: Any,
    *,
    epochs: int = 5,
    batch_size: int = 64,
    validation_data: tuple[Any, Any] | None = None,
    validation_split: float = 0.0,
    shuffle: bool = True,
    sample_weight: Any = None,
    class_weight: Mapping[int, float] | None = None,
    callbacks: Sequence[Callback] = (),
    checkpoint: Any = None,
    verbose: bool = True,
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
    validation_data : (x, y), optional
        Evaluated after every epoch, never trained on.
    validation_split : float
        Fraction of (x, y) held out for validation instead, in [0, 1). Stratified by class if
        ``y`` are labels; drawn from the seed.
    shuffle : bool
        Whether to permute the data in each epoch, drawn from the seed.
    sample_weight : array (N,), optional
        Losses are sum(w loss) / sum(w): a weight of 2 counts a sample twice.
    class_weight : dict of label to weight, optional
        Multiplies the weights of the samples of each class.
    callbacks : sequence of Callback
    checkpoint : path or ResumeFolder, optional
        Folder for checkpoints of this training. After an interruption the same call resumes
        it and ends with the same bits; see `ResumeFolder`.
    verbose : bool
        Whether to show a progress bar.
    check : bool
        Whether to run `check` first and warn of its findings.

    Returns
    -------
    History
        Losses and scores of each epoch, as plain numbers.

    Raises
    ------
    LamellaError
        If arguments or data are invalid; nothing has been trained then.
    """
    model.expect_compiled()
    at_least("epochs", epochs, 1)
    at_least("batch_size", batch_size, 1)
    in_range("validation_split", validation_split, 0, 1, right_open=True)
    for callback in instance("callbacks", callbacks, Sequence, "[EarlyStopping()]"):
        instance("callback", callback, Callback, "EarlyStopping()")
    _expect_one_validation(validation_data, validation_split)
    data, given_y = prepare(model, x, y, sample_weight, class_weight)
    model.expect_trainable()
    expect_scale(model, data)
    rows, held_out = split_rows(given_y, validation_split, model.streams.generator("split"))
    expect_batch(model, min(batch_size, len(rows)))
    expect_batch(model, len(rows) % batch_size or batch_size, f" (the rest of {len(rows)})")
    if check:
        from lamella.training.diagnostics.check import warn_of_findings

        warn_of_findings(model, data, given_y)
    validation = None
    if validation_data is not None:
        validation, _ = prepare(model, *validation_data, where="in validation_data: ")
    elif len(held_out):
        index = model.backend.asarray(held_out)
        validation = Data(data.x[index], data.y[index])
    model.validates = validation is not None
    resume = None
    if checkpoint is not None:
        from lamella.training.checkpoints import open_resume_folder

        options = {"epochs": epochs, "batch_size": batch_size, "shuffle": shuffle}
        resume = open_resume_folder(checkpoint, model, data, validation, rows, callbacks, **options)
    history = History()
    everyone = [history, *callbacks, *([Progress()] if verbose else [])]
    with ExitStack() as ending:  # calls on_fit_end of every callback that began, even on errors
        for callback in everyone:
            callback.on_fit_begin(model, epochs, -(-len(rows) // batch_size))
            ending.callback(callback.on_fit_end, model)
        model.history, model.stop_reason = history, ""
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
            weights=None if data.weight is None else model.backend.to_host(data.weight),
            epochs=epochs,
            batch_size=batch_size,
            shuffle=shuffle,
            callbacks=everyone,
            step_done=step_done,
            resumed=resume.epoch_so_far if resume else None,
        )
    return history


def _expect_one_validation(data: Any, fraction: float) -> None:
    if data is not None and fraction:
        raise UsageError("give validation_data or validation_split, not both")
    if data is not None and not (isinstance(data, tuple | list) and len(data) == 2):
        raise UsageError("validation_data must be a pair (x, y)")
