"""Studies as TOML files, in the same words as in Python."""

import tomllib
from pathlib import Path
from typing import Any

from lamella.core.config import MOST_VALUES, limit_size
from lamella.core.errors import ArgumentError, FileFormatError
from lamella.studies.definition.tables import Table, expect_known

WORDS = ("name", "title", "question", "baseline", "seeds", "base", "arms")
MOST_BYTES, MOST_DOTS = 2**18, 100  # of a file, and of a line: long dotted keys take ages to read
MOST_ARMS = 500  # each is compared with each


def read_toml(path: Any) -> str:
    """Return the text of a TOML file, or as much of it as `parse_table` needs to refuse it.

    Raises
    ------
    FileFormatError
        If it is not UTF-8.
    """
    try:
        with Path(path).open("rb") as file:
            return file.read(MOST_BYTES + 1).decode("utf-8")
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{path} is no text in UTF-8: {error}") from error


def parse_table(text: str, source: str) -> Table:
    """Return the arguments of a study from TOML text; ``source`` names its origin in errors.

    Raises
    ------
    FileFormatError
        If it is not TOML, or a key is unknown: names the nearest.
    """
    if len(text) > MOST_BYTES or any(line.count(".") > MOST_DOTS for line in text.split("\n")):
        raise FileFormatError(
            f"{source} is larger than any study: at most {MOST_BYTES:,} bytes, and {MOST_DOTS} "
            "dots a line"
        )
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: of a number with too many digits
        raise FileFormatError(f"{source} is no TOML: {error}") from error
    for word in table:
        expect_known("the key", word, WORDS)
    for word in ("name", "base", "arms"):
        if word not in table:
            raise ArgumentError(f"there is no {word}: a study has name, base and arms")
    _limit_size(table)
    return table


def _limit_size(table: Table) -> None:
    """Refuse what a few bytes can ask for without end; arms take on all of the base."""
    for word in ("title", "question", "baseline"):
        if not isinstance(table.get(word, ""), str):
            raise ArgumentError(f"{word} must be text, got {table[word]!r:.80}")
    limit_size(table)
    arms, seeds = table["arms"], table.get("seeds", 1)
    each = limit_size(table["base"]) if isinstance(table["base"], dict) else 0
    runs = len(arms) if isinstance(arms, dict) else 1
    if runs > MOST_ARMS or runs * each > MOST_VALUES:
        raise ArgumentError(f"{runs:,} arms on a base of {each:,} values are too many")
    if isinstance(seeds, int) and seeds > MOST_VALUES:
        raise ArgumentError(f"seeds can be at most {MOST_VALUES:,}, got {seeds!r:.80}")
