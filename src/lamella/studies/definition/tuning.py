"""Tuning of a study's arms: the settings to try, and those chosen, as tables.

A tuning is {"seeds": [...], "arms": fields of each arm before tuning, "trials": settings of each
arm, "chosen": index of the chosen one by arm}; the last is empty until all trials have run.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations
from typing import Any

from lamella.core.config import MAX_DEPTH, join_parts, limit_size
from lamella.core.errors import ArgumentError, FileFormatError, UsageError
from lamella.core.names import expect_known
from lamella.studies.definition.experiment import FIELDS
from lamella.studies.definition.fields import custom_parts, field_values
from lamella.studies.definition.settings import (
    MAX_SETTINGS,
    LogUniform,
    Setting,
    Uniform,
    draws,
    grid,
)
from lamella.studies.definition.tables import Table, call, expand, merge, part_text

FIRST_SEED = 1_000_000
"""First seed of the tuning, unless others are given: far from those of a comparison."""
DISTRIBUTIONS = {"LogUniform": LogUniform, "Uniform": Uniform}


def settings_of(tune: Any, arms: Sequence[str]) -> dict[str, list[Setting]]:
    """Return the settings to try for each arm.

    Parameters
    ----------
    tune : dict or list
        For all arms, or by the names of the arms for each: lists of values by field, of which all
        combinations are tried; or a list of settings, such as `grid` and `draws` return.
    arms : list of str

    Raises
    ------
    ArgumentError
        If a name is unknown, or arms have different numbers of settings, or fewer than two.
    """
    if not isinstance(tune, Mapping) or set(map(_first, tune)) <= {*FIELDS, "draws", "seed"}:
        found = dict.fromkeys(arms, _settings("tune", tune))
    else:
        for name in tune:
            expect_known("the arm or field in tune", name, [*arms, *FIELDS])
        if missing := [arm for arm in arms if arm not in tune]:
            raise ArgumentError(
                f"tune has no settings for {', '.join(map(repr, missing))}: every arm needs as "
                "many as the others"
            )
        found = {arm: _settings(f"tune[{arm!r}]", tune[arm]) for arm in arms}
    counts = {arm: len(settings) for arm, settings in found.items()}
    if len({*counts.values()}) > 1:
        listed = ", ".join(f"{arm!r} has {count}" for arm, count in counts.items())
        raise ArgumentError(
            f"each arm needs the same number of settings, because more trials find better ones: "
            f"{listed}"
        )
    if min(counts.values()) < 2 or sum(counts.values()) > MAX_SETTINGS:
        raise ArgumentError(
            f"tune needs 2 settings or more for each arm, and at most {MAX_SETTINGS} for all arms "
            f"together; got {min(counts.values())} for each of {len(arms)}"
        )
    return found


def tuning_of_arms(
    tune: Any, arms: Mapping[str, Table], seeds: list[int]
) -> tuple[Table, dict[str, dict[str, Any]]]:
    """Return the tuning of arms, and by arm the user's own classes and functions in its settings.

    Raises
    ------
    ArgumentError
        As `settings_of`, or if an arm has a setting twice.
    """
    found = settings_of(tune, [*arms])
    parts: dict[str, dict[str, Any]] = {arm: {} for arm in arms}
    for arm, settings in found.items():
        for setting in settings:
            parts[arm] = join_parts(parts[arm], custom_parts(setting))
    trials = {arm: [field_values(each) for each in settings] for arm, settings in found.items()}
    for arm, tables in trials.items():
        texts = [setting_text(table) for table in tables]
        if twice := [text for text in texts if texts.count(text) > 1]:
            raise ArgumentError(f"tune has the setting {twice[0]} of the arm {arm!r} twice")
    return {"seeds": seeds, "arms": arms, "trials": trials, "chosen": {}}, parts


def expect_readable(arms: Table) -> None:
    """Raise an ArgumentError if the fields of all trials are too many to be read from a folder."""
    try:
        limit_size(arms)
    except FileFormatError as error:
        raise ArgumentError(f"tune is too large: {error}; try fewer settings") from error


def setting_text(setting: Table) -> str:
    """Return a setting as text, such as "optimizer.lr=0.1, model.l2=0.001"."""
    texts = {name: part_text(value) for name, value in setting.items()}
    lists = [name for name, value in setting.items() if isinstance(value, list)]
    texts |= {name: f"[{texts[name]}]" for name in lists}
    return ", ".join(f"{name}={text}" for name, text in texts.items())


def trial_name(arm: str, setting: Table) -> str:
    """Return the name of an arm with a setting, such as "SGD: optimizer.lr=0.1"."""
    return f"{arm}: {setting_text(setting)}"


def tuned_fields(tuning: Table) -> list[str]:
    """Return the names of all fields that any arm tunes."""
    trials = (setting for each in tuning["trials"].values() for setting in each)
    return list(dict.fromkeys(name for setting in trials for name in setting))


def trial_arms(tuning: Table) -> dict[str, tuple[str, Table]]:
    """Return name, arm and fields of every trial."""
    return {
        trial_name(arm, setting): (arm, with_setting(tuning, arm, setting))
        for arm, settings in tuning["trials"].items()
        for setting in settings
    }


def with_setting(tuning: Table, arm: str, setting: Table) -> Table:
    """Return the fields of an arm with a setting."""
    fields: Table = merge(tuning["arms"][arm], expand(setting))
    return fields


def chosen_setting(tuning: Table, arm: str) -> Table:
    """Return the chosen setting of an arm; empty if it is not tuned yet."""
    place = tuning["chosen"].get(arm)
    return {} if place is None else tuning["trials"][arm][place]


def at_choices_of_others(tuning: Table) -> Iterator[tuple[str, str, Table]]:
    """Yield, for each arm and each other one, the setting of the arm at the other's choice.

    It has the other's values of those fields that both tune, and the arm's own of the rest.
    """
    for arm, other in permutations(tuning["chosen"], 2):
        own, theirs = (chosen_setting(tuning, name) for name in (arm, other))
        yield arm, other, {name: theirs.get(name, value) for name, value in own.items()}


def fields_at_edge(tuning: Table, arm: str) -> list[str]:
    """Return the fields whose chosen number is the lowest or highest that was tried.

    A lowest value of 0 is none: it turns a penalty or dropout off, and nothing lies below.
    """
    chosen = chosen_setting(tuning, arm)
    found = []
    for name in chosen:
        values = [setting.get(name) for setting in (chosen, *tuning["trials"][arm])]
        value, *tried = [x if type(x) in (int, float) else None for x in values]
        numbers = {x for x in tried if x is not None}
        if value is None or len(numbers) < 2:
            continue
        if value == max(numbers) or (value == min(numbers) and value != 0):
            found.append(name)
    return found


def joined_tunings(stored: Table | None, new: Table | None, left: Sequence[str]) -> Table:
    """Return the part "tuning" of a folder, of which the arms ``left`` are not in the new study."""
    if new is None and (stored is None or not left):
        return {}
    if not left:
        return {"tuning": new}
    if stored is None or new is None or _budget(stored) != _budget(new):
        raise UsageError(
            f"the arms {', '.join(left)} in the folder were tuned with another budget, or not at "
            "all: choose another folder"
        )
    joined: Table = {"seeds": new["seeds"]}
    for part in ("arms", "trials", "chosen"):
        old = {arm: stored[part][arm] for arm in left if arm in stored[part]}
        joined[part] = {**old, **new[part]}
    return {"tuning": joined}


def _budget(tuning: Table) -> tuple[list[int], set[int]]:
    return tuning["seeds"], {len(settings) for settings in tuning["trials"].values()}


def tuning_problem(tuning: Any, arms: Table) -> str:
    """Return the first problem of a tuning from an untrusted file; empty if there is none."""
    if not isinstance(tuning, dict) or set(tuning) != {"seeds", "arms", "trials", "chosen"}:
        return "the tuning does not consist of seeds, arms, trials and chosen"
    seeds, trials, chosen = tuning["seeds"], tuning["trials"], tuning["chosen"]
    if not (isinstance(seeds, list) and all(type(seed) is int for seed in seeds)):
        return "the seeds of the tuning are not whole numbers"
    if not all(isinstance(tuning[part], dict) for part in ("arms", "trials", "chosen")):
        return "the tuning has no tables of arms"
    if not set(arms) == set(tuning["arms"]) == set(trials) >= set(chosen):
        return "the tuning has other arms than the study"
    if not all(isinstance(fields, dict) for fields in tuning["arms"].values()):
        return "an arm is not a table"
    for settings in trials.values():
        if not (isinstance(settings, list) and all(isinstance(each, dict) for each in settings)):
            return "the trials of an arm are not a list of settings"
        if any(name.count(".") > MAX_DEPTH for setting in settings for name in setting):
            return "a setting has too many dots in a name"
    for arm, place in chosen.items():
        if not (type(place) is int and 0 <= place < len(trials[arm])):
            return "the chosen setting of an arm is none of its trials"
    return ""


def _first(name: Any) -> str:
    return str(name).partition(".")[0]


def _settings(where: str, given: Any) -> list[Setting]:
    """Return the settings that a user gives as lists of values, or as a list of settings."""
    if isinstance(given, list | tuple):
        for setting in given:
            if not (isinstance(setting, Mapping) and setting):
                raise ArgumentError(
                    f'{where} must be a list of settings such as {{"optimizer.lr": 0.1}}; got '
                    f"{setting!r:.80}"
                )
        return [dict(_flat(setting)) for setting in given]
    if not isinstance(given, Mapping):
        raise ArgumentError(
            f'{where} must be lists of values, such as {{"optimizer.lr": [0.01, 0.1]}}, or '
            f"lm.draws(...); got {given!r:.80}"
        )
    values = dict(_flat(given))
    count = values.pop("draws", None)
    seed = 0 if count is None else values.pop("seed", 0)
    for name, value in values.items():
        expect_known(f"the field in {where}", _first(name), FIELDS)
        if isinstance(value, Mapping):
            values[name] = _distribution(name, value)
    try:
        return grid(values) if count is None else draws(count, values, seed=seed)
    except ArgumentError as error:
        raise ArgumentError(f"{where}: {error}") from error


def _flat(table: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield dotted names and values of nested tables; a table with a class is a value."""
    for name, value in table.items():
        if isinstance(value, Mapping) and "class" not in value:
            yield from _flat(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value


def _distribution(name: str, table: Mapping[str, Any]) -> Uniform:
    """Return the distribution of a table, as files have it."""
    expect_known(f"the distribution of {name}", table["class"], DISTRIBUTIONS)
    given = {key: value for key, value in table.items() if key != "class"}
    found: Uniform = call(DISTRIBUTIONS[table["class"]], given, name)
    return found
