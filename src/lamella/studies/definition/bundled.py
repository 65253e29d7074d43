"""Bundled studies: every experiment of the report that lamella grew from, and two tuned ones.

Each is a TOML file in ``bundled`` with the report's hyper-parameters. The data split differs: the
report took its validation images from the test set; here they are held out of the training set, and
all 10,000 test images are used for testing.
"""

from functools import cache
from importlib import resources
from itertools import pairwise, takewhile

from lamella.core.names import expect_known
from lamella.core.wording import counted
from lamella.studies.definition.definition import StudyDefinition

CHAPTERS: dict[str, tuple[str, ...]] = {
    "Learning rate": ("learning-rate",),
    "Batch size": (
        "batch-size-sgd",
        "batch-size-sgd-summed",
        "batch-size-momentum",
        "batch-size-momentum-summed",
        "batch-size-adam",
    ),
    "Optimizers": ("optimizers", "optimizers-summed", "optimizers-tuned"),
    "Softmax classifier and network": ("softmax-vs-mlp",),
    "Loss": ("softmax-loss", "mlp-loss"),
    "Width and depth": ("width", "over-fitting", "depth"),
    "Regularisation": (
        *("regularize-deep", "regularize-wide", "combinations", "lambda", "drop-rate"),
        "l2-tuned",
    ),
    "Declared, but not shown": (
        "softmax-optimizers",
        "softmax-learning-rate",
        "softmax-adam-beta",
        "softmax-momentum-beta",
        "adam-beta",
        "momentum-beta",
        "sgd-learning-rate",
        "momentum-learning-rate",
        "regularized-sgd",
        "regularized-momentum",
        "regularized-adam",
        "dropout",
    ),
}
"""The bundled studies in the report's order. Those of the last chapter are in its code only, apart
from ``sgd-learning-rate``, which its summary needs. Those that tune their arms, which the report
did not, have names that end in "-tuned".
"""

TRAINING_IMAGES, SCORED_IMAGES = 55_000, 15_000
PER_STEP, PER_UPDATE, PER_PRODUCT, PER_SCORE = 6e-5, 1e-10, 2.4e-11, 9e-12
"""Seconds of a step; and per weight of an update, a training image and a scored image."""


def names() -> list[str]:
    """Return the names of the bundled studies, in the report's order."""
    return [name for chapter in CHAPTERS.values() for name in chapter]


def load(name: str) -> StudyDefinition:
    """Return a bundled study.

    Raises
    ------
    ArgumentError
        If there is none of that name; the message has the nearest.
    """
    return StudyDefinition.parse(text(name), f"{name}.toml")


def note(name: str) -> str:
    """Return the remarks on a bundled study: the comment at the top of its file."""
    lines = takewhile(lambda line: line.startswith("#"), text(name).splitlines())
    return " ".join(line.lstrip("# ") for line in lines)


def summary(name: str) -> str:
    """Return the question, size and estimated time of a bundled study in one line."""
    study = load(name)
    runs = f"{len(study.arms)} arms, {len(study.seeds)} seeds"
    if study.tuning is not None:
        runs += f", {len(next(iter(study.tuning['trials'].values())))} trials of each arm"
    return f"{study.question} {runs}, {duration(seconds(study))}"


def seconds(study: StudyDefinition) -> float:
    """Estimate the time that a study of MLPs or softmax classifiers takes on one core.

    The estimate uses the numbers of weights, batches and epochs, for a core of 2020 and compiled
    loops, which the extra ``fast`` installs, and is right to about a third. numpy alone takes two
    to four times as long.
    """
    total, runs = 0.0, len(study.seeds)
    if study.tuning is not None:  # each arm is also trained with the choices of all others
        tried = len(study.tuning["seeds"]) * len(next(iter(study.tuning["trials"].values())))
        runs = runs * len(study.arms) + tried
    for experiment in study.experiments.values():
        widths = [784, *experiment.model.get("hidden", []), experiment.model.get("classes", 10)]
        weights = sum(a * b for a, b in pairwise(widths))
        images = min(experiment.samples or TRAINING_IMAGES, TRAINING_IMAGES)
        steps = images / experiment.batch_size
        by_weight = steps * PER_UPDATE + images * PER_PRODUCT + SCORED_IMAGES * PER_SCORE
        epoch = steps * PER_STEP + by_weight * weights
        total += runs * experiment.epochs * epoch
    return total


def duration(seconds: float) -> str:
    """Return a time as rounded text: "about 3 minutes on one core"."""
    minutes = seconds / 60
    if minutes < 1:
        return "under a minute on one core"
    if minutes < 90:
        return f"about {_rounded(minutes)} on one core"
    return f"about {minutes / 60:.1f} hours on one core"


def original(study: StudyDefinition) -> bool:
    """Whether a study equals the bundled one of its name, apart from epochs, samples and seeds."""
    if study.name not in names():
        return False
    ours = load(study.name)
    return (_uncut(study), *_arms(study)) == (_uncut(ours), *_arms(ours))


def cut(study: StudyDefinition) -> str:
    """Describe how a study is smaller than the bundled one of its name; empty if it is not."""
    ours = load(study.name)
    less = []
    if len(study.seeds) < len(ours.seeds):
        less.append(f"{len(study.seeds)} of {len(ours.seeds)} seeds")
    if study.tuning and ours.tuning and len(study.tuning["seeds"]) < len(ours.tuning["seeds"]):
        less.append(f"{len(study.tuning['seeds'])} of {len(ours.tuning['seeds'])} tuning seeds")
    if study.base["epochs"] < ours.base["epochs"]:
        less.append(f"{study.base['epochs']} of {ours.base['epochs']} epochs")
    if study.base.get("samples"):
        less.append(f"{study.base['samples']:,} of the training images")
    return ", ".join(less)


def _uncut(study: StudyDefinition) -> dict[str, object]:
    return {key: item for key, item in study.base.items() if key not in ("epochs", "samples")}


def _arms(study: StudyDefinition) -> tuple[object, object]:
    """Return the arms before tuning, and the settings to try."""
    tuning = study.tuning
    return (study.arms, None) if tuning is None else (tuning["arms"], tuning["trials"])


def _rounded(minutes: float) -> str:
    number = round(minutes) if minutes < 10 else 5 * round(minutes / 5)
    return counted(number, "minute")


@cache
def text(name: str) -> str:
    """Return the TOML text of a bundled study.

    Raises
    ------
    ArgumentError
        If there is none of that name; the message has the nearest.
    """
    expect_known("the bundled study", name, names())
    folder = resources.files("lamella.studies") / "bundled"
    return (folder / f"{name}.toml").read_text(encoding="utf-8")
