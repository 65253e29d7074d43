"""Studies as TOML files, in the same words as in Python."""

import tomllib
from pathlib import Path
from typing import Any

from lamella.errors import ArgumentError, FileFormatError
from lamella.studies.plain import expect_known
from lamella.studies.study import Study

WORDS = ("name", "title", "question", "baseline", "seeds", "base", "arms")


def load_study(path: Any) -> Study:
    """Read a study from a TOML file.

    Raises
    ------
    FileFormatError
        If it is no TOML, or a word in it is not known: names the nearest.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{path} is no text in UTF-8: {error}") from error
    return parse_study(text, str(path))


def parse_study(text: str, source: str) -> Study:
    """Read a study from TOML text; ``source`` says in error texts where it is from."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FileFormatError(f"{source} is no TOML: {error}") from error
    try:
        for word in table:
            expect_known("the key", word, WORDS)
        for word in ("name", "base", "arms"):
            if word not in table:
                raise ArgumentError(f"there is no {word}: a study has name, base and arms")
        return Study(**table)
    except ArgumentError as error:
        raise FileFormatError(f"{source}: {error}") from error
