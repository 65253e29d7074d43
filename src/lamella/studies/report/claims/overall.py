"""Claim 86: the report's summary, which draws on most of its studies."""

from dataclasses import replace

from lamella.studies.report.claims.claim import Claim, Part
from lamella.studies.report.claims.evidence import Numbers, compare
from lamella.studies.report.claims.learning import Studies
from lamella.studies.report.claims.measures import CLEARLY, EARLY_ACCURACY, FALL, GAP, TEST, TRAIN
from lamella.studies.report.claims.regularization import NOTHING

GUESS = 0.1
"""Accuracy of guessing, which stands for runs that diverged."""

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
"""What the studies vary batch size or learning rate of."""


def summary(study: Studies) -> Claim:
    adam, lambdas, drops = study("learning-rate"), study("lambda"), study("drop-rate")
    normed = {name: study(name) for name in ("regularize-deep", "regularize-wide")}
    return Claim(
        86,
        "The report's summary",
        "Gradient descent and momentum are sensitive to batch and step size and Adam is tolerant; "
        "too long a step misses the optimum and too short a one is slow; BatchNorm smooths; lambda "
        "and drop rate need tuning.",
        [
            *[
                Part(
                    f"Batch size matters more to gradient descent and momentum than to Adam "
                    f"({reading} gradients).",
                    "Test accuracies from 16 to 256 lie further apart than Adam's.",
                    [
                        compare(SPREAD, _spread(study, name + summed), _spread(study, ADAM_SIZES))
                        for name in ("batch-size-sgd", "batch-size-momentum")
                    ],
                )
                for reading, summed in READINGS.items()
            ],
            Part(
                "The learning rate matters more to momentum than to Adam.",
                "Test accuracies from 5e-4 to 5e-1 lie further apart than Adam's; a run that "
                "diverged counts as guessing, 10%.",
                [compare(SPREAD, *(_spread(study, name) for name in RATES))],
            ),
            Part(
                "Too long a step misses the optimum.",
                "With Adam, 5e-1 tests worse than 5e-3 and than 5e-4.",
                [adam.less(TEST, "5e-1", than=rate) for rate in ("5e-3", "5e-4")],
            ),
            Part(
                "Too short a step is slow.",
                "With Adam, a lower validation accuracy over the first epochs at 5e-4 than 5e-3.",
                [adam.less(EARLY_ACCURACY, "5e-4", than="5e-3")],
            ),
            Part(
                "BatchNorm makes convergence smoother.",
                "From epoch to epoch, smaller falls of validation accuracy, deep and wide.",
                [arms.less(FALL, "BatchNorm", than="none") for arms in normed.values()],
            ),
            Part(
                "Too large a lambda under-fits.",
                "A training accuracy more than one point below none, with 1e-2 not divided.",
                [lambdas.less(TRAIN, "1e-2", than="none", by=CLEARLY)],
            ),
            Part(
                "Too small a lambda does not cure over-fitting.",
                "With 1e-4/64 the gap of training and test accuracy is as wide as without, to "
                "within 0.1 points.",
                lambdas.close(GAP, "1e-4/64", to="none", within=NOTHING),
            ),
            Part(
                "Too large a drop rate under-fits.",
                "A training accuracy more than one point below none, with 0.1.",
                [drops.less(TRAIN, "0.1", than="none", by=CLEARLY)],
            ),
            Part(
                "Too small a drop rate does not cure over-fitting.",
                "With 0.01 the gap of training and test accuracy is as wide as without, to within "
                "0.1 points.",
                drops.close(GAP, "0.01", to="none", within=NOTHING),
            ),
        ],
        [*NAMES, *normed, "lambda", "drop-rate"],
        ["summed", "batchnorm"],
    )


def _spread(study: Studies, name: str) -> Numbers:
    """Return how far the arms of a study lie apart, best minus worst, by seed."""
    return replace(study(name).spread(TEST, GUESS), name=NAMES[name])
