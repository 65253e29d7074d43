"""Repeat runs of a study, and say of each whether every bit is the same."""

from pathlib import Path

from lamella.cli.messages import counted, print_error


def study_of(folder: Path) -> tuple[Path, str | None] | None:
    """Return the study's folder and, if ``folder`` is that of one of its runs, the run's key."""
    if (folder / "study.json").exists():
        return folder, None
    folder = folder.resolve()
    if folder.parent.name == "runs" and (folder.parent.parent / "study.json").exists():
        return folder.parent.parent, folder.name
    return None


def verify(folder: Path, key: str | None, *, most: int | None, quiet: bool) -> int:
    """Train runs once more; the status is 1 if anything is another."""
    from lamella.studies.running.repeat import repeat_runs

    wrong = runs = epochs = 0
    others: dict[str, None] = {}
    for found in repeat_runs(folder, most=most, keys=None if key is None else [key]):
        name = f"arm {found.task.arm!r}, seed {found.task.seed}"
        runs, wrong = runs + 1, wrong + bool(found.parts)
        epochs += len(found.run.epochs) if found.run else 0
        others.update(dict.fromkeys(found.others))
        for part in found.parts:
            print_error(f"{name}: {part}")
        if not (found.parts or quiet):
            print(f"{name}: the same bits", flush=True)
    if others:
        print_error(f"the study was run with another {'; '.join(others)}")
    if not wrong:
        size = f"{counted(runs, 'run')} of {counted(epochs, 'epoch')}"
        print(f"the same bits: {size}, {'its' if runs == 1 else 'their'} scores and predictions")
        return 0
    why = "that may be the reason" if others else "nothing else in the record is another"
    print_error(f"the bits of {wrong} of {runs} runs are not the same; {why}")
    return 1
