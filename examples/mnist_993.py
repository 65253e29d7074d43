"""99.3% on MNIST's test images with a multilayer perceptron and distorted training images.

Each epoch sees every image shifted, turned, scaled, sheared and bent in another way. Another seed
trains from other weights, for fewer epochs if you like: python examples/mnist_993.py 1 12
"""

import sys
import time

import lamella as lm

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
epochs = int(sys.argv[2]) if len(sys.argv) > 2 else 36

train, test = lm.datasets.mnist()
model = lm.MLP(
    [1024, 512],
    dropout=0.1,
    optimizer=lm.Adam(lm.CosineDecay(1e-3, epochs)),
    seed=seed,
)
augment = lm.Augment(shift=1, rotate=12, scale=0.12, shear=10, elastic=1)

began = time.perf_counter()
model.fit(train.x, train.y, epochs=epochs, batch_size=128, augment=augment)
print(f"{epochs} epochs took {time.perf_counter() - began:.0f} s")
print(f"test accuracy {model.evaluate(test.x, test.y)['accuracy']:.4f}")
