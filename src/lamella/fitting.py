"""From what the user gives to what is trained on: all of it is checked before anything changes."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np

from lamella.arguments import at_least, in_range, instance
from lamella.batches import Data, check_targets, sample_weights
from lamella.callbacks import Callback, History, Progress
from lamella.errors import DataError, LamellaError, UsageError
from lamella.splits import split_rows
from lamella.training import train

if TYPE_CHECKING:
    from lamella.model import Sequential


def prepare(
    model: "Sequential",
    x: Any,
    y: Any,
    sample_weight: Any = None,
    class_weight: Mapping[int, float] | None = None,
    where: str = "",
) -> tuple[Data, np.ndarray]:
    """Check a data set and move it to the device; also return the targets as they came.

    A model that was not built before, and would be built for data that turn out to be wrong, is as
    before after the error.
    """
    was_built = model.store is not None
    try:
        x = model.inputs(x)
        y = check_targets(y, len(x))
        weight = sample_weights(y, sample_weight, class_weight, model.dtype)
        target = model.loss.prepare(y, model.shapes[-1], model.dtype)
    except LamellaError as error:
        if not was_built:
            model.store = None
        if where:
            raise type(error)(f"{where}{error}") from error
        raise
    send = model.backend.asarray
    return Data(send(x), send(target), None if weight is None else send(weight)), y


def expect_batch(model: "Sequential", size: int, which: str = "") -> None:
    """Raise a DataError if a layer cannot be trained on a batch of this size."""
    for index, layer in enumerate(model.layers):
        if size < layer.min_batch:
            raise DataError(
                f"layer {index} {type(layer).__name__} cannot be trained on a batch of {size}"
                f"{which}, it needs {layer.min_batch}: choose another batch_size"
            )


def fit(
    model: "Sequential",
    x: Any,
    y: Any,
    *,
    epochs: int,
    batch_size: int,
    validation_data: tuple[Any, Any] | None,
    validation_split: float,
    shuffle: bool,
    sample_weight: Any,
    class_weight: Mapping[int, float] | None,
    callbacks: Sequence[Callback],
    checkpoint: Any,
    verbose: bool,
    check: bool,
) -> History:
    """Do what `Sequential.fit` says: check everything, then train with everyone told."""
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
        from lamella.health.check import warn_of

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
        from lamella.checkpoints import keep

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
