"""A run from its record: the options it was made with."""

import argparse
import json
from pathlib import Path
from typing import Any

from lamella.cli.options import add_options
from lamella.core.errors import ArgumentError, FileFormatError

ABOUT_OUTPUT = ("out", "overwrite", "quiet", "resume")


def defaults() -> dict[str, Any]:
    """Return the options of ``lamella train`` where none is given."""
    parser = argparse.ArgumentParser()
    add_options(parser)
    return vars(parser.parse_args([]))


def refuse_other_options(args: argparse.Namespace) -> None:
    """Raise an ArgumentError if ``--resume`` was given together with what decides the numbers."""
    for name, value in defaults().items():
        if name not in ("resume", "quiet") and getattr(args, name) != value:
            option = f"--{name.replace('_', '-')}"
            raise ArgumentError(
                f"--resume goes on with the options that the run was begun with: leave out {option}"
            )


def read_record(path: Path) -> dict[str, Any]:
    """Read what ``lamella train`` wrote of a run.

    Raises
    ------
    FileFormatError
        If it is damaged, or of something else.
    """
    try:
        record = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise FileFormatError(f"cannot read the record {path}: {error}") from error
    if not isinstance(record, dict) or not isinstance(record.get("configuration"), dict):
        raise FileFormatError(f"{path} is not the record of a run of lamella train")
    return record


def options_of(record: dict[str, Any], path: Path) -> argparse.Namespace:
    """Return the options in a record, as if they had been given again."""
    known = defaults()
    given = {k: v for k, v in record["configuration"].items() if k not in ABOUT_OUTPUT}
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise FileFormatError(
            f"{path} has options that this version of lamella does not know: {', '.join(unknown)}"
        )
    return argparse.Namespace(**{**known, **given})
