"""A multilayer perceptron on MNIST, layer by layer, saved and loaded again.

784 pixels, two hidden layers of 128 and 30 units, ten class scores. `lm.MLP([128, 30])` is the
same network in one call.
"""

import tempfile
from pathlib import Path

import numpy as np

import lamella as lm

train, test = lm.datasets.mnist()
model = lm.Sequential(
    [
        lm.Flatten(),
        lm.Dense(128),
        lm.ReLU(),
        lm.Dense(30),
        lm.ReLU(),
        lm.Dense(10),
    ],
    seed=2023,
)
model.compile(loss=lm.SoftmaxCrossEntropy(), optimizer=lm.Adam(5e-4), metrics=["accuracy"])

# A twelfth of the training images decides when to stop; the test images decide nothing.
stopping = lm.EarlyStopping("val_accuracy", patience=2)
model.fit(train.x, train.y, epochs=6, validation_split=1 / 12, callbacks=[stopping])
print(model.summary())
print(f"weights of epoch {stopping.best_epoch}, of {len(model.history)} trained")

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "digits.safetensors"
    model.save(path)
    loaded = lm.load(path)
    print(f"saved {path.stat().st_size / 1e6:.2f} MB")

same = np.array_equal(loaded.predict(test.x), model.predict(test.x))
print(f"the loaded model predicts the same: {same}")
print(f"test accuracy {loaded.evaluate(test.x, test.y)['accuracy']:.4f}")
