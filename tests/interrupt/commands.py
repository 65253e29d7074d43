"""The command ``lamella train``, killed at random moments and resumed by ``--resume``."""

import json
import os
import random
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from tests.interrupt.killing import Counts, died, forked, killed_until_done
from tests.networks import without_times

OPTIONS = "--hidden 16 --dropout 0.2 --batch-norm --epochs 4 --batch-size 50 --quiet --seed 5"


def at_random(kills: int, seed: int, root: Path) -> Counts:
    """Kill commands at random moments, ``kills`` times in all."""
    rng, counts = random.Random(seed), Counts("commands")
    began = time.perf_counter()
    assert not died(forked(lambda: _train(root / "peace")))
    alone = time.perf_counter() - began
    expected = _files(root / "peace")
    while counts.kills < kills:
        folder = root / str(counts.done)
        start = partial(forked, partial(_train, folder))
        hit = killed_until_done(start, rng, rng.randint(1, 4), (0.3 * alone, alone))
        assert _files(folder) == expected, f"{folder} after {hit} kills: not the same"
        counts.add(hit)
    return counts


def _train(folder: Path) -> None:
    """Become the command that trains into a folder, or resumes the training there."""
    begun = (folder / "checkpoints" / "begun.json").exists()
    go_on = begun or (folder / "run.json").exists()
    new = ["--out", str(folder), "--overwrite", *OPTIONS.split()]
    words = ["--resume", str(folder), "--quiet"] if go_on else new
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.execv(sys.executable, [sys.executable, "-m", "lamella", "train", *words])


def _files(folder: Path) -> dict[str, Any]:
    """Return the files of a run without times; curves.png follows from the history."""
    record = json.loads((folder / "run.json").read_text())
    del record["seconds"], record["configuration"]
    rows = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    return {
        "names": sorted(file.name for file in folder.iterdir()),
        "run.json": record,
        "history.jsonl": without_times(rows),
        "model.safetensors": (folder / "model.safetensors").read_bytes(),
    }
