"""One experiment: all that decides a training, but for the seed and the data."""

import hashlib
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

from lamella.backend import get_backend
from lamella.core.config import named_parts
from lamella.core.errors import ArgumentError
from lamella.core.validation import at_least, in_range, instance
from lamella.losses import Loss
from lamella.models.classifiers import LOSSES
from lamella.models.loading import KNOWN
from lamella.models.sequential import Sequential
from lamella.optimizers import Optimizer
from lamella.studies.definition.tables import (
    Known,
    Table,
    arguments,
    call,
    expand,
    expect_known,
    made_arguments,
    make,
    merge,
    plain,
)

DEFAULTS: Table = {
    "loss": {"class": "SoftmaxCrossEntropy"},
    "optimizer": {"class": "Adam", "lr": 5e-4},
    "batch_size": 64,
    "epochs": 5,
    "shuffle": True,
    "validation_split": 1 / 12,
    "samples": None,
}
FIELDS = ("model", *DEFAULTS)
T = TypeVar("T")
NOT_THE_MODELS = {
    "seed": "a study has seeds",
    "loss": "it is a field of the experiment, beside model",
    "optimizer": "it is a field of the experiment, beside model",
}


@dataclass(frozen=True)
class Experiment:
    """What is trained, and how; complete, so that experiments that do the same are equal.

    Attributes
    ----------
    model : table
        Class and hyper-parameters of a `Sequential`, but for seed, loss and optimizer.
    loss, optimizer : table
        SoftmaxCrossEntropy() and Adam(5e-4) by default, whatever the model. As losses,
        "cross-entropy", "L2" and "L1" are understood too.
    batch_size, epochs, shuffle, validation_split
        As in `Sequential.fit`; 64, 5, True and 1/12 by default.
    samples : int or None
        Train and validate on so many of the training samples: the first in an order drawn from
        the seed, so that fewer are among more. None, the default, takes all.
    own : dict
        Classes and functions it uses that are not lamella's, by name.
    """

    model: Table
    loss: Table
    optimizer: Table
    batch_size: int
    epochs: int
    shuffle: bool
    validation_split: float
    samples: int | None
    own: Known = field(default_factory=dict, repr=False)

    @classmethod
    def from_table(cls, table: Table, own: Known | None = None) -> Self:
        """Return the experiment that a table describes, completed by the defaults.

        Raises
        ------
        ArgumentError
            If a word is not known (the nearest is named), or a value is refused.
        """
        table = merge(DEFAULTS, table)
        for name in table:
            expect_known("the field", name, FIELDS)
        if isinstance(table["loss"], str):
            expect_known("the loss", table["loss"], LOSSES)
            table["loss"] = plain(LOSSES[table["loss"]]())
        used = list(_names(table))
        own = {name: part for name, part in (own or {}).items() if name in used}
        known = {**KNOWN, **own}
        model = _model(table, known, seed=0)
        samples = table["samples"]
        return cls(
            model={**_bare(plain(model)), "backend": model.backend.name},
            loss=plain(model.loss),
            optimizer=plain(model.optimizer),
            batch_size=at_least("batch_size", table["batch_size"], 1),
            epochs=at_least("epochs", table["epochs"], 1),
            shuffle=instance("shuffle", table["shuffle"], bool, "True"),
            validation_split=in_range(
                "validation_split", table["validation_split"], 0, 1, right_open=True
            ),
            samples=None if samples is None else at_least("samples", samples, 1),
            own=own,
        )

    def table(self) -> Table:
        """Return all fields, as JSON can hold them; of own parts a hash of their source too."""
        table: Table = {name: getattr(self, name) for name in FIELDS}
        if self.own:
            table["own"] = {name: _source(part) for name, part in sorted(self.own.items())}
        return table

    def compiled(self, seed: int) -> Sequential:
        """Return a new model with its loss and optimizer, ready to be trained."""
        return _model(self.table(), {**KNOWN, **self.own}, seed=seed)


def fields_table(fields: Mapping[str, Any]) -> Table:
    """Return fields as a user writes them, with objects and dotted keys, as a plain table."""
    if not isinstance(fields, Mapping):
        raise ArgumentError(f"fields of an experiment must be a dict, got {fields!r}")
    given = {
        name: _described(value) if isinstance(value, Sequential) else value
        for name, value in fields.items()
    }
    return expand(given)


def own_parts(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the classes and functions among ``fields`` that are not lamella's, by name."""
    own: dict[str, Any] = {}
    for value in fields.values():
        parts = own_parts(value) if isinstance(value, Mapping) else named_parts(value)
        own.update((name, part) for name, part in parts.items() if KNOWN.get(name) is not part)
    taken = sorted(set(own) & set(KNOWN))
    if taken:
        raise ArgumentError(f"{taken[0]} is a name of lamella's own: give your class another one")
    return own


def _model(table: Table, known: Known, seed: int) -> Sequential:
    """Make the model that an experiment's table describes, compiled."""
    given = table.get("model")
    if not isinstance(given, dict) or "class" not in given:
        raise ArgumentError(
            "an experiment needs a model, such as MLP([256, 30]) or, in a file, "
            f'{{ class = "MLP", hidden = [256, 30] }}; got {given!r}'
        )
    expect_known("model.class", given["class"], _classes(known, Sequential))
    for name, reason in NOT_THE_MODELS.items():
        if name in given:
            raise ArgumentError(f"model.{name} is not decided by the model: {reason}")
    loss = _part("loss", table, known, Loss, "SoftmaxCrossEntropy()")
    optimizer = _part("optimizer", table, known, Optimizer, "Adam(5e-4)")
    kind = known[given["class"]]
    options = made_arguments(kind, given, known, "model")
    options.update(seed=seed, backend=get_backend(given.get("backend", "auto")))
    if {"loss", "optimizer"} <= set(arguments(kind)):
        model: Sequential = call(kind, {**options, "loss": loss, "optimizer": optimizer}, "model")
        return model
    model = call(kind, options, "model")
    return model.compile(loss, optimizer, metrics=["accuracy"])


def _part(name: str, table: Table, known: Known, kind: type[T], hint: str) -> T:
    given = table[name]
    if isinstance(given, dict) and "class" in given:
        expect_known(f"{name}.class", given["class"], _classes(known, kind))
    return instance(name, make(given, known, name), kind, hint)


def _classes(known: Known, kind: type) -> list[str]:
    """Return the names of all known classes of a kind that can be made."""
    return [
        name
        for name, part in known.items()
        if isinstance(part, type) and issubclass(part, kind) and not inspect.isabstract(part)
    ]


def _described(model: Sequential) -> Table:
    """Return a model that a user made as a table; what would be ignored is refused."""
    table: Table = plain(model)
    bare = _bare(table)
    if model.backend.name != get_backend("auto").name:
        bare["backend"] = model.backend.name
    if "optimizer" in table:
        config = {name: item for name, item in model.config().items() if name in bare}
        same = plain(type(model)(**config))
        ignored = [name for name in ("loss", "optimizer") if table[name] != same[name]]
    else:
        ignored = ["loss", "optimizer"] if model.compiled else []
    if ignored:
        kind = type(model).__name__
        raise ArgumentError(
            f"the {' and '.join(ignored)} of the {kind} would be ignored: give them to the study "
            f"beside it, as in dict(model={kind}(...), {ignored[0]}=...)"
        )
    return bare


def _bare(table: Table) -> Table:
    return {name: value for name, value in table.items() if name not in NOT_THE_MODELS}


def _names(table: Any) -> Iterator[str]:
    """Yield all classes and functions that a table names."""
    if isinstance(table, dict):
        yield from (table[kind] for kind in ("class", "function") if kind in table)
    if isinstance(table, dict | list):
        for value in table.values() if isinstance(table, dict) else table:
            yield from _names(value)


def _source(part: Any) -> str:
    try:
        return hashlib.sha256(inspect.getsource(part).encode()).hexdigest()[:16]
    except (OSError, TypeError):
        return "unknown"
