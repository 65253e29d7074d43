"""Compare regularizers that keep a network from memorizing its training set.

A network soon memorizes 1,000 images, and the loss on unseen images grows. Three ways to train are
compared on 5,000 held-out images. Each runs with the same five seeds, and runs with one seed start
from the same weights: the differences are paired.
"""

import numpy as np

import lamella as lm

SEEDS = range(5)
ARMS = {
    "none": {},
    "L2": {"l2": 3e-3},
    "dropout": {"dropout": 0.5},
}

images, _ = lm.datasets.mnist()  # the test images stay unused
rest, held_out = lm.datasets.train_test_split(images.x, images.y, test=1 / 12, seed=0)
_, train = lm.datasets.train_test_split(rest.x, rest.y, test=1000 / len(rest.x), seed=0)

scores: dict[str, np.ndarray] = {}
print(f"{len(train.x)} images to train on, {len(held_out.x)} held out, {len(SEEDS)} seeds")
print(f"{'':<8} {'train loss':>10} {'held-out loss':>14} {'held-out accuracy':>18}")
for name, options in ARMS.items():
    rows = []
    for seed in SEEDS:
        model = lm.MLP([100], optimizer=lm.Adam(2e-3), seed=seed, **options)
        model.fit(train.x, train.y, epochs=20, verbose=False)
        seen, new = model.evaluate(train.x, train.y), model.evaluate(held_out.x, held_out.y)
        rows.append([seen["loss"], new["loss"], new["accuracy"]])
    scores[name] = np.array(rows)
    seen_loss, new_loss, accuracy = scores[name].mean(axis=0)
    print(f"{name:<8} {seen_loss:>10.4f} {new_loss:>14.4f} {accuracy:>18.4f}")

print("held-out loss minus that without regularization, mean and standard error over seeds:")
for name in list(ARMS)[1:]:
    gain = scores[name][:, 1] - scores["none"][:, 1]
    print(f"{name:<8} {gain.mean():+.4f} +- {gain.std(ddof=1) / len(gain) ** 0.5:.4f}")
