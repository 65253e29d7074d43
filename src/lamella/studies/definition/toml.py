"""Studies as TOML files, with the same names as in Python."""

import tomllib
from typing import Any

from lamella.core.config import MAX_VALUES, limit_size
from lamella.core.disk import read_file
from lamella.core.errors import ArgumentError, FileFormatError
from lamella.core.names import expect_known
from lamella.studies.definition.tables import Table

KEYS = (
    *("name", "title", "question", "baseline", "seeds", "data", "base", "arms"),
    *("tune", "tuning_seeds", "vary"),
)
MAX_BYTES = 2**18  # per file
MAX_DOTS = 100  # per line: parsing long dotted keys takes quadratic time
MAX_ARMS = 500  # each is compared with each
MAX_TUNED = 1000  # values of the base, which each trial repeats


def read_toml(path: Any) -> str:
    """Return the text of a TOML file, cut just above the size that `parse_table` accepts.

    Raises
    ------
    FileFormatError
        If the file is not UTF-8, or no regular file.
    """
    try:
        return read_file(path, MAX_BYTES + 1).decode("utf-8")
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{path} is not UTF-8 text: {error}") from error


def parse_table(text: str, source: str) -> Table:
    """Return the arguments of a study from TOML text; ``source`` is its name in errors.

    Raises
    ------
    FileFormatError
        If the text is not valid TOML, or a key is unknown; the message has the nearest.
    """
    if len(text) > MAX_BYTES or any(line.count(".") > MAX_DOTS for line in text.split("\n")):
        raise FileFormatError(
            f"{source} is too large: a study has at most {MAX_BYTES:,} bytes, and {MAX_DOTS} dots "
            "per line"
        )
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: a number has too many digits
        raise FileFormatError(f"{source} is not valid TOML: {error}") from error
    for key in table:
        expect_known("the key", key, KEYS)
    for key in ("name", "base", "arms"):
        if key not in table:
            raise ArgumentError(f"there is no {key}: a study has name, base and arms")
    _limit_size(table)
    return table


def _limit_size(table: Table) -> None:
    """Refuse small files that describe huge studies: each arm repeats all values of the base."""
    for key in ("title", "question", "baseline"):
        if not isinstance(table.get(key, ""), str):
            raise ArgumentError(f"{key} must be text, got {table[key]!r:.80}")
    limit_size(table)
    arms = table["arms"]
    each = limit_size(table["base"]) if isinstance(table["base"], dict) else 0
    runs = len(arms) if isinstance(arms, dict) else 1
    if runs > MAX_ARMS or runs * each > MAX_VALUES:
        raise ArgumentError(f"{runs:,} arms on a base of {each:,} values are too many")
    if "tune" in table and each > MAX_TUNED:
        raise ArgumentError(f"a base of {each:,} values is too large to be tuned from a file")
