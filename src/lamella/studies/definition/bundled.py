"""The studies that come with lamella: every experiment of the report that it grew from.

Each is a TOML file in ``bundled``, with the report's hyper-parameters. The data are another
matter: the report took its validation images from the test set, here they are held out of the
training set, and all 10,000 test images are left for the test.
"""

from functools import cache
from importlib import resources
from itertools import pairwise, takewhile

from lamella.studies.definition.definition import StudyDefinition
from lamella.studies.definition.tables import expect_known

CHAPTERS: dict[str, tuple[str, ...]] = {
    "Learning rate": ("learning-rate",),
    "Batch size": (
        "batch-size-sgd",
        "batch-size-sgd-summed",
        "batch-size-momentum",
        "batch-size-momentum-summed",
        "batch-size-adam",
    ),
    "Optimizers": ("optimizers", "optimizers-summed"),
    "Softmax classifier and network": ("softmax-vs-mlp",),
    "Loss": ("softmax-loss", "mlp-loss"),
    "Width and depth": ("width", "over-fitting", "depth"),
    "Regularisation": (
        "regularize-deep",
        "regularize-wide",
        "combinations",
        "lambda",
        "drop-rate",
    ),
    "Declared, but not shown": (
        "softmax-optimizers",
        "softmax-learning-rate",
        "softmax-adam-beta",
        "softmax-momentum-beta",
        "adam-beta",
        "momentum-beta",
        "momentum-learning-rate",
        "regularized-sgd",
        "regularized-momentum",
        "regularized-adam",
        "dropout",
    ),
}
"""The bundled studies in the report's order; the last chapter's are in its code only."""

TRAINED_ON, LOOKED_AT = 55_000, 15_000
PER_STEP, PER_WEIGHT, PER_PRODUCT, PER_LOOK = 1.5e-4, 2.5e-9, 4e-11, 1.5e-11
"""Seconds: of each step, of its update by weight, of training by image and weight, of scoring."""


def names() -> list[str]:
    """Return the names of the bundled studies, in the report's order."""
    return [name for chapter in CHAPTERS.values() for name in chapter]


def load(name: str) -> StudyDefinition:
    """Return a bundled study.

    Raises
    ------
    ArgumentError
        If there is none of that name; the nearest is named.
    """
    return StudyDefinition.parse(text(name), f"{name}.toml")


def note(name: str) -> str:
    """Return what has to be known about a bundled study: the comment its file begins with."""
    lines = takewhile(lambda line: line.startswith("#"), text(name).splitlines())
    return " ".join(line.lstrip("# ") for line in lines)


def summary(name: str) -> str:
    """Return in one line what a bundled study asks, its size, and how long it takes."""
    study = load(name)
    runs = f"{len(study.arms)} arms, {len(study.seeds)} seeds"
    return f"{study.question} {runs}, {duration(seconds(study))}"


def seconds(study: StudyDefinition) -> float:
    """Return about how long a study of MLPs or softmax classifiers takes on one core.

    Estimated from numbers of weights, batches and epochs for a core of 2020; right to a factor
    of two or so.
    """
    total = 0.0
    for experiment in study.experiments.values():
        widths = [784, *experiment.model.get("hidden", []), experiment.model.get("classes", 10)]
        weights = sum(a * b for a, b in pairwise(widths))
        images = min(experiment.samples or TRAINED_ON, TRAINED_ON)
        steps = images / experiment.batch_size
        by_weight = steps * PER_WEIGHT + images * PER_PRODUCT + LOOKED_AT * PER_LOOK
        epoch = steps * PER_STEP + by_weight * weights
        total += len(study.seeds) * experiment.epochs * epoch
    return total


def duration(seconds: float) -> str:
    """Return a time as people say it: "about 3 minutes on one core"."""
    minutes = seconds / 60
    if minutes < 1:
        return "under a minute on one core"
    if minutes < 90:
        return f"about {_rounded(minutes)} on one core"
    return f"about {minutes / 60:.1f} hours on one core"


def original(study: StudyDefinition) -> bool:
    """Whether a study is the bundled one of its name; epochs, samples and seeds may be cut."""
    if study.name not in names():
        return False
    ours = load(study.name)
    return (_uncut(study), study.arms) == (_uncut(ours), ours.arms)


def cut(study: StudyDefinition) -> str:
    """Return what a study has less of than the bundled one of its name; empty if nothing."""
    ours = load(study.name)
    less = []
    if len(study.seeds) < len(ours.seeds):
        less.append(f"{len(study.seeds)} of {len(ours.seeds)} seeds")
    if study.base["epochs"] < ours.base["epochs"]:
        less.append(f"{study.base['epochs']} of {ours.base['epochs']} epochs")
    if study.base.get("samples"):
        less.append(f"{study.base['samples']:,} of the training images")
    return ", ".join(less)


def _uncut(study: StudyDefinition) -> dict[str, object]:
    return {key: item for key, item in study.base.items() if key not in ("epochs", "samples")}


def _rounded(minutes: float) -> str:
    number = round(minutes) if minutes < 10 else 5 * round(minutes / 5)
    return f"{number} minute{'s' * (number > 1)}"


@cache
def text(name: str) -> str:
    """Return the TOML text of a bundled study.

    Raises
    ------
    ArgumentError
        If there is none of that name; the nearest is named.
    """
    expect_known("the bundled study", name, names())
    folder = resources.files("lamella.studies") / "bundled"
    return (folder / f"{name}.toml").read_text(encoding="utf-8")
