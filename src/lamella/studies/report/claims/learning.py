"""Claims 71 to 75: learning rate, batch size and optimizers."""

from collections.abc import Callable

from lamella.studies.report.claims.claim import Claim, Part
from lamella.studies.report.claims.evidence import Arms
from lamella.studies.report.claims.measures import (
    EARLY_ACCURACY,
    EARLY_LOSS,
    FALL,
    JITTER,
    STEP_LOSS,
    TEST,
    TRAIN_LOSS,
    WHOLE_ACCURACY,
    WORST_FALL,
)

Studies = Callable[[str], Arms]

RATES = ["5e-4", "5e-3", "5e-2", "5e-1"]
BATCHES = ["16", "32", "64", "128", "256"]
LITTLE = 0.005
"""Test accuracies that are no further apart count as little different: half a point."""


def learning_rate(study: Studies) -> Claim:
    arms = study("learning-rate")
    large = ["5e-2", "5e-1"]
    return Claim(
        71,
        "Learning rate of Adam",
        "Steps of 5e-1 and 5e-2 are too long to reach a good optimum; of the two short ones, 5e-3 "
        "is the quicker.",
        [
            Part(
                "At 5e-1 and 5e-2 the loss stays on a floor above that of 5e-4.",
                "A higher loss on the training images after the last epoch, for both.",
                [arms.more(TRAIN_LOSS, rate, than="5e-4") for rate in large],
            ),
            Part(
                "At 5e-1 and 5e-2 the loss jitters more.",
                "A wider spread of step losses in the last epoch, for both.",
                [arms.more(JITTER, rate, than="5e-4") for rate in large],
            ),
            Part(
                "Both test worse than the shorter steps.",
                "A lower test accuracy than with 5e-3 and with 5e-4, for both.",
                [arms.less(TEST, rate, than=short) for rate in large for short in RATES[:2]],
            ),
            Part(
                "5e-3 comes to a high validation score sooner than 5e-4.",
                "A higher validation accuracy on average over the first epochs.",
                [arms.more(EARLY_ACCURACY, "5e-3", than="5e-4")],
            ),
            Part(
                "The longer the step, the faster the loss falls.",
                "A lower training loss over the first epochs at each next longer step.",
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
                f"Larger batches bring the loss down in fewer steps ({reading} gradients).",
                "A lower loss around step 200 with 256 than with 16.",
                [arms.less(STEP_LOSS, "256", than="16")],
            ),
            Part(
                f"Larger batches bring the loss down with fewer images ({reading}).",
                "A lower training loss over the first epochs with 256 than with 16.",
                [arms.less(EARLY_LOSS, "256", than="16")],
            ),
            Part(
                f"Larger batches end on a higher floor ({reading}).",
                "A higher loss on the training images after the last epoch, 256 against 16.",
                [arms.more(TRAIN_LOSS, "256", than="16")],
            ),
            Part(
                f"Above 32 the score falls back again and again ({reading}).",
                "From epoch to epoch, larger falls of validation accuracy than with 16.",
                [arms.more(FALL, batch, than="16") for batch in large],
            ),
            Part(
                f"Above 32 it scores low ({reading}).",
                "A lower test accuracy than with 32 for 64, 128 and 256.",
                [arms.less(TEST, batch, than="32") for batch in large],
            ),
            Part(
                f"32 tests best ({reading}).",
                "A higher test accuracy than every other batch size.",
                [arms.more(TEST, "32", than=batch) for batch in BATCHES if batch != "32"],
            ),
        ]
    return Claim(
        72,
        "Batch size of gradient descent",
        "Plain gradient descent falls faster with larger batches but ends worse, and is steady "
        "only up to 32, which tests best.",
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
                f"A batch of 64 is still fine ({reading} gradients).",
                "A test accuracy less than half a point below that of 32.",
                [arms.more(TEST, "64", than="32", by=-LITTLE)],
            ),
            Part(
                f"32 is the steadiest ({reading}).",
                "Smaller falls of validation accuracy than with every other batch size.",
                [arms.less(FALL, "32", than=batch) for batch in BATCHES if batch != "32"],
            ),
            Part(
                f"64 tests best ({reading}).",
                "A higher test accuracy than every other batch size.",
                [arms.more(TEST, "64", than=batch) for batch in BATCHES if batch != "64"],
            ),
            Part(
                f"It differs little from 16 and 32 ({reading}).",
                "Test accuracies within half a point of that of 64.",
                [
                    finding
                    for batch in ("16", "32")
                    for finding in arms.close(TEST, batch, to="64", within=LITTLE)
                ],
            ),
        ]
    return Claim(
        73,
        "Batch size of momentum",
        "Momentum bears larger batches than plain gradient descent: 64 tests best, 32 is the "
        "steadiest, and they differ little.",
        parts,
        ["batch-size-momentum", "batch-size-momentum-summed"],
        ["summed", "momentum"],
    )


def batch_size_adam(study: Studies) -> Claim:
    arms = study("batch-size-adam")
    return Claim(
        74,
        "Batch size of Adam",
        "Adam is stable at every batch size, and tests at 94% or more; small batches only make "
        "its loss noisier.",
        [
            Part(
                "It is stable at every batch size.",
                "On average over seeds, the largest fall of validation accuracy between epochs is "
                "below one point.",
                [arms.below(WORST_FALL, batch, 0.01) for batch in BATCHES],
            ),
            Part(
                "Every test score is at least 94%.",
                "A mean test accuracy above 94% at each batch size.",
                [arms.above(TEST, batch, 0.94) for batch in BATCHES],
            ),
            Part(
                "The smaller the batch, the noisier the loss.",
                "A smaller spread of step losses in the last epoch at each next larger batch.",
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
                f"Adam is faster than momentum, momentum than gradient descent ({reading}).",
                "A lower training loss over the first epochs at each step of the order.",
                arms.falling(EARLY_LOSS, order),
            ),
            Part(
                f"The same order of scores by epoch ({reading}).",
                "A higher validation accuracy, mean of all epochs, at each step of the order.",
                arms.rising(WHOLE_ACCURACY, order),
            ),
            Part(
                f"The same order on the test set ({reading}).",
                "A higher test accuracy at each step of the order.",
                arms.rising(TEST, order),
            ),
            Part(
                f"Gradient descent is unsteady ({reading}).",
                "Larger falls of validation accuracy than momentum and Adam.",
                [arms.more(FALL, "SGD", than=other) for other in order[1:]],
            ),
        ]
    return Claim(
        75,
        "Optimizers",
        "At a batch of 16, Adam is ahead of momentum and momentum of plain gradient descent, in "
        "speed, epoch by epoch and on the test set; gradient descent is unsteady.",
        parts,
        ["optimizers", "optimizers-summed"],
        ["summed", "momentum", "adam"],
    )
