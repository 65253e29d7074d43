"""A custom study: does momentum help, and is the difference more than chance?

Three ways to descend on 3,000 images, all else equal, with four seeds. Seeds are paired: with one
seed, all arms see the same images in the same order and start from the same weights. They are
therefore compared seed by seed, and the shared randomness cancels.
"""

import lamella as lm

study = lm.Study(
    "momentum",
    question="Does momentum help at the same learning rate?",
    base={"model": lm.MLP([64]), "batch_size": 50, "epochs": 4, "samples": 3000},
    arms={
        "plain": {"optimizer": lm.SGD(0.02)},
        "momentum": {"optimizer": lm.Momentum(0.02)},
        "Nesterov": {"optimizer": lm.Momentum(0.02, nesterov=True)},
    },
    seeds=4,
    baseline="momentum",
)
results = study.run(verbose=False)  # on MNIST; out="runs/momentum" would save the results
print(results.table(["test_accuracy", "train_accuracy"]))
print()
print(results.compare())

print()
for arm in ("plain", "Nesterov"):
    found = results.compare()[arm]
    mean, low, high = (100 * number for number in (found.mean, found.low, found.high))
    print(f"{arm} against momentum: {found.verdict}, {mean:+.2f} points [{low:+.2f}, {high:+.2f}]")
