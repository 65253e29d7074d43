"""A training loop of your own: `train_step` does one step, all the rest is yours.

This one looks at 256 images at a time, and trains on the 64 of them on which the network does
worst (online hard example mining). After a first look most digits are easy: why repeat them?
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
        # The loss lives in memory that the next step uses again: float() takes it out.
        losses.append(float(model.train_step(x[hardest], y[hardest])))
        # Every gradient is a view into this one vector, every parameter into store.values.
        lengths.append(float(model.backend.xp.linalg.norm(model.store.grads)))
        steps += 1
    print(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}, gradient {np.mean(lengths):.3f}")

print(f"{steps} steps on 64 images each")
print(f"test accuracy {model.evaluate(test.x, test.y)['accuracy']:.4f}")
