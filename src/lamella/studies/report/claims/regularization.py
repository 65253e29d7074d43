"""Claims 81 to 85: regularisation."""

from lamella.studies.report.claims.claim import Claim, Part
from lamella.studies.report.claims.learning import Studies
from lamella.studies.report.claims.measures import (
    CLEARLY,
    EARLY_ACCURACY,
    FALL,
    JITTER,
    TEST,
    TRAIN,
    TRAIN_LOSS,
)

READINGS = {"L2 0.01": "lambda", "L2 0.01/64": "lambda / batch"}
NOTHING = 0.001
"""A gain in test accuracy that is not worth the name: a tenth of a point."""
COLLAPSE = 0.05
"""Five points."""


def deep(study: Studies) -> Claim:
    arms = study("regularize-deep")
    others = ["none", "BatchNorm", "Dropout", "Dropout, text"]
    parts = []
    for arm in ("BatchNorm", *READINGS):
        parts += [
            Part(
                f"{_named(arm)} lowers the loss.",
                "A lower loss on the training images after the last epoch (without the penalty).",
                [arms.less(TRAIN_LOSS, arm, than="none")],
            ),
            Part(
                f"{_named(arm)} speeds the score up.",
                "A higher validation accuracy on average over the first epochs.",
                [arms.more(EARLY_ACCURACY, arm, than="none")],
            ),
        ]
    parts.append(
        Part(
            "With dropout the network does not train properly.",
            "A test accuracy more than one point below that without, however the rates are read.",
            [arms.less(TEST, arm, than="none", by=CLEARLY) for arm in others[2:]],
        )
    )
    parts += [
        Part(
            f"{_named(arm)} tests best.",
            "A higher test accuracy than none, BatchNorm and dropout.",
            [arms.more(TEST, arm, than=other) for other in others],
        )
        for arm in READINGS
    ]
    return Claim(
        81,
        "Regularisation of a deep network",
        "L2 and BatchNorm lower the loss and speed the score up; dropout does not train properly; "
        "L2 tests best.",
        parts,
        ["regularize-deep"],
        ["batchnorm", "dropout", "lambda"],
    )


def wide(study: Studies) -> Claim:
    arms = study("regularize-wide")
    parts = [
        Part(
            "Dropout makes the loss oscillate.",
            "A wider spread of step losses in the last epoch than without.",
            [arms.more(JITTER, "Dropout", than="none")],
        )
    ]
    for arm in READINGS:
        parts += [
            Part(
                f"{_named(arm)} restricts what the network can learn.",
                "A training accuracy more than one point below that without.",
                [arms.less(TRAIN, arm, than="none", by=CLEARLY)],
            ),
            Part(
                f"{_named(arm)} scores low.",
                "A lower test accuracy than without.",
                [arms.less(TEST, arm, than="none")],
            ),
        ]
    return Claim(
        82,
        "Regularisation of a wide network",
        "Dropout makes the loss oscillate; L2 with 0.01 restricts capacity and scores low.",
        parts,
        ["regularize-wide"],
        ["dropout", "lambda"],
    )


def combinations(study: Studies) -> Claim:
    arms = study("combinations")
    best = "Dropout + BatchNorm"
    rest = [f"Dropout + {reading}{more}" for more in ("", " + BatchNorm") for reading in READINGS]
    return Claim(
        83,
        "Combinations of regularisation",
        "Combining brings nothing; dropout with BatchNorm is the best of them, and dropout with L2 "
        "collapses.",
        [
            Part(
                "Combining brings nothing.",
                "No combination tests 0.1 points or more above none at all.",
                [arms.less(TEST, arm, than="none", by=-NOTHING) for arm in (best, *rest)],
            ),
            Part(
                "Dropout with BatchNorm is the best combination.",
                "A higher test accuracy than every other combination.",
                [arms.more(TEST, best, than=other) for other in rest],
            ),
            *[
                Part(
                    f"Dropout with L2 collapses ({reading}).",
                    "A test accuracy more than five points below none at all.",
                    [arms.less(TEST, f"Dropout + {arm}", than="none", by=COLLAPSE)],
                )
                for arm, reading in READINGS.items()
            ],
        ],
        ["combinations"],
        ["dropout", "batchnorm", "lambda"],
    )


def strength(study: Studies) -> Claim:
    arms = study("lambda")
    return Claim(
        84,
        "Strength of the L2 penalty",
        "The larger lambda, the lower the accuracy.",
        [
            Part(
                f"Accuracy falls with every larger lambda ({reading}).",
                "A lower test accuracy at each step: none, 1e-4, 1e-3, 1e-2.",
                arms.falling(
                    TEST, ["none", *(f"{rate}{over}" for rate in ("1e-4", "1e-3", "1e-2"))]
                ),
            )
            for over, reading in (("", "lambda"), ("/64", "lambda / batch"))
        ],
        ["lambda"],
        ["lambda", "seeds"],
    )


def drop_rate(study: Studies) -> Claim:
    arms = study("drop-rate")
    return Claim(
        85,
        "Drop rate",
        "The larger the drop rate, the lower the accuracy; 0.01 smooths the curve, 0.1 makes it "
        "oscillate.",
        [
            Part(
                "Accuracy falls with every larger drop rate.",
                "A lower test accuracy at each step: none, 0.01, 0.1.",
                arms.falling(TEST, ["none", "0.01", "0.1"]),
            ),
            Part(
                "0.01 gives a smoother curve.",
                "From epoch to epoch, smaller falls of validation accuracy than without.",
                [arms.less(FALL, "0.01", than="none")],
            ),
            Part(
                "0.1 oscillates.",
                "From epoch to epoch, larger falls of validation accuracy than without.",
                [arms.more(FALL, "0.1", than="none")],
            ),
        ],
        ["drop-rate"],
        ["dropout", "seeds"],
    )


def _named(arm: str) -> str:
    return f"{arm.replace('L2 0.01/64', 'L2 0.01')} ({READINGS[arm]})" if arm in READINGS else arm
