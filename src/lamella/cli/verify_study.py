"""Repeat runs of a study and check that each is bit-identical."""

import os
from collections.abc import Collection
from pathlib import Path

from lamella.cli.messages import print_error
from lamella.core.wording import counted


def study_of(folder: Path) -> tuple[Path, str | None] | None:
    """Return the folder of studies, or an archive; and the key, if ``folder`` is that of a run."""
    if folder.is_file() or (folder / "study.json").exists() or any(folder.glob("*/study.json")):
        return folder, None
    folder = Path(os.path.realpath(folder))  # which takes a loop of links as it is
    if folder.parent.name == "runs" and (folder.parent.parent / "study.json").exists():
        return folder.parent.parent, folder.name
    return None


def verify(folder: Path, key: str | None, *, most: int | None, quiet: bool) -> int:
    """Repeat runs; the status is 1 if any differs."""
    from lamella.studies.running.repeat import repeat_runs

    wrong = runs = epochs = 0
    others: dict[str, None] = {}
    for found in repeat_runs(folder, most=most, keys=None if key is None else [key]):
        name = f"arm {found.task.arm!r}, seed {found.task.seed}"
        several = not (folder / "study.json").exists()
        name = f"{found.task.study}, {name}" if several else name
        runs, wrong = runs + 1, wrong + bool(found.parts)
        epochs += len(found.run.epochs) if found.run else 0
        others.update(dict.fromkeys(found.others))
        for part in found.parts:
            print_error(f"{name}: {part}")
        if not (found.parts or quiet):
            print(f"{name}: bit-identical", flush=True)
    size = f"{counted(runs, 'run')} of {counted(epochs, 'epoch')}"
    return conclude(
        f"{size}, {'its' if runs == 1 else 'their'} scores and predictions",
        f"{wrong} of {runs} runs are not bit-identical" if wrong else "",
        "study",
        others,
    )


def conclude(compared: str, wrong: str, subject: str, others: Collection[str]) -> int:
    """Print the result of a verification and return the exit status.

    ``wrong`` names the failure and is empty without one; ``others`` are differences of the
    environment.
    """
    if others:
        print_error(f"the {subject} used a different {'; '.join(others)}")
    if not wrong:
        print(f"bit-identical: {compared}")
        return 0
    why = "this may be the reason" if others else "the record shows no other difference"
    print_error(f"{wrong}; {why}")
    return 1
