"""Validation of ``study.json``, which may come from an untrusted source."""

import re
from itertools import pairwise
from pathlib import Path
from types import NoneType
from typing import Any

from lamella.core.config import limit_size
from lamella.core.errors import FileFormatError
from lamella.studies.definition.tables import Table
from lamella.studies.definition.tuning import tuning_problem

KINDS: dict[str, Any] = {
    **dict.fromkeys(("name", "title", "question", "baseline", "cut", "lamella"), str),
    **dict.fromkeys(("base", "arms", "data"), dict),
    **dict.fromkeys(("seeds", "varies", "runs"), list),
}
MAX_RUNS = 100_000


def expect_index(table: Table, path: Path) -> None:
    """Raise a FileFormatError unless the table describes a study and its runs.

    The key of a run is the name of its folder, so it must not contain a path.
    """
    missing = sorted(set(KINDS) - set(table))
    if missing:
        raise FileFormatError(f"{path} lacks {', '.join(missing)}")
    for name, kind in KINDS.items():
        if not isinstance(table[name], kind):
            raise FileFormatError(f"{path}: {name} is not a {kind.__name__}")
    if problem := _problem(table):
        raise FileFormatError(f"{path}: {problem}")


def _problem(table: Table) -> str:
    arms, seeds, runs = table["arms"], table["seeds"], table["runs"]
    limit_size({name: item for name, item in table.items() if name != "runs"})
    if table["baseline"] not in arms:
        return "the baseline is not an arm"
    if not all(isinstance(fields, dict) for fields in arms.values()):
        return "an arm is not a table"
    if not all(isinstance(seed, int) for seed in seeds):
        return "a seed is not a whole number"
    if not all(isinstance(name, str) for name in table["varies"]):
        return "varies is not a list of names"
    if not all(_is_vary(fields.get("vary")) for fields in (table["base"], *arms.values())):
        return "vary is not a list of names"
    directions = table.get("directions", {})
    if not (isinstance(directions, dict) and {*map(type, directions.values())} <= {bool, NoneType}):
        return "the directions of metrics are not true, false or null"
    looks = table.get("looks", {"planned": [], "past": []})
    if not (isinstance(looks, dict) and all(_ascends(looks.get(n)) for n in ("planned", "past"))):
        return "the looks are not ascending numbers of seeds"
    if table.get("tuning") is not None and (problem := tuning_problem(table["tuning"], arms)):
        return problem
    if len(runs) > MAX_RUNS:
        return f"{len(runs):,} runs are too many"
    for run in runs:
        if not isinstance(run, dict) or not {"arm", "seed", "key"} <= set(run):
            return "a run has no arm, seed and key"
        if not (isinstance(run["key"], str) and re.fullmatch(r"\w{1,64}", run["key"], re.ASCII)):
            return f"the key {run['key']!r:.80} is not one that lamella writes"
        if not (isinstance(run["arm"], str) and isinstance(run["seed"], int)):
            return "a run has no valid arm or seed"
    return ""


def _is_vary(names: Any) -> bool:
    return names is None or (isinstance(names, list) and all(isinstance(n, str) for n in names))


def _ascends(numbers: Any) -> bool:
    """Whether it is a list of ascending numbers of seeds."""
    if not (isinstance(numbers, list) and all(type(n) is int for n in numbers)):
        return False
    return all(a < b for a, b in pairwise([0, *numbers, MAX_RUNS]))
