"""Checks of a data set against a model, before anything changes."""

from typing import Any

import numpy as np

from lamella.core.errors import DataError, LamellaError
from lamella.layers import BatchNorm
from lamella.losses.target_kind import TargetKind
from lamella.network.batches import Data, check_targets
from lamella.network.metric_checks import check_metrics
from lamella.network.trainable import Trainable
from lamella.network.trained_on import TrainedOn
from lamella.network.weights import sample_weights

UNLIMITED = 1e15  # sums of the squares of smaller numbers overflow no dtype


def prepare(
    model: Trainable,
    x: Any,
    y: Any,
    sample_weight: Any = None,
    class_weight: Any = None,
    *,
    where: str = "",
    metrics: bool = True,
    seen: TrainedOn | None = None,
    trains: bool = False,
    kind: TargetKind | None = None,
) -> tuple[Data, np.ndarray]:
    """Check a data set and move it to the device; return it with the targets on the host.

    Build the model for the inputs if it is not built. If an error follows, it stays unbuilt.
    ``where`` is a prefix for messages; ``seen`` describes the training data, see
    `lamella.network.network.Network.inputs`; ``metrics`` says whether the data are to be scored,
    and ``trains`` whether to train on them; ``kind`` is that of the training data's targets, by
    default of the last training.
    """
    was_built = model.store is not None
    try:
        x, largest = model.inputs(x, seen, where)
        y = check_targets(y, len(x))
        out_shape = model.shapes[-1]
        weight = sample_weights(y, sample_weight, class_weight, out_shape, model.dtype)
        target = model.loss.check_targets(y, out_shape, model.dtype)
        if y.size == target.size:  # (N,) of a single output are no labels to stratify by
            y = y.reshape(target.shape)
        if metrics:
            kind = kind or model.target_kind
            if trains or kind is None:
                kind = TargetKind.of(target, model.target_kind)
            check_metrics(model, target, kind)
    except LamellaError as error:
        if not was_built:
            model.store = None
        if where:
            raise type(error)(f"{where}{error}") from error
        raise
    send = model.backend.asarray
    if weight is None:
        return Data(send(x), send(target), largest=largest, kind=kind), y
    weightless = not weight.any()
    return Data(send(x), send(target), send(weight), weightless, largest, kind), y


def expect_weight(data: Data, which: str) -> None:
    """Raise a DataError if all weights of a data set are 0."""
    if data.is_weightless:
        raise DataError(f"the weights of {which} are all 0, so no sample counts")


def expect_scale(model: Trainable, data: Data) -> None:
    """Raise a DataError if a BatchNorm layer could not sum the squares of inputs so large."""
    if data.largest < UNLIMITED:
        return
    limit = np.sqrt(np.finfo(model.dtype).max) / 1000
    if data.x.dtype != model.dtype or not any(isinstance(x, BatchNorm) for x in model.layers):
        return
    if data.largest > limit:
        raise DataError(
            f"x has numbers up to {data.largest:.3g}, and the sums of their squares, which "
            f"BatchNorm takes, overflow {model.dtype}: scale the inputs, as in (x - mean) / std"
        )


def expect_batch(model: Trainable, size: int, which: str = "") -> None:
    """Raise a DataError if a layer cannot be trained on a batch of ``size`` samples."""
    for index, layer in enumerate(model.layers):
        if size < layer.min_batch and layer.trainable:
            raise DataError(
                f"layer {index} {type(layer).__name__} cannot be trained on a batch of {size}"
                f"{which}, it needs {layer.min_batch}: choose another batch_size"
            )
