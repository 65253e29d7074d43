"""Plain numpy as in an introductory course: every expression allocates a new array."""

import numpy as np

from benchmarks.peers.contestant import Contestant, Material, as_rows, order
from benchmarks.peers.tasks import MOMENTUM


class Numpy(Contestant):
    """Dense layers with ReLU and softmax; the same mathematics as the others, in float32."""

    def __init__(self, material: Material) -> None:
        self.task = material.task
        if self.task.regularized:
            raise SystemExit("plain numpy is implemented without BatchNorm and Dropout")
        self.W = [w.copy() for w in material.weights]
        self.b = [np.zeros(w.shape[1], np.float32) for w in self.W]
        self.m = [np.zeros_like(p) for p in self.W + self.b]
        self.v = [np.zeros_like(p) for p in self.W + self.b]
        self.t = 0
        self.x, self.y = as_rows(material.images), material.labels
        self.test_x, self.test_y = as_rows(material.test_images), material.test_labels

    def forward(self, x):
        outputs = [x]
        for W, b in zip(self.W[:-1], self.b[:-1], strict=True):
            outputs.append(np.maximum(outputs[-1] @ W + b, 0))
        return outputs, outputs[-1] @ self.W[-1] + self.b[-1]

    def backward(self, outputs, dy):
        dW, db = [], []
        for i in reversed(range(len(self.W))):
            dW.insert(0, outputs[i].T @ dy)
            db.insert(0, dy.sum(axis=0))
            if i:
                dy = dy @ self.W[i].T * (outputs[i] > 0)
        return dW + db

    def update(self, gradients):
        self.t += 1
        lr, parameters = self.task.learning_rate, self.W + self.b
        for i, (p, g) in enumerate(zip(parameters, gradients, strict=True)):
            if self.task.optimizer == "adam":
                self.m[i] = 0.9 * self.m[i] + 0.1 * g
                self.v[i] = 0.999 * self.v[i] + 0.001 * g**2
                m = self.m[i] / (1 - 0.9**self.t)
                v = self.v[i] / (1 - 0.999**self.t)
                p -= lr * m / (np.sqrt(v) + 1e-8)
            elif self.task.optimizer == "momentum":
                self.v[i] = MOMENTUM * self.v[i] + g
                p -= lr * self.v[i]
            else:
                p -= lr * g

    def train(self, samples: int, epoch: int, key: int) -> None:
        rows = order(key, samples)
        losses = []
        for start in range(0, samples, self.task.batch):
            batch = rows[start : start + self.task.batch]
            x, y = self.x[batch], self.y[batch]
            outputs, z = self.forward(x)
            p = softmax(z)
            losses.append(cross_entropy(p, y))
            onehot = np.eye(10, dtype=np.float32)[y]
            self.update(self.backward(outputs, (p - onehot) / len(y)))
        np.mean(losses)

    def loss(self, samples: int) -> float:
        p = softmax(self.forward(self.test_x[:samples])[1])
        return float(cross_entropy(p, self.test_y[:samples]))

    def predict(self, samples: int) -> np.ndarray:
        return self.forward(self.test_x[:samples])[1].argmax(axis=1)


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def cross_entropy(p, y):
    return -np.log(p[np.arange(len(y)), y]).mean()
