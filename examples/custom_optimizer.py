"""A custom optimizer: its rule for one weight, and the scalars of the rule.

`Lion` steps by the sign of a running mean of gradients, so every weight moves by `lr` each step.
The library runs the rule over all weights, in blocks that fit the cache or as one GPU kernel.
"""

import numpy as np

import lamella as lm


class Lion(lm.Optimizer):
    """Chen et al., Symbolic Discovery of Optimization Algorithms, 2023 (without weight decay)."""

    slots = ("m",)

    def __init__(self, lr=1e-4, *, beta1=0.9, beta2=0.99):
        super().__init__(lr)
        self.beta1, self.beta2 = beta1, beta2

    def scalars(self, t):
        return self.learning_rate, self.beta1, self.beta2

    def rule(self, w, g, m, lr, b1, b2):
        step = np.sign(b1 * m + (1 - b1) * g)
        return w - lr * step, b2 * m + (1 - b2) * g


lm.testing.check_optimizer(Lion(1e-2))
print("check_optimizer passed")

train, test = lm.datasets.mnist()
best, best_accuracy = None, 0.0
for optimizer in (lm.Adam(5e-4), lm.Adam(2e-3), Lion(1e-4), Lion(5e-4)):
    model = lm.MLP([64], optimizer=optimizer, seed=2023)
    model.fit(train.x, train.y, epochs=2, validation_split=1 / 12, verbose=False)
    accuracy = model.history["val_accuracy"][-1]
    print(f"{optimizer!r:<18} validation accuracy {accuracy:.4f}")
    if accuracy > best_accuracy:
        best, best_accuracy = model, accuracy

# Validation images chose the model, so the test images, used once, give an honest figure.
print(f"test accuracy {best.evaluate(test.x, test.y)['accuracy']:.4f} with {best.optimizer!r}")
