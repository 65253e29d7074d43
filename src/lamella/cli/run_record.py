"""The record of a run (``run.json``), the options in it, and the history of its epochs."""

import argparse
import json
from pathlib import Path
from typing import Any

from lamella.cli.options import add_options
from lamella.core.disk import read_file
from lamella.core.errors import ArgumentError, FileFormatError

OUTPUT_OPTIONS = ("out", "overwrite", "quiet", "resume")


def defaults() -> dict[str, Any]:
    """Return the default options of ``lamella train``."""
    parser = argparse.ArgumentParser()
    add_options(parser)
    return vars(parser.parse_args([]))


def refuse_other_options(args: argparse.Namespace) -> None:
    """Raise an ArgumentError if ``--resume`` comes with an option that affects the result."""
    for name, value in defaults().items():
        if name not in ("resume", "quiet") and getattr(args, name) != value:
            option = f"--{name.replace('_', '-')}"
            raise ArgumentError(
                f"--resume uses the options with which the run started: omit {option}"
            )


def read_record(path: Path) -> dict[str, Any]:
    """Read the record of a run of ``lamella train``; raise a FileFormatError if it is damaged."""
    try:
        record = json.loads(read_file(path))
    except (OSError, ValueError, RecursionError) as error:
        raise FileFormatError(f"cannot read the record {path}: {error}") from error
    if not isinstance(record, dict) or not isinstance(record.get("configuration"), dict):
        raise FileFormatError(f"{path} is not the record of a run of lamella train")
    return record


def read_history(path: Path) -> list[dict[str, Any]]:
    """Read the epochs of a run; raise a FileFormatError if the file is damaged."""
    try:
        rows = [json.loads(line) for line in read_file(path).splitlines()]
    except (OSError, ValueError, RecursionError) as error:
        raise FileFormatError(f"cannot read the history {path}: {error}") from error
    if not all(isinstance(row, dict) for row in rows):
        raise FileFormatError(f"{path} is not a history: each line must be an object")
    return rows


def options_of(record: dict[str, Any], path: Path) -> argparse.Namespace:
    """Return the options in a record, parsed."""
    known = defaults()
    given = {k: v for k, v in record["configuration"].items() if k not in OUTPUT_OPTIONS}
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise FileFormatError(
            f"{path} has options that this version of lamella does not know: {', '.join(unknown)}"
        )
    return argparse.Namespace(**{**known, **given})
