"""Callback that logs how large the gradients of each layer are."""

from typing import Any

import numpy as np

from lamella.network.trainable import Trainable
from lamella.training.callbacks.base import Callback


class GradientNorms(Callback):
    """Log the root mean square of each layer's gradient after every epoch.

    For a layer with P parameters and gradient g of the last batch,

        gradient_<layer> = sqrt(sum(g^2) / P),

    as the optimizer used it, with penalties and clipping. Layers without parameters are left out,
    and "gradient_0" belongs to the first layer of the model. Values that decrease by orders of
    magnitude towards the first layer are called vanishing gradients.

    References
    ----------
    Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks,
    2010.
    """

    changes_training = False

    def on_epoch_end(self, model: Trainable, epoch: int, logs: dict[str, Any]) -> None:
        host = model.backend.to_host
        for place, layer in enumerate(model.layers):
            gradients = [np.ravel(host(p.grad)) for p in layer.parameters if layer.trainable]
            if gradients:
                flat = np.concatenate(gradients).astype(np.float64)
                logs[f"gradient_{place}"] = float(np.sqrt(np.mean(flat**2)))
