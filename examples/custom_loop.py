"""A custom training loop: `train_step` does one step, the loop is yours.

This loop evaluates 256 images at a time and trains on the 64 with the lowest probability of their
label (online hard example mining). Most digits are easy after the first steps.
"""

import numpy as np

import lamella as lm

train, test = lm.datasets.mnist()
model = lm.MLP([128], optimizer=lm.Adam(1e-3), seed=2023)
model.build(train.x.shape[1:])
rng = np.random.default_rng(2023)

steps = 0
for epoch in range(3):
    losses, lengths = [], []
    order = rng.permutation(len(train.x))
    for rows in np.split(order, range(256, len(order), 256)):
        x, y = train.x[rows], train.y[rows]
        right = model.predict_proba(x)[np.arange(len(y)), y]
        hardest = np.argsort(right)[:64]
        # The next step reuses the memory of the loss: float() copies it.
        losses.append(float(model.train_step(x[hardest], y[hardest])))
        # Every gradient is a view into this one vector, every parameter into store.values.
        lengths.append(float(model.backend.xp.linalg.norm(model.store.grads)))
        steps += 1
    print(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}, gradient {np.mean(lengths):.3f}")

print(f"{steps} steps on 64 images each")
print(f"test accuracy {model.evaluate(test.x, test.y)['accuracy']:.4f}")
