"""fit: check everything, then train and call the callbacks."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from lamella.core.errors import UsageError
from lamella.core.validation import at_least, in_range, instance
from lamella.network.batches import Data
from lamella.network.prepare import expect_batch, prepare
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
        uint8 is taken as images and scaled to [0, 1]; other numbers are taken as they are.
    y : array
        Labels (N,), one-hot rows, or numbers, as the loss takes them.
    epochs : int
        Passes over the data, at least 1; added to what was trained before.
    batch_size : int
        At least 1. The last batch of an epoch may be shorter; its mean is over what it has.
    validation_data : (x, y), optional
        Scored after every epoch, never trained on.
    validation_split : float
        Share of (x, y) held out for that instead, in [0, 1); of each class alike, if ``y``
        are labels. Drawn from the seed.
    shuffle : bool
        Whether each epoch has an order of its own, drawn from the seed.
    sample_weight : array (N,), optional
        A weight of 2 counts a sample twice: losses are sum(w loss) / sum(w).
    class_weight : dict of label to weight, optional
    callbacks : sequence of Callback
    checkpoint : path or Checkpoints, optional
        Folder to keep this training in: the same call goes on where it was interrupted, and
        ends with the same bits. See `lamella.Checkpoints`.
    verbose : bool
        Whether to show a progress bar.
    check : bool
        Whether to warn first of what keeps networks from learning, as `check` finds it.

    Returns
    -------
    History
        What each epoch gave, as plain numbers.

    Raises
    ------
    LamellaError
        If anything is wrong with arguments or data, before anything is trained.
    """
    model.expect_compiled()
    at_least("epochs", epochs, 1)
    at_least("batch_size", batch_size, 1)
    in_range("validation_split", validation_split, 0, 1, right_open=True)
    for callback in instance("callbacks", callbacks, Sequence, "[EarlyStopping()]"):
        instance("callback", callback, Callback, "EarlyStopping()")
    _expect_one_validation(validation_data, validation_split)
    data, given_y = prepare(model, x, y, sample_weight, class_weight)
    rows, held_out = split_rows(given_y, validation_split, model.streams.generator("split"))
    expect_batch(model, min(batch_size, len(rows)))
    expect_batch(model, len(rows) % batch_size or batch_size, f" (the rest of {len(rows)})")
    if check:
        from lamella.training.diagnostics.check import warn_of

        warn_of(model, data, given_y)
    validation = None
    if validation_data is not None:
        validation, _ = prepare(model, *validation_data, where="in validation_data: ")
    elif len(held_out):
        places = model.backend.asarray(held_out)
        validation = Data(data.x[places], data.y[places])
    model.validates = validation is not None
    keeper = None
    if checkpoint is not None:
        from lamella.training.checkpoints import keep

        kept = {"epochs": epochs, "batch_size": batch_size, "shuffle": shuffle}
        keeper = keep(checkpoint, model, data, validation, rows, callbacks, **kept)
    history = History()
    everyone = [history, *callbacks, *([Progress()] if verbose else [])]
    with ExitStack() as ending:  # whatever happens, each callback that began is told of the end
        for callback in everyone:
            callback.on_fit_begin(model, epochs, -(-len(rows) // batch_size))
            ending.callback(callback.on_fit_end, model)
        model.history, model.stop_reason = history, ""
        if keeper is not None:
            epochs = keeper.restore(everyone, epochs)
            everyone.append(keeper)  # what it keeps is how things are after all others
            ending.enter_context(keeper.same_threads())
        shapes = [parameter.shape for parameter in model.built() if parameter.is_matrix]
        threads = model.backend.threads_for(batch_size, shapes)
        model.blas_threads = ending.enter_context(threads)
        step_done = ending.enter_context(model.backend.pace())
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
            resumed=keeper.resumed if keeper else None,
        )
    return history


def _expect_one_validation(data: Any, share: float) -> None:
    if data is not None and share:
        raise UsageError("give validation_data or validation_split, not both")
    if data is not None and not (isinstance(data, tuple | list) and len(data) == 2):
        raise UsageError("validation_data must be a pair (x, y)")
