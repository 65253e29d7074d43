"""Claims 71 to 75: learning rate, batch size and optimizers."""

from collections.abc import Callable

from lamella.studies.report.claims.claim import Claim, Part
from lamella.studies.report.claims.evidence import Arms
from lamella.studies.report.claims.measures import (
    EARLY_ACCURACY,
    EARLY_LOSS,
    FALL,
    JITTER,
    MEAN_ACCURACY,
    STEP_LOSS,
    TEST,
    TRAIN_LOSS,
    WORST_FALL,
)

Studies = Callable[[str], Arms]

RATES = ["5e-4", "5e-3", "5e-2", "5e-1"]
BATCHES = ["16", "32", "64", "128", "256"]
SIMILAR = 0.005
"""Largest difference of similar test accuracies: half a percentage point."""


def learning_rate(study: Studies) -> Claim:
    arms = study("learning-rate")
    large = ["5e-2", "5e-1"]
    return Claim(
        71,
        "Learning rate of Adam",
        "Learning rates of 5e-1 and 5e-2 are too large to reach a good optimum. Of the two small "
        "ones, 5e-3 is faster.",
        [
            Part(
                "At 5e-1 and 5e-2 the loss settles above that of 5e-4.",
                "Both have a higher final loss on the training images.",
                [arms.more(TRAIN_LOSS, rate, than="5e-4") for rate in large],
            ),
            Part(
                "At 5e-1 and 5e-2 the loss is noisier.",
                "Both have a higher standard deviation of the step losses in the last epoch.",
                [arms.more(JITTER, rate, than="5e-4") for rate in large],
            ),
            Part(
                "Both test worse than the small learning rates.",
                "Both have a lower test accuracy than 5e-3 and 5e-4.",
                [arms.less(TEST, rate, than=short) for rate in large for short in RATES[:2]],
            ),
            Part(
                "5e-3 reaches a high validation accuracy sooner than 5e-4.",
                "A higher mean validation accuracy over the first epochs.",
                [arms.more(EARLY_ACCURACY, "5e-3", than="5e-4")],
            ),
            Part(
                "A larger learning rate lowers the loss faster.",
                "The training loss over the first epochs is lower at each larger learning rate.",
                arms.falling(EARLY_LOSS, RATES),
            ),
        ],
        ["learning-rate"],
        ["adam", "inputs"],
    )


def batch_size_sgd(study: Studies) -> Claim:
    parts = []
    for name, reading in (("batch-size-sgd", "mean"), ("batch-size-sgd-summed", "summed")):
        arms = study(name)
        large = BATCHES[2:]
        parts += [
            Part(
                f"Larger batches lower the loss in fewer steps ({reading} gradients).",
                "A lower loss before step 200 with 256 than with 16.",
                [arms.less(STEP_LOSS, "256", than="16")],
            ),
            Part(
                f"Larger batches lower the loss with fewer images ({reading}).",
                "A lower training loss over the first epochs with 256 than with 16.",
                [arms.less(EARLY_LOSS, "256", than="16")],
            ),
            Part(
                f"Larger batches end with a higher loss ({reading}).",
                "A higher final loss on the training images with 256 than with 16.",
                [arms.more(TRAIN_LOSS, "256", than="16")],
            ),
            Part(
                f"Above 32 the accuracy often decreases ({reading}).",
                "Validation accuracy decreases more between epochs than with 16.",
                [arms.more(FALL, batch, than="16") for batch in large],
            ),
            Part(
                f"Above 32 the test accuracy is low ({reading}).",
                "A lower test accuracy with 64, 128 and 256 than with 32.",
                [arms.less(TEST, batch, than="32") for batch in large],
            ),
            Part(
                f"32 tests best ({reading}).",
                "A higher test accuracy than with any other batch size.",
                [arms.more(TEST, "32", than=batch) for batch in BATCHES if batch != "32"],
            ),
        ]
    return Claim(
        72,
        "Batch size of gradient descent",
        "With larger batches, plain gradient descent lowers the loss faster but ends worse. It is "
        "stable only up to 32, which tests best.",
        parts,
        ["batch-size-sgd", "batch-size-sgd-summed"],
        ["summed", "relu"],
    )


def batch_size_momentum(study: Studies) -> Claim:
    parts = []
    readings = (("batch-size-momentum", "mean"), ("batch-size-momentum-summed", "summed"))
    for name, reading in readings:
        arms = study(name)
        parts += [
            Part(
                f"A batch size of 64 is still good ({reading} gradients).",
                "A test accuracy at most half a point below that of 32.",
                [arms.more(TEST, "64", than="32", by=-SIMILAR)],
            ),
            Part(
                f"32 is the most stable ({reading}).",
                "Validation accuracy decreases less between epochs than with any other batch size.",
                [arms.less(FALL, "32", than=batch) for batch in BATCHES if batch != "32"],
            ),
            Part(
                f"64 tests best ({reading}).",
                "A higher test accuracy than with any other batch size.",
                [arms.more(TEST, "64", than=batch) for batch in BATCHES if batch != "64"],
            ),
            Part(
                f"16, 32 and 64 are similar ({reading}).",
                "Test accuracies of 16 and 32 within half a point of that of 64.",
                [
                    evidence
                    for batch in ("16", "32")
                    for evidence in arms.close(TEST, batch, to="64", within=SIMILAR)
                ],
            ),
        ]
    return Claim(
        73,
        "Batch size of momentum",
        "Momentum tolerates larger batches than plain gradient descent. 64 tests best, 32 is the "
        "most stable, and the differences are small.",
        parts,
        ["batch-size-momentum", "batch-size-momentum-summed"],
        ["summed", "momentum"],
    )


def batch_size_adam(study: Studies) -> Claim:
    arms = study("batch-size-adam")
    return Claim(
        74,
        "Batch size of Adam",
        "Adam is stable at every batch size, with a test accuracy of at least 94%. Small batches "
        "only make its loss noisier.",
        [
            Part(
                "Adam is stable at every batch size.",
                "The largest decrease of validation accuracy between epochs, mean over seeds, is "
                "below one point.",
                [arms.below(WORST_FALL, batch, 0.01) for batch in BATCHES],
            ),
            Part(
                "The test accuracy is at least 94%.",
                "A mean test accuracy above 94% at every batch size.",
                [arms.above(TEST, batch, 0.94) for batch in BATCHES],
            ),
            Part(
                "Smaller batches make the loss noisier.",
                "In the last epoch, the standard deviation of step losses falls with batch size.",
                arms.falling(JITTER, BATCHES),
            ),
        ],
        ["batch-size-adam"],
        ["adam"],
    )


def optimizers(study: Studies) -> Claim:
    parts = []
    order = ["SGD", "Momentum", "Adam"]
    for name, reading in (("optimizers", "one learning rate"), ("optimizers-summed", "summed")):
        arms = study(name)
        parts += [
            Part(
                f"Adam is faster than momentum, and momentum than gradient descent ({reading}).",
                "The training loss over the first epochs follows this order.",
                arms.falling(EARLY_LOSS, order),
            ),
            Part(
                f"Validation accuracies have the same order ({reading}).",
                "The validation accuracy, averaged over all epochs, follows this order.",
                arms.rising(MEAN_ACCURACY, order),
            ),
            Part(
                f"Test accuracies have the same order ({reading}).",
                "The test accuracy follows this order.",
                arms.rising(TEST, order),
            ),
            Part(
                f"Gradient descent is unstable ({reading}).",
                "Validation accuracy decreases more between epochs than with momentum and Adam.",
                [arms.more(FALL, "SGD", than=other) for other in order[1:]],
            ),
        ]
    return Claim(
        75,
        "Optimizers",
        "At a batch size of 16, Adam beats momentum and momentum beats plain gradient descent in "
        "speed, validation and test accuracy. Gradient descent is unstable.",
        parts,
        ["optimizers", "optimizers-summed"],
        ["summed", "momentum", "adam"],
    )
