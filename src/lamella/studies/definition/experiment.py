"""Experiment: all settings of a training except the seed and the data."""

import inspect
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

from lamella.backend import get_backend
from lamella.core.errors import ArgumentError
from lamella.core.names import expect_known
from lamella.core.validation import at_least, in_range, instance, one_of
from lamella.losses import Loss
from lamella.losses.metrics import Metric, get_metrics
from lamella.models.classifiers import LOSSES
from lamella.models.loading import KNOWN
from lamella.models.sequential import Sequential
from lamella.optimizers import Optimizer
from lamella.studies.definition.fields import NOT_IN_MODEL, model_fields, part_names
from lamella.studies.definition.sources import (
    SOURCES,
    VariedStreams,
    check_vary,
    sources_text,
)
from lamella.studies.definition.tables import (
    Known,
    Table,
    arguments,
    arguments_from_table,
    call,
    from_table,
    merge,
    to_table,
)
from lamella.training.augment import Augment
from lamella.training.callbacks import (
    Callback,
    EarlyStopping,
    GradientNorms,
    ReduceLROnPlateau,
    TerminateOnNaN,
    WeightAverage,
)
from lamella.training.callbacks.weight_average import expect_one_average
from lamella.training.checkpoints.code_digest import code_digest

DEFAULTS: Table = {
    "loss": {"class": "SoftmaxCrossEntropy"},
    "optimizer": {"class": "Adam", "lr": 5e-4},
    "batch_size": 64,
    "epochs": 5,
    "shuffle": True,
    "validation_split": 1 / 12,
    "samples": None,
    "class_weight": None,
    "augment": None,
    "metrics": [],
    "callbacks": [],
    "vary": None,
}
FIELDS = ("model", *DEFAULTS)
CALLBACKS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (EarlyStopping, GradientNorms, ReduceLROnPlateau, TerminateOnNaN, WeightAverage)
}
HINT = "Augment(rotate=10)"
T = TypeVar("T")


@dataclass(frozen=True)
class Experiment:
    """Settings of a training with all defaults filled in, so that equal trainings compare equal.

    Attributes
    ----------
    model : table
        Class and hyper-parameters of a `Sequential`, without seed, loss and optimizer.
    loss, optimizer : table
        SoftmaxCrossEntropy() and Adam(5e-4) by default, for every model but an `MLP` with
        ``outputs``, whose loss is "L2". A loss may also be "cross-entropy", "L2" or "L1".
    batch_size, epochs, shuffle, validation_split
        As in `Sequential.fit`; 64, 5, True and 1/12 by default.
    samples : int or None
        Number of training samples to train and validate on: the first in an order drawn from
        the seed, so that smaller sets are subsets of larger ones. None, the default, takes all.
    class_weight : dict, list, "balanced" or None
        As in `Sequential.fit`; the labels of a dict become text.
    augment : table or None
        `Augment`, as in `Sequential.fit`.
    metrics : list of str or table
        Scored in addition to the loss and to accuracy or R2.
    callbacks : list of table
        `EarlyStopping`, `GradientNorms`, `ReduceLROnPlateau`, `TerminateOnNaN` or the user's own.
        Each run has new ones, created with the same arguments.
    vary : list of str or None
        Sources of variance that depend on the seed, by default all: "init" (initial weights),
        "order" (of the samples), "dropout", "augment", "split" (validation), "samples" (choice of
        them). The others are held at one seed.
    custom : dict
        The user's classes and functions among the settings, by name.
    observers : tuple of Callback
        Called before the others. They change nothing, so they do not belong to the settings.
    """

    model: Table
    loss: Table
    optimizer: Table
    batch_size: int
    epochs: int
    shuffle: bool
    validation_split: float
    samples: int | None
    class_weight: Any
    augment: Table | None
    metrics: list[Table]
    callbacks: list[Table]
    vary: list[str] | None = None
    custom: Known = field(default_factory=dict, repr=False)
    observers: tuple[Callback, ...] = field(default=(), repr=False, compare=False)

    @classmethod
    def from_table(cls, table: Table, custom: Known | None = None) -> Self:
        """Return the experiment of a table, with defaults for missing fields.

        Raises
        ------
        ArgumentError
            If a name is unknown (the message has the nearest one), or a value is invalid.
        """
        model = table.get("model")
        if isinstance(model, dict) and model.get("outputs") is not None:  # of an MLP for numbers
            table = {"loss": "L2", **table}
        table = merge(DEFAULTS, table)
        for name in table:
            expect_known("the field", name, FIELDS)
        if isinstance(table["loss"], str):
            expect_known("the loss", table["loss"], LOSSES)
            table["loss"] = to_table(LOSSES[table["loss"]]())
        used = list(part_names(table))
        custom = {name: part for name, part in (custom or {}).items() if name in used}
        known = {**KNOWN, **CALLBACKS, **custom}
        network = _model(table, known, seed=0)
        weight = table["class_weight"]
        if weight is not None and not isinstance(weight, dict | list):
            one_of("class_weight", weight, ["balanced"])
        callbacks = _callbacks(table, known)
        samples = table["samples"]
        experiment = cls(
            model={**model_fields(to_table(network)), "backend": network.backend.name},
            loss=to_table(network.loss),
            optimizer=to_table(network.optimizer),
            batch_size=at_least("batch_size", table["batch_size"], 1),
            epochs=at_least("epochs", table["epochs"], 1),
            shuffle=instance("shuffle", table["shuffle"], bool, "True"),
            validation_split=in_range(
                "validation_split", table["validation_split"], 0, 1, right_open=True
            ),
            samples=None if samples is None else at_least("samples", samples, 1),
            class_weight=weight,
            augment=to_table(_augment(table, known)),
            metrics=[to_table(metric) for metric in _metrics(table, known)],
            callbacks=[to_table(callback) for callback in callbacks],
            vary=check_vary(table["vary"]),
            custom=custom,
        )
        if experiment.vary is not None and not experiment.sources():
            raise ArgumentError(
                f"all seeds would agree: there is no {sources_text(experiment.vary)} to vary"
            )
        return experiment

    def table(self) -> Table:
        """Return all fields for JSON, with a digest of the code of each custom part as ``own``."""
        table = self._fields()
        if self.vary is None:
            del table["vary"]  # as in runs of earlier versions, whose keys must not change
        if self.augment is None:  # keys of runs from before it was a field
            del table["augment"]
        if self.custom:
            table["own"] = {name: code_digest(part) for name, part in sorted(self.custom.items())}
        return table

    def _fields(self) -> Table:
        return {name: getattr(self, name) for name in FIELDS}

    def compiled(self, seed: int, metrics: Iterable[str] = ()) -> Sequential:
        """Return a new compiled model, which scores these metrics and those of the experiment."""
        model = _model(self._fields(), {**KNOWN, **self.custom}, seed=seed)
        if self.vary is not None:
            model.streams = VariedStreams(seed, self.vary)
        own = self.new_metrics()
        others = [name for name in metrics if name not in [metric.name for metric in own]]
        return model.compile(model.loss, model.optimizer, [*others, *own])

    def sources(self) -> list[str]:
        """Return the sources that vary, and that a run of this experiment has at all."""
        layers = self.compiled(seed=0).layers
        has = {
            "init": True,
            "order": self.shuffle,
            "dropout": any(type(layer).__name__ in ("Dropout", *self.custom) for layer in layers),
            "augment": self.augment is not None,
            "split": self.validation_split > 0,
            "samples": self.samples is not None,
        }
        return [name for name in SOURCES if has[name] and (self.vary is None or name in self.vary)]

    def new_metrics(self) -> list[Metric]:
        """Return new metrics of ``metrics``."""
        return _metrics(self._fields(), {**KNOWN, **self.custom})

    def own_metrics(self) -> list[Metric]:
        """Return those of `new_metrics` whose classes are the user's."""
        return [each for each in self.new_metrics() if type(each).__name__ in self.custom]

    def new_augment(self) -> Augment | None:
        """Return a new object of ``augment``."""
        return _augment(self._fields(), KNOWN)

    def new_callbacks(self) -> list[Callback]:
        """Return the observers and new callbacks."""
        return [*self.observers, *_callbacks(self._fields(), {**CALLBACKS, **self.custom})]


def _model(table: Table, known: Known, seed: int) -> Sequential:
    """Return the compiled model of an experiment's table."""
    given = table.get("model")
    if not isinstance(given, dict) or "class" not in given:
        raise ArgumentError(
            "an experiment needs a model, such as MLP([256, 30]) or, in a file, "
            f'{{ class = "MLP", hidden = [256, 30] }}; got {given!r}'
        )
    expect_known("model.class", given["class"], _classes(known, Sequential))
    for name, reason in NOT_IN_MODEL.items():
        if name in given:
            raise ArgumentError(f"model.{name} cannot be set: {reason}")
    loss = _part("loss", table, known, Loss, "SoftmaxCrossEntropy()")
    optimizer = _part("optimizer", table, known, Optimizer, "Adam(5e-4)")
    kind = known[given["class"]]
    options = arguments_from_table(kind, given, known, "model")
    options.update(seed=seed, backend=get_backend(given.get("backend", "auto")))
    if {"loss", "optimizer"} <= set(arguments(kind)):
        model: Sequential = call(kind, {**options, "loss": loss, "optimizer": optimizer}, "model")
        return model
    model = call(kind, options, "model")
    return model.compile(loss, optimizer)


def _augment(table: Table, known: Known) -> Augment | None:
    return None if table["augment"] is None else _part("augment", table, known, Augment, HINT)


def _metrics(table: Table, known: Known) -> list[Metric]:
    given = instance("metrics", table["metrics"], list, '["top_5"]')
    return get_metrics(
        each if isinstance(each, str) else from_table(each, known, f"metrics.{i}")
        for i, each in enumerate(given)
    )


def _callbacks(table: Table, known: Known) -> list[Callback]:
    given = instance("callbacks", table["callbacks"], list, "[EarlyStopping()]")
    names = _classes(known, Callback)
    for i, each in enumerate(given):
        if isinstance(each, dict) and "class" in each:
            expect_known(f"callbacks.{i}.class", each["class"], names)
    found = [from_table(each, known, f"callbacks.{i}") for i, each in enumerate(given)]
    expect_one_average(found)
    return [instance("callback", each, Callback, "EarlyStopping()") for each in found]


def _part(name: str, table: Table, known: Known, kind: type[T], hint: str) -> T:
    given = table[name]
    if isinstance(given, dict) and "class" in given:
        expect_known(f"{name}.class", given["class"], _classes(known, kind))
    return instance(name, from_table(given, known, name), kind, hint)


def _classes(known: Known, kind: type) -> list[str]:
    """Return the names of all known concrete classes of a kind."""
    return [
        name
        for name, part in known.items()
        if isinstance(part, type) and issubclass(part, kind) and not inspect.isabstract(part)
    ]
