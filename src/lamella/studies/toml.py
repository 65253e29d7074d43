"""Studies as TOML files, in the same words as in Python."""

import tomllib
from pathlib import Path
from typing import Any

from lamella.configured import MOST_VALUES, expect_modest
from lamella.errors import ArgumentError, FileFormatError, LamellaError
from lamella.studies.plain import Table, expect_known
from lamella.studies.study import Study

WORDS = ("name", "title", "question", "baseline", "seeds", "base", "arms")
MOST_BYTES, MOST_DOTS = 2**18, 100  # of a file, and of a line: long dotted keys take ages to read
MOST_ARMS = 500  # each is compared with each


def load_study(path: Any) -> Study:
    """Read a study from a TOML file.

    Raises
    ------
    FileFormatError
        If it is no TOML, or a word in it is not known: names the nearest.
    """
    try:
        with Path(path).open("rb") as file:
            text = file.read(MOST_BYTES + 1).decode("utf-8")
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{path} is no text in UTF-8: {error}") from error
    return parse_study(text, str(path))


def parse_study(text: str, source: str) -> Study:
    """Read a study from TOML text; ``source`` says in error texts where it is from."""
    if len(text) > MOST_BYTES or any(line.count(".") > MOST_DOTS for line in text.split("\n")):
        raise FileFormatError(
            f"{source} is larger than any study: at most {MOST_BYTES:,} bytes, and {MOST_DOTS} "
            "dots a line"
        )
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: of a number with too many digits
        raise FileFormatError(f"{source} is no TOML: {error}") from error
    try:
        for word in table:
            expect_known("the key", word, WORDS)
        for word in ("name", "base", "arms"):
            if word not in table:
                raise ArgumentError(f"there is no {word}: a study has name, base and arms")
        _expect_modest(table)
        return Study(**table)
    except (LamellaError, RecursionError) as error:
        raise FileFormatError(f"{source}: {error}") from error


def _expect_modest(table: Table) -> None:
    """Refuse what a few bytes can ask for without end; arms take on all of the base."""
    for word in ("title", "question", "baseline"):
        if not isinstance(table.get(word, ""), str):
            raise ArgumentError(f"{word} must be text, got {table[word]!r:.80}")
    expect_modest(table)
    arms, seeds = table["arms"], table.get("seeds", 1)
    each = expect_modest(table["base"]) if isinstance(table["base"], dict) else 0
    runs = len(arms) if isinstance(arms, dict) else 1
    if runs > MOST_ARMS or runs * each > MOST_VALUES:
        raise ArgumentError(f"{runs:,} arms on a base of {each:,} values are too many")
    if isinstance(seeds, int) and seeds > MOST_VALUES:
        raise ArgumentError(f"seeds can be at most {MOST_VALUES:,}, got {seeds!r:.80}")
