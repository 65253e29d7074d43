"""lamella as in user code: `fit` and `predict_classes` on uint8 images."""

import numpy as np

import lamella as lm
from benchmarks.peers.contestant import Contestant, Material, pools
from benchmarks.peers.tasks import MOMENTUM, SEED, Task
from lamella.backend import Backend
from lamella.backend import numba as compiled

OPTIMIZERS = {
    "sgd": lm.SGD,
    "momentum": lambda rate: lm.Momentum(rate, beta=MOMENTUM),
    "adam": lm.Adam,
}


def build(task: Task, backend: str | Backend = "numpy") -> lm.Sequential:
    """Return the compiled network; all contestants use its start weights."""
    penalty = lm.L2(task.l2) if task.l2 else None
    layers: list[lm.Layer] = [lm.Flatten()]
    for width in task.sizes[1:-1]:
        layers.append(lm.Dense(width, use_bias=not task.regularized, regularizer=penalty))
        if task.regularized:
            layers += [lm.BatchNorm(), lm.ReLU(), lm.Dropout(task.dropout)]
        else:
            layers.append(lm.ReLU())
    layers.append(lm.Dense(task.sizes[-1], init="glorot_uniform", regularizer=penalty))
    model = lm.Sequential(layers, seed=SEED, backend=backend)
    optimizer = OPTIMIZERS[task.optimizer](task.learning_rate)
    model.compile(lm.SoftmaxCrossEntropy(), optimizer, in_shape=(28, 28))
    return model


def start_weights(model: lm.Sequential) -> list[np.ndarray]:
    """Return the weights of the dense layers in order."""
    dense = [layer for layer in model.layers if isinstance(layer, lm.Dense)]
    return [np.array(model.backend.to_host(layer.W.value)) for layer in dense]


class LookAtThreads(lm.Callback):
    """Record the thread pools during training, where lamella may use fewer threads."""

    def __init__(self, contestant: Contestant) -> None:
        self.contestant = contestant

    def on_batch_end(self, model: lm.Sequential, batch: int, log: object) -> None:
        if batch == 0 and not compiled.has_products():  # those have their own threads
            self.contestant.pools_at_work = pools()


class Lamella(Contestant):
    """Draws weights and orders from the seed; the other contestants receive the same ones."""

    def __init__(self, material: Material, backend: str | Backend = "numpy") -> None:
        self.given = material
        self.model = build(material.task, backend)
        for mine, theirs in zip(start_weights(self.model), material.weights, strict=True):
            np.testing.assert_array_equal(mine, theirs)

    def train(self, samples: int, epoch: int, key: int) -> None:
        model = self.model
        if (model.epochs_done, model.streams.key("shuffle", epoch)) != (epoch, key):
            raise RuntimeError("lamella would see the data in a different order")
        images, labels = self.given.images[:samples], self.given.labels[:samples]
        # The first epoch is an untimed check, so looking at the threads costs nothing.
        look = [LookAtThreads(self)] if epoch == 0 else []
        batch = self.given.task.batch
        model.fit(images, labels, epochs=1, batch_size=batch, verbose=False, callbacks=look)

    def loss(self, samples: int) -> float:
        scores = self.model.evaluate(
            self.given.test_images[:samples], self.given.test_labels[:samples]
        )
        return scores["loss"]

    def predict(self, samples: int) -> np.ndarray:
        return self.model.predict_classes(self.given.test_images[:samples])
