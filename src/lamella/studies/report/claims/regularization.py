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
NEGLIGIBLE = 0.001
"""A negligible gain in test accuracy: a tenth of a percentage point."""
COLLAPSE = 0.05
"""A loss of test accuracy that is called a collapse: five percentage points."""


def deep(study: Studies) -> Claim:
    arms = study("regularize-deep")
    others = ["none", "BatchNorm", "Dropout", "Dropout, text"]
    parts = []
    for arm in ("BatchNorm", *READINGS):
        parts += [
            Part(
                f"{_name(arm)} lowers the loss.",
                "A lower final loss on the training images, without the penalty.",
                [arms.less(TRAIN_LOSS, arm, than="none")],
            ),
            Part(
                f"{_name(arm)} raises the accuracy faster.",
                "A higher mean validation accuracy over the first epochs.",
                [arms.more(EARLY_ACCURACY, arm, than="none")],
            ),
        ]
    parts.append(
        Part(
            "The network does not train properly with dropout.",
            "A test accuracy more than one point below none, in both readings of the rates.",
            [arms.less(TEST, arm, than="none", by=CLEARLY) for arm in others[2:]],
        )
    )
    parts += [
        Part(
            f"{_name(arm)} tests best.",
            "A higher test accuracy than none, BatchNorm and dropout.",
            [arms.more(TEST, arm, than=other) for other in others],
        )
        for arm in READINGS
    ]
    return Claim(
        81,
        "Regularisation of a deep network",
        "L2 and BatchNorm lower the loss and raise the accuracy faster. Dropout does not train "
        "properly. L2 tests best.",
        parts,
        ["regularize-deep"],
        ["batchnorm", "dropout", "lambda"],
    )


def wide(study: Studies) -> Claim:
    arms = study("regularize-wide")
    parts = [
        Part(
            "Dropout makes the loss oscillate.",
            "A higher standard deviation of the step losses in the last epoch than none.",
            [arms.more(JITTER, "Dropout", than="none")],
        )
    ]
    for arm in READINGS:
        parts += [
            Part(
                f"{_name(arm)} restricts capacity.",
                "A training accuracy more than one point below none.",
                [arms.less(TRAIN, arm, than="none", by=CLEARLY)],
            ),
            Part(
                f"{_name(arm)} lowers the accuracy.",
                "A lower test accuracy than none.",
                [arms.less(TEST, arm, than="none")],
            ),
        ]
    return Claim(
        82,
        "Regularisation of a wide network",
        "Dropout makes the loss oscillate. L2 with 0.01 restricts capacity and accuracy.",
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
        "Combinations bring no gain. Dropout with BatchNorm is the best of them, and dropout with "
        "L2 collapses.",
        [
            Part(
                "Combinations bring no gain.",
                "No combination has a test accuracy 0.1 points or more above none.",
                [arms.less(TEST, arm, than="none", by=-NEGLIGIBLE) for arm in (best, *rest)],
            ),
            Part(
                "Dropout with BatchNorm is the best combination.",
                "A higher test accuracy than every other combination.",
                [arms.more(TEST, best, than=other) for other in rest],
            ),
            *[
                Part(
                    f"Dropout with L2 collapses ({reading}).",
                    "A test accuracy more than five points below none.",
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
        "A larger lambda lowers the accuracy.",
        [
            Part(
                f"Each larger lambda lowers the accuracy ({reading}).",
                "The test accuracy decreases in the order none, 1e-4, 1e-3, 1e-2.",
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
        "A larger drop rate lowers the accuracy. 0.01 smooths the curve, 0.1 makes it oscillate.",
        [
            Part(
                "Each larger drop rate lowers the accuracy.",
                "The test accuracy decreases in the order none, 0.01, 0.1.",
                arms.falling(TEST, ["none", "0.01", "0.1"]),
            ),
            Part(
                "0.01 smooths the curve.",
                "Validation accuracy decreases less between epochs than with none.",
                [arms.less(FALL, "0.01", than="none")],
            ),
            Part(
                "0.1 makes the curve oscillate.",
                "Validation accuracy decreases more between epochs than with none.",
                [arms.more(FALL, "0.1", than="none")],
            ),
        ],
        ["drop-rate"],
        ["dropout", "seeds"],
    )


def _name(arm: str) -> str:
    return f"{arm.replace('L2 0.01/64', 'L2 0.01')} ({READINGS[arm]})" if arm in READINGS else arm
