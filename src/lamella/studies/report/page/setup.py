"""Set-up of a study: fixed fields, and fields that differ between arms."""

from collections import Counter
from fractions import Fraction
from typing import Any

from lamella.studies.analysis.runs import Runs
from lamella.studies.definition.tables import part_text

LABELS = {
    "lr": "learning rate",
    "beta1": "beta",
    "l2": "L2 penalty",
    "batch_norm": "BatchNorm",
    "batch_size": "batch size",
    "validation_split": "held out for validation",
    "samples": "training samples",
    "class_weight": "weights of the classes",
    "augment": "augmentation",
    "metrics": "further metrics",
    "clip_norm": "gradients clipped at norm",
}
LOSSES = {
    "SoftmaxCrossEntropy": "cross-entropy",
    "MeanSquaredError": "squared distance (L2)",
    "MeanAbsoluteError": "absolute distance (L1)",
}
OPTIMIZERS = {"SGD": "gradient descent (SGD)"}
DEFAULTS: dict[str, Any] = {
    "beta": 0.9,
    "beta1": 0.9,
    "beta2": 0.999,
    "eps": 1e-8,
    "nesterov": False,
    "batch_norm": False,
    "dropout": 0.0,
    "l2": 0.0,
    "dtype": "float32",
    "metrics": [],
    "callbacks": [],
}
"""Defaults of lamella, which are omitted if all arms have them."""


def setup(results: Runs) -> tuple[list[tuple[str, str]], list[tuple[str, dict[str, str]]]]:
    """Return the fixed fields as (name, value), and the varied ones as (name, {arm: value}).

    Both are empty without runs.
    """
    arms = {
        run.arm: _fields(run.config["experiment"], run.config.get("data", {}))
        for run in results.runs
    }
    names = dict.fromkeys(name for fields in arms.values() for name in fields)
    fixed, varied = [], []
    for name in names:
        values = {arm: fields.get(name) for arm, fields in arms.items()}
        if all(value is None or value == DEFAULTS.get(name) for value in values.values()):
            continue
        texts = {arm: _show(name, value) for arm, value in values.items()}
        if len(set(texts.values())) > 1:
            varied.append((name, _merge_common(texts)))
        else:
            fixed.append((name, next(iter(texts.values()))))
    return fixed, varied


def _merge_common(values: dict[str, str]) -> dict[str, str]:
    """Merge the arms with the most common value into "all others"."""
    common, count = Counter(values.values()).most_common(1)[0]
    if count < 2 or len(values) < 4:
        return values
    return {arm: value for arm, value in values.items() if value != common} | {"all others": common}


def _fields(experiment: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    """Return an experiment as a flat table. Hyper-parameters keep their names."""
    model, optimizer = dict(experiment["model"]), dict(experiment["optimizer"])
    fields: dict[str, Any] = {"network": _network(model, data.get("inputs"))}
    for name in ("class", "hidden", "classes", "outputs", "layers", "backend", "seed", "name"):
        model.pop(name, None)
    fields |= model
    fields["loss"] = LOSSES.get(experiment["loss"]["class"], part_text(experiment["loss"]))
    rule = optimizer.pop("class")
    fields["update rule"] = OPTIMIZERS.get(rule, rule)
    fields |= optimizer
    for name in ("batch_size", "epochs", "validation_split", "samples"):
        fields[name] = experiment[name]
    if "validation" in data:
        fields |= {"validation_split": None, "validation": "a set of its own"}
    for name in ("class_weight", "augment", "metrics", "callbacks", "vary"):
        fields[name] = experiment.get(name)
    if not experiment["shuffle"]:
        fields["order of the samples"] = "as in the file, in every epoch"
    return fields


def _network(model: dict[str, Any], inputs: int | None) -> str:
    if model["class"] in ("MLP", "SoftmaxClassifier"):
        last = model.get("outputs") or model.get("classes", 10)
        widths = [inputs, *model.get("hidden", []), last]
        return " – ".join(str(width) for width in widths if width is not None)
    if "layers" in model:
        return ", ".join(part_text(layer) for layer in model["layers"])
    return str(model["class"])


def _show(name: str, value: Any) -> str:
    if name == "samples":
        return "all" if value is None else f"{value:,}, including the validation samples"
    if name == "validation_split":
        return f"{Fraction(value).limit_denominator(1000)} of the training samples"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "–"
    if isinstance(value, list):
        return ", ".join(map(part_text, value)) or "none"
    if isinstance(value, float):
        return f"{value:.5g}" if value else "0"
    return part_text(value)


def label(name: str) -> str:
    """Return the label of a field on the page."""
    return LABELS.get(name, name)
