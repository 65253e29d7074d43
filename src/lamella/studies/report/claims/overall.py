"""Claim 86: the summary of the report, tested by most of its studies."""

from dataclasses import replace

from lamella.studies.report.claims.claim import Claim, Part
from lamella.studies.report.claims.evidence import SeedValues, compare_values
from lamella.studies.report.claims.learning import Studies
from lamella.studies.report.claims.measures import CLEARLY, EARLY_ACCURACY, FALL, GAP, TEST, TRAIN
from lamella.studies.report.claims.regularization import NEGLIGIBLE

CHANCE = 0.1
"""Accuracy of random guessing, which stands for diverged runs."""

SPREAD = replace(
    TEST, name="spread", label="test accuracy, best arm minus worst", higher_is_better=False
)
READINGS = {"mean": "", "summed": "-summed"}
ADAM_SIZES = "batch-size-adam"
RATES = ("momentum-learning-rate", "learning-rate")
NAMES = {
    "batch-size-sgd": "gradient descent",
    "batch-size-sgd-summed": "gradient descent",
    "batch-size-momentum": "momentum",
    "batch-size-momentum-summed": "momentum",
    "batch-size-adam": "Adam",
    "momentum-learning-rate": "momentum",
    "learning-rate": "Adam",
}
"""Optimizer of each study of batch sizes or learning rates."""


def summary(study: Studies) -> Claim:
    adam, lambdas, drops = study("learning-rate"), study("lambda"), study("drop-rate")
    normed = {name: study(name) for name in ("regularize-deep", "regularize-wide")}
    return Claim(
        86,
        "The report's summary",
        "Gradient descent and momentum are sensitive to batch size and learning rate, Adam is not. "
        "Too large a learning rate misses the optimum, and too small a one is slow. BatchNorm "
        "smooths convergence. Lambda and drop rate need tuning.",
        [
            *[
                Part(
                    f"Gradient descent and momentum are more sensitive to batch size than Adam "
                    f"({reading} gradients).",
                    "A wider range of test accuracies from 16 to 256 than Adam.",
                    [
                        compare_values(
                            SPREAD, _spread(study, name + summed), _spread(study, ADAM_SIZES)
                        )
                        for name in ("batch-size-sgd", "batch-size-momentum")
                    ],
                )
                for reading, summed in READINGS.items()
            ],
            Part(
                "Momentum is more sensitive to the learning rate than Adam.",
                "A wider range of test accuracies from 5e-4 to 5e-1 than Adam. A diverged run "
                "counts as 10%, the accuracy of guessing.",
                [compare_values(SPREAD, *(_spread(study, name) for name in RATES))],
            ),
            Part(
                "Too large a learning rate misses the optimum.",
                "With Adam, a lower test accuracy at 5e-1 than at 5e-3 and 5e-4.",
                [adam.less(TEST, "5e-1", than=rate) for rate in ("5e-3", "5e-4")],
            ),
            Part(
                "Too small a learning rate is slow.",
                "With Adam, a lower validation accuracy over the first epochs at 5e-4 than 5e-3.",
                [adam.less(EARLY_ACCURACY, "5e-4", than="5e-3")],
            ),
            Part(
                "BatchNorm smooths convergence.",
                "Validation accuracy decreases less between epochs, in deep and wide networks.",
                [arms.less(FALL, "BatchNorm", than="none") for arms in normed.values()],
            ),
            Part(
                "Too large a lambda under-fits.",
                "At lambda = 1e-2, a training accuracy more than one point below none.",
                [lambdas.less(TRAIN, "1e-2", than="none", by=CLEARLY)],
            ),
            Part(
                "Too small a lambda does not reduce over-fitting.",
                "At 1e-4/64, the gap between training and test accuracy is within 0.1 points of "
                "none.",
                lambdas.close(GAP, "1e-4/64", to="none", within=NEGLIGIBLE),
            ),
            Part(
                "Too large a drop rate under-fits.",
                "At 0.1, a training accuracy more than one point below none.",
                [drops.less(TRAIN, "0.1", than="none", by=CLEARLY)],
            ),
            Part(
                "Too small a drop rate does not reduce over-fitting.",
                "At 0.01, the gap between training and test accuracy is within 0.1 points of none.",
                drops.close(GAP, "0.01", to="none", within=NEGLIGIBLE),
            ),
        ],
        [*NAMES, *normed, "lambda", "drop-rate"],
        ["summed", "batchnorm"],
    )


def _spread(study: Studies, name: str) -> SeedValues:
    """Return the test accuracy of the best arm minus the worst, by seed."""
    return replace(study(name).spread(TEST, CHANCE), name=NAMES[name])
