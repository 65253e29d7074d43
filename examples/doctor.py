"""Diagnose a network that does not learn, and then one that does.

`model.check` examines data and model before the first step; `fit` calls it automatically.
`model.doctor` lets a copy of the model memorize a single batch and reports where that fails.
"""

import lamella as lm

train, _ = lm.datasets.mnist()
x, y = train.x[:5000], train.y[:5000]


def network(rate: float) -> lm.Sequential:
    layers = [lm.Flatten(), lm.Dense(128), lm.ReLU(), lm.Dense(10)]
    model = lm.Sequential(layers, seed=2023)
    return model.compile(lm.SoftmaxCrossEntropy(), lm.Adam(rate), in_shape=(28, 28))


print(network(1e-3).check(x, y))

for finding in network(1e-3).check(x.astype("float32"), y).findings:
    print("check:", finding)

print("\nbiases so low that no ReLU is ever on:")
model = network(1e-3)
model.layers[1].b.value = -100.0
print(model.doctor(x, y))

print("\na learning rate of 10:")
for finding in network(10.0).doctor(x, y).findings:
    print("doctor:", finding)

print("\na learning rate of 0.001:")
report = network(1e-3).doctor(x, y)
print(report)  # report.plot().savefig("doctor.png") draws it
