"""Fields of an experiment as the user gives them: tables, and the user's own parts in them."""

from collections.abc import Iterator, Mapping
from typing import Any

from lamella.backend import get_backend
from lamella.core.config import join_parts, named_parts
from lamella.core.errors import ArgumentError
from lamella.models.loading import KNOWN
from lamella.models.sequential import Sequential
from lamella.studies.definition.tables import Table, arguments_of_callback, expand, merge, to_table
from lamella.training.callbacks import Callback

NOT_IN_MODEL = {
    "seed": "a study has seeds",
    "loss": "it is a field of the experiment, like model",
    "optimizer": "it is a field of the experiment, like model",
}


def fields_table(fields: Mapping[str, Any]) -> Table:
    """Convert the fields that a user gives, with objects and dotted keys, into a plain table."""
    if not isinstance(fields, Mapping):
        raise ArgumentError(f"fields of an experiment must be a dict, got {fields!r}")
    return expand(field_values(fields))


def field_values(fields: Mapping[str, Any]) -> Table:
    """Convert the values of fields into plain tables, and leave their names dotted."""
    return {
        str(name): to_table(_model_table(value) if isinstance(value, Sequential) else value)
        for name, value in fields.items()
    }


def _model_table(model: Sequential) -> Table:
    """Return the table of a user's model; refuse a loss or optimizer that would be ignored."""
    table: Table = to_table(model)
    fields = model_fields(table)
    if model.backend.name != get_backend("auto").name:
        fields["backend"] = model.backend.name
    if "optimizer" in table:
        config = {name: item for name, item in model.config().items() if name in fields}
        same = to_table(type(model)(**config))
        ignored = [name for name in ("loss", "optimizer") if table[name] != same[name]]
    else:
        ignored = ["loss", "optimizer"] if model.compiled else []
    if ignored:
        kind = type(model).__name__
        raise ArgumentError(
            f"the {' and '.join(ignored)} of the {kind} would be ignored: pass them as fields of "
            f"the study, as in dict(model={kind}(...), {ignored[0]}=...)"
        )
    return fields


def model_fields(table: Table) -> Table:
    return {name: value for name, value in table.items() if name not in NOT_IN_MODEL}


def custom_parts(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the classes and functions among ``fields`` that are not lamella's, by name."""
    custom: dict[str, Any] = {}
    for value in fields.values():
        parts = custom_parts(value) if isinstance(value, Mapping) else _parts(value)
        own = {name: part for name, part in parts.items() if not _is_lamellas(name, part)}
        custom = join_parts(custom, own)
    taken = sorted(set(custom) & set(KNOWN))
    if taken:
        raise ArgumentError(f"{taken[0]} is already a name in lamella: give yours another one")
    return custom


def _parts(value: Any) -> dict[str, Any]:
    """Return the classes and functions by name, also those of callbacks."""
    found = named_parts(value)
    for item in value if isinstance(value, list | tuple) else [value]:
        if isinstance(item, Callback):
            found = join_parts(found, {type(item).__name__: type(item)})
            found = join_parts(found, named_parts([*arguments_of_callback(item).values()]))
    return found


def _is_lamellas(name: str, part: Any) -> bool:
    is_callback = isinstance(part, type) and issubclass(part, Callback)
    return KNOWN.get(name) is part or (is_callback and part.__module__.startswith("lamella."))


def arm_parts(
    base: Mapping[str, Any], arm: Mapping[str, Any], base_table: Table, arm_table: Table
) -> dict[str, Any]:
    """Return the `custom_parts` of an arm; those of the base are replaced with their fields.

    Raises
    ------
    UsageError
        If the arm uses two different ones of the same name.
    """
    own = custom_parts(arm)
    used, given = [*part_names(merge(base_table, arm_table))], [*part_names(arm_table)]
    replaced = [name for name in own if used.count(name) == given.count(name)]
    common = {name: part for name, part in custom_parts(base).items() if name not in replaced}
    return join_parts(common, own)


def part_names(table: Any) -> Iterator[str]:
    """Yield the names of all classes and functions in a table."""
    if isinstance(table, dict):
        yield from (table[kind] for kind in ("class", "function") if kind in table)
    if isinstance(table, dict | list):
        for value in table.values() if isinstance(table, dict) else table:
            yield from part_names(value)
