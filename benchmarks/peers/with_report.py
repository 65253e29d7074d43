"""Method of the report that lamella grew from, with corrected mathematics."""

import numpy as np

from benchmarks.peers.contestant import Material, order
from benchmarks.peers.with_numpy import Numpy, softmax

LARGEST = 2**30  # bytes of one layer's outer products


class Report(Numpy):
    """float64, and for each weight matrix an outer product for every sample, summed afterwards.

        dW = sum over n of dz[n] x[n]^T,  by way of an array (N, outputs, inputs)

    Labels are one-hot, weights (outputs, inputs), and Python loops over the samples for the
    gradient at the outputs and for the predicted class. Unlike in the report, gradients are means
    over the batch, ReLU's slope is 0 or 1, every epoch has its own order and Adam corrects its
    moments. A step takes so long that a round has only a few.
    """

    few_steps = 4

    def __init__(self, material: Material) -> None:
        largest = 8 * material.task.batch * max(w.size for w in material.weights)
        if largest > LARGEST:
            raise SystemExit(f"its outer products would take {largest / 1e9:.1f} GB")
        super().__init__(material)
        self.W = [w.T.astype(np.float64) for w in material.weights]
        self.b = [np.zeros(len(w)) for w in self.W]
        self.m = [np.zeros_like(p) for p in self.W + self.b]
        self.v = [np.zeros_like(p) for p in self.W + self.b]
        self.y, self.test_y = np.eye(10)[self.y], np.eye(10)[self.test_y]

    def forward(self, x):
        outputs = [x]
        for W, b in zip(self.W[:-1], self.b[:-1], strict=True):
            outputs.append(np.maximum(np.dot(outputs[-1], W.T) + b, 0))
        return outputs, softmax(np.dot(outputs[-1], self.W[-1].T) + self.b[-1])

    def backward(self, outputs, dz):
        dW, db = [], []
        for i in reversed(range(len(self.W))):
            outer_products = dz[:, :, None] * outputs[i][:, None, :]
            dW.insert(0, outer_products.sum(axis=0))
            db.insert(0, dz.sum(axis=0))
            if i:
                dz = np.dot(dz, self.W[i]) * (outputs[i] > 0)
        return dW + db

    def train(self, samples: int, epoch: int, key: int) -> None:
        rows = order(key, samples)
        losses = []
        for start in range(0, samples, self.task.batch):
            batch = rows[start : start + self.task.batch]
            x, y = self.x[batch], self.y[batch]
            outputs, p = self.forward(x)
            losses.append(cross_entropy(p, y))
            dz = np.array([p[n] - y[n] for n in range(len(y))]) / len(y)
            self.update(self.backward(outputs, dz))
        np.mean(losses)

    def loss(self, samples: int) -> float:
        return float(cross_entropy(self.forward(self.test_x[:samples])[1], self.test_y[:samples]))

    def predict(self, samples: int) -> np.ndarray:
        p = self.forward(self.test_x[:samples])[1]
        return np.array([np.argmax(p[n]) for n in range(samples)])


def cross_entropy(p, onehot):
    return -(onehot * np.log(np.clip(p, 1e-15, 1))).sum(axis=1).mean()
