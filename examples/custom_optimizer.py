"""A custom optimizer: its rule for one weight, and the scalars of the rule.

`AdaBelief` is Adam whose steps are long where gradients are as expected, near their running mean.
The library runs the rule over all weights, in blocks that fit the cache or as one GPU kernel.
"""

import numpy as np

import lamella as lm


class AdaBelief(lm.Optimizer):
    """Zhuang et al., AdaBelief Optimizer, 2020 (without the eps in s)."""

    slots = ("m", "s")

    def __init__(self, lr=1e-3, *, beta1=0.9, beta2=0.999, eps=1e-8):
        super().__init__(lr)
        self.beta1, self.beta2, self.eps = beta1, beta2, eps

    def scalars(self, t):
        correction = (1 - self.beta2**t) ** 0.5
        step = self.learning_rate * correction / (1 - self.beta1**t)
        return step, self.beta1, self.beta2, self.eps * correction

    def rule(self, w, g, m, s, step, b1, b2, eps):
        m = b1 * m + (1 - b1) * g
        s = b2 * s + (1 - b2) * (g - m) ** 2
        return w - step * m / (np.sqrt(s) + eps), m, s


lm.testing.check_optimizer(AdaBelief(1e-2))
print("check_optimizer passed")

train, test = lm.datasets.mnist()
best, best_accuracy = None, 0.0
for optimizer in (lm.Adam(5e-4), lm.Adam(2e-3), AdaBelief(5e-4), AdaBelief(2e-3)):
    model = lm.MLP([64], optimizer=optimizer, seed=2023)
    model.fit(train.x, train.y, epochs=2, validation_split=1 / 12, verbose=False)
    accuracy = model.history["val_accuracy"][-1]
    print(f"{optimizer!r:<20} validation accuracy {accuracy:.4f}")
    if accuracy > best_accuracy:
        best, best_accuracy = model, accuracy

# Validation images chose the model, so the test images, used once, give an honest figure.
print(f"test accuracy {best.evaluate(test.x, test.y)['accuracy']:.4f} with {best.optimizer!r}")
