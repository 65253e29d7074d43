"""The networks that read the photographs: plain, and trained on distorted copies."""

import numpy as np
from PIL import Image

import lamella as lm

Rng = np.random.Generator


def plain() -> lm.MLP:
    """Return the default network of ``lamella train``, trained on MNIST for 5 epochs."""
    train, _ = lm.datasets.mnist()
    model = lm.MLP(seed=2023)
    model.fit(train.x, train.y, epochs=5, validation_split=1 / 12, verbose=False)
    return model


def distorted(epochs: int = 20) -> lm.MLP:
    """Return a network of 784-512-256-10, trained on MNIST that is distorted anew each epoch."""
    train, _ = lm.datasets.mnist()
    rng = np.random.default_rng(0)
    model = lm.MLP([512, 256], dropout=0.1, seed=0, optimizer=lm.Adam(lm.CosineDecay(1e-3, epochs)))
    for _ in range(epochs):
        x = np.stack([distort(image, rng) for image in train.x])
        model.fit(x, train.y, epochs=1, batch_size=128, verbose=False, validation_split=0.0)
    return model


def distort(image: np.ndarray, rng: Rng) -> np.ndarray:
    """Turn an image by up to 15 degrees, scale and shear it by up to 0.15, move it by a pixel."""
    turn = np.deg2rad(rng.uniform(-15, 15))
    stretch, shear = rng.uniform(0.85, 1.15, 2), rng.uniform(-0.15, 0.15)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix = matrix @ np.array([[stretch[0], shear], [0, stretch[1]]])
    offset = 14 - matrix @ np.array([14, 14]) + rng.uniform(-1, 1, 2)
    values = (*matrix[0], offset[0], *matrix[1], offset[1])
    picture = Image.fromarray(image).transform(
        (28, 28), Image.Transform.AFFINE, values, Image.Resampling.BILINEAR
    )
    return np.asarray(picture)
