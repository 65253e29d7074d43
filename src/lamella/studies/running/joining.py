"""Joining of a study with the one that its folder holds: arms and seeds are added, none removed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lamella.core.errors import UsageError
from lamella.core.version import __version__
from lamella.studies.definition.definition import StudyDefinition
from lamella.studies.definition.experiment import DEFAULTS
from lamella.studies.definition.tables import Table, differing, merge
from lamella.studies.definition.tuning import joined_tunings
from lamella.studies.running.run import Task
from lamella.training.numerics import changed_numerics


def joined(
    folder: Path, table: Table, study: StudyDefinition, tasks: Sequence[Task], data: Table
) -> tuple[Table, list[Table]]:
    """Return the description and the runs of a folder together with those of ``study``.

    Parameters
    ----------
    folder : Path
    table : table
        Its ``study.json``.
    study : StudyDefinition
    tasks : sequence of Task
    data : table
        Checksums of the data.

    Raises
    ------
    UsageError
        If the folder belongs to another study, a lamella that computes otherwise or other data.
    """
    stored = StudyDefinition.described(table)
    if stored.name != study.name:
        raise UsageError(
            f"{folder} holds the study {stored.name!r}, this is {study.name!r}: choose another "
            "folder"
        )
    if changed := changed_numerics(table.get("numerics")):
        raise UsageError(
            f"{folder} was written by lamella {table['lamella']}, this is {__version__}, which "
            f"computes otherwise (changed code: {', '.join(changed)}), and a folder must not mix "
            "both: choose another folder"
        )
    if table["data"] != data:
        raise UsageError(f"{folder} holds results on other data: choose another folder")
    keys = {(entry["arm"], entry["seed"]): entry["key"] for entry in table["runs"]}
    for task in tasks:
        if keys.get((task.arm, task.seed), task.key) != task.key:
            raise UsageError(
                f"{folder} holds the study {study.name!r} with another arm {task.arm!r} "
                f"({_changes(stored, study, task.arm)}): choose another folder"
            )
    there = [(folder / "runs" / entry["key"]).exists() for entry in table["runs"]]
    complete = all(there) and there != []  # there are no runs while arms are tuned
    described, plan = _join(stored, table["runs"], study, tasks, seen=any(there))
    described["looks"] = _looks(stored, study, described["seeds"], complete)
    return described, plan


def entry_of(task: Task) -> Table:
    """Return a planned run as ``study.json`` has it."""
    return {"arm": task.arm, "seed": task.seed, "key": task.key}


def _join(
    stored: StudyDefinition,
    runs: Sequence[Table],
    study: StudyDefinition,
    tasks: Sequence[Task],
    *,
    seen: bool,
) -> tuple[Table, list[Table]]:
    """Return the description and the runs of both studies; an arm with a new name is renamed."""
    names = {task.key: task.arm for task in tasks}
    renamed = {entry["arm"]: names[entry["key"]] for entry in runs if entry["key"] in names}
    old = {renamed.get(arm, arm): fields for arm, fields in stored.arms.items()}
    left = [arm for arm in old if arm not in study.arms]
    if left and stored.base != study.base:
        path = differing(stored.base, study.base)[0]
        raise UsageError(
            f"the arms {', '.join(left)} in the folder are of another base ({path} is "
            f"{_at(stored.base, path)} there, {_at(study.base, path)} here): choose another folder"
        )
    described = {**(stored if left else study).description()}
    if left:
        base = merge(DEFAULTS, study.base)
        first, *here = (merge(base, arm) for arm in [*old.values(), *study.arms.values()])
        paths = [path for fields in here for path in differing(first, fields)]
        described["varies"] = list(dict.fromkeys([*stored.varies, *study.varies, *paths]))
        described["arms"] = {**old, **study.arms}
    if left or seen:  # the results may have suggested another baseline
        described["baseline"] = renamed.get(stored.baseline, stored.baseline)
    if directions := {**stored.directions, **study.directions}:
        described["directions"] = directions
    described |= joined_tunings(stored.tuning, study.tuning, left)
    described["seeds"] = list(dict.fromkeys([*stored.seeds, *study.seeds]))
    described["cut"] = (study if set(stored.seeds) <= set(study.seeds) else stored).cut
    plan = [{**entry, "arm": renamed.get(entry["arm"], entry["arm"])} for entry in runs]
    return described, plan + [entry_of(task) for task in tasks if entry_of(task) not in plan]


def _looks(
    stored: StudyDefinition, study: StudyDefinition, seeds: Sequence[int], complete: bool
) -> Table:
    """Return planned looks, and other numbers of seeds with which the study was complete before."""
    here, there = study.looks["planned"], stored.looks["planned"]
    if here and there and here != there:
        raise UsageError(
            f"the folder holds a study with looks at {there} seeds, fixed before the first one, "
            f"this one has looks at {here}: choose another folder"
        )
    past, before = set(stored.looks["past"]), len(stored.seeds)
    if complete and (len(seeds) > before or (here and not there)) and before not in there:
        past.add(before)
    return {"planned": here or there, "past": sorted(past)}


def _changes(there: StudyDefinition, here: StudyDefinition, arm: str) -> str:
    old, new = (merge(study.base, study.arms[arm]) for study in (there, here))
    paths = differing(old, new)
    changes = [f"{path} is {_at(old, path)} there, {_at(new, path)} here" for path in paths]
    return "; ".join(changes) or "its own classes or functions have changed, or Python's version"


def _at(table: Any, path: str) -> Any:
    for name in path.split("."):
        table = table[int(name)] if isinstance(table, list) else (table or {}).get(name)
    return "not set" if table is None else table
