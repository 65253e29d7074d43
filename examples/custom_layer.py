"""A layer of your own: write it, check it, train with it, save it.

`Swish` is 13 lines and knows nothing of devices, flat buffers or scratch memory. It learns one
number for each feature: how sharply to switch from 0 to x. docs/extending.md makes it faster.
"""

import tempfile
from pathlib import Path

import lamella as lm


class Swish(lm.Layer):
    """x times the sigmoid of beta x, with a learned beta for each feature."""

    def build(self, in_shape):
        self.beta = self.add_param("beta", in_shape, init="ones")
        return in_shape

    def forward(self, x, training):
        self.x, self.s = x, (1 + self.xp.tanh(self.beta.value * x / 2)) / 2
        return x * self.s

    def backward(self, dy):
        slope = self.x * self.s * (1 - self.s)
        self.beta.grad = (dy * self.x * slope).sum(axis=0)
        return dy * (self.s + self.beta.value * slope)


lm.testing.check_layer(Swish(), in_shape=(5,))
print("check_layer passed")

train, test = lm.datasets.mnist()
layers = [lm.Flatten(), lm.Dense(128), Swish(), lm.Dense(10)]
model = lm.Sequential(layers, seed=2023)
model.compile(loss=lm.SoftmaxCrossEntropy(), optimizer=lm.Adam(1e-3), metrics=["accuracy"])
model.fit(train.x, train.y, epochs=3, validation_split=1 / 12)

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "swish.safetensors"
    model.save(path)
    model = lm.load(path, custom_layers=[Swish])

beta = model.state_dict()["2.Swish.beta"]
print(f"beta began at 1 everywhere and is now {beta.min():.2f} to {beta.max():.2f}")
print(f"test accuracy {model.evaluate(test.x, test.y)['accuracy']:.4f}")
