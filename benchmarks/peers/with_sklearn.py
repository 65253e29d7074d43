"""scikit-learn's MLPClassifier, an epoch at a time with ``partial_fit``."""

import numpy as np
from sklearn.neural_network import MLPClassifier

from benchmarks.peers.contestant import Contestant, Material, as_rows
from benchmarks.peers.tasks import MOMENTUM


class Sklearn(Contestant):
    """Starts from the same weights but shuffles in its own order, so results differ slightly."""

    own_order = True

    def __init__(self, material: Material) -> None:
        task = material.task
        if task.regularized or len(task.sizes) == 2:
            raise SystemExit(
                "MLPClassifier has no BatchNorm, no Dropout, and always a hidden layer"
            )
        self.model = MLPClassifier(
            task.sizes[1:-1],
            solver="adam" if task.optimizer == "adam" else "sgd",
            alpha=0.0,
            batch_size=task.batch,
            learning_rate_init=task.learning_rate,
            momentum=MOMENTUM if task.optimizer == "momentum" else 0.0,
            nesterovs_momentum=False,
            random_state=0,
        )
        self.x, self.y = as_rows(material.images), material.labels
        self.test_x, self.test_y = as_rows(material.test_images), material.test_labels
        # The first call allocates the arrays; then lamella's start weights and new moments.
        self.model.partial_fit(self.x[: task.batch], self.y[: task.batch], classes=np.arange(10))
        for mine, start in zip(self.model.coefs_, material.weights, strict=True):
            mine[...] = start
        for bias in self.model.intercepts_:
            bias[...] = 0
        del self.model._optimizer

    def train(self, samples: int, epoch: int, key: int) -> None:
        self.model.partial_fit(self.x[:samples], self.y[:samples])

    def loss(self, samples: int) -> float:
        p = self.model.predict_proba(self.test_x[:samples])
        return float(-np.log(p[np.arange(samples), self.test_y[:samples]]).mean())

    def predict(self, samples: int) -> np.ndarray:
        return self.model.predict(self.test_x[:samples])
