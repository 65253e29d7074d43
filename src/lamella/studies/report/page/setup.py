"""The set-up of a study in words: what is held equal, and what varies from arm to arm."""

from collections import Counter
from fractions import Fraction
from typing import Any

from lamella.studies.analysis.runs import Runs

WORDS = {
    "lr": "learning rate",
    "beta1": "beta",
    "l2": "L2 penalty",
    "batch_norm": "BatchNorm",
    "batch_size": "batch size",
    "validation_split": "held out for validation",
    "samples": "training images",
    "clip_norm": "gradients clipped at norm",
}
LOSSES = {
    "SoftmaxCrossEntropy": "cross-entropy",
    "MeanSquaredError": "squared distance (L2)",
    "MeanAbsoluteError": "absolute distance (L1)",
}
OPTIMIZERS = {"SGD": "gradient descent (SGD)"}
UNSAID: dict[str, Any] = {
    "beta": 0.9,
    "beta1": 0.9,
    "beta2": 0.999,
    "eps": 1e-8,
    "nesterov": False,
    "batch_norm": False,
    "dropout": 0.0,
    "l2": 0.0,
    "dtype": "float32",
}
"""Not mentioned while every arm has them: they are what lamella does by itself."""

Facts = dict[str, Any]


def setup(results: Runs) -> tuple[list[tuple[str, str]], list[tuple[str, dict[str, str]]]]:
    """Return what is held equal, as (word, value), and what varies, as (word, {arm: value}).

    Empty if nothing was run.
    """
    arms = {run.arm: _facts(run.config["experiment"]) for run in results.runs}
    words = dict.fromkeys(word for facts in arms.values() for word in facts)
    held, varied = [], []
    for word in words:
        values = {arm: facts.get(word) for arm, facts in arms.items()}
        if all(_unsaid(word, value) for value in values.values()):
            continue
        told = {arm: _show(word, value) for arm, value in values.items()}
        if len(set(told.values())) > 1:
            varied.append((word, _apart(told)))
        else:
            held.append((word, next(iter(told.values()))))
    return held, varied


def _apart(values: dict[str, str]) -> dict[str, str]:
    """Name the arms that stand apart, and say of all others together what they have."""
    common, count = Counter(values.values()).most_common(1)[0]
    if count < 2 or len(values) < 4:
        return values
    return {arm: value for arm, value in values.items() if value != common} | {"all others": common}


def _facts(experiment: dict[str, Any]) -> Facts:
    """Return an experiment as a flat table in people's words; hyper-parameters keep their names."""
    model, optimizer = dict(experiment["model"]), dict(experiment["optimizer"])
    facts: Facts = {"network": _network(model)}
    for name in ("class", "hidden", "classes", "layers", "backend", "seed", "name"):
        model.pop(name, None)
    facts |= model
    facts["loss"] = LOSSES.get(experiment["loss"]["class"], _part(experiment["loss"]))
    rule = optimizer.pop("class")
    facts["update rule"] = OPTIMIZERS.get(rule, rule)
    facts |= optimizer
    for name in ("batch_size", "epochs", "validation_split", "samples"):
        facts[name] = experiment[name]
    if not experiment["shuffle"]:
        facts["order of the images"] = "as in the file, in every epoch"
    return facts


def _network(model: dict[str, Any]) -> str:
    if model["class"] in ("MLP", "SoftmaxClassifier"):
        widths = [784, *model.get("hidden", []), model.get("classes", 10)]
        return " – ".join(map(str, widths))
    if "layers" in model:
        return ", ".join(_part(layer) for layer in model["layers"])
    return str(model["class"])


def _part(table: Any) -> str:
    if not isinstance(table, dict) or "class" not in table:
        return str(table)
    given = [f"{name}={_part(value)}" for name, value in table.items() if name != "class"]
    return f"{table['class']}({', '.join(given)})"


def _unsaid(word: str, value: Any) -> bool:
    return value is None or (word in UNSAID and value == UNSAID[word])


def _show(word: str, value: Any) -> str:
    if word == "samples":
        return "all" if value is None else f"{value:,} and what is held out of them"
    if word == "validation_split":
        return f"{Fraction(value).limit_denominator(1000)} of the training images"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "–"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, float):
        return f"{value:.5g}" if value else "0"
    return _part(value)


def word(name: str) -> str:
    """Return what a field is called on the page."""
    return WORDS.get(name, name)
