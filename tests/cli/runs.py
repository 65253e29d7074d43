"""Short trainings from the command line, and their files."""

import json
from pathlib import Path
from typing import Any

QUICK = ["--epochs", 1, "--batch-size", 2500, "--quiet"]


def record_of(folder: Path) -> dict[str, Any]:
    record = json.loads((folder / "run.json").read_text())
    assert isinstance(record, dict)
    return record


def history_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
