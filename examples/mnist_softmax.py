"""Softmax regression on MNIST: one linear layer, the smallest classifier there is.

Each of the ten classes has one weight per pixel. It reaches about 92%. Its mistakes show
which digits a linear boundary cannot separate.
"""

import numpy as np

import lamella as lm

train, test = lm.datasets.mnist()
model = lm.SoftmaxClassifier(optimizer=lm.Adam(5e-4), seed=2023)
model.fit(train.x, train.y, epochs=5, validation_split=1 / 12)

for row in model.history.rows:
    print(f"epoch {row['epoch']}: loss {row['loss']:.4f}, val_accuracy {row['val_accuracy']:.4f}")

guessed = model.predict_classes(test.x)
confusions = np.zeros((10, 10), int)
np.add.at(confusions, (test.y, guessed), 1)
np.fill_diagonal(confusions, 0)
for index in np.argsort(confusions, axis=None)[: -3 - 1 : -1]:
    digit, taken_for = divmod(int(index), 10)
    print(f"{confusions[digit, taken_for]} times a {digit} was taken for a {taken_for}")

print(f"test accuracy {model.evaluate(test.x, test.y)['accuracy']:.4f}")
