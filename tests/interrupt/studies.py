"""Studies, killed with or without their workers and resumed by the same call."""

import os
import random
import shutil
import signal
import time
from functools import partial
from pathlib import Path

from lamella.studies import Study
from tests.data import contents
from tests.interrupt.killing import Counts, died, forked, group, killed_until_done
from tests.studies.small import RUN, small_study, times
from tests.subprocesses import TIME_LIMIT

IDLE = 5  # seconds without work, after which a worker has no run
SHARED = Path("/dev/shm")


def study(seeds: int = 3, epochs: int = 60) -> Study:
    """Return a study of three arms, of which the last one diverges."""
    arms = {
        "fast": {"optimizer.lr": 3e-2},
        "dropped": {"optimizer.lr": 3e-2, "model.dropout": 0.2},
        "wild": {"optimizer": {"class": "SGD", "lr": 1e30}},
    }
    return small_study(arms=arms, seeds=seeds).resized(epochs=epochs)


def at_random(kills: int, seed: int, root: Path) -> Counts:
    """Kill studies at random moments, ``kills`` times in all."""
    rng, counts = random.Random(seed), Counts("studies")
    _in_peace(study(), root / "warm")
    alone = {n_jobs: _in_peace(study(), root, n_jobs) for n_jobs in (1, 2)}
    expected = contents(root / "peace")
    while counts.kills < kills:
        n_jobs = rng.choice((1, 1, 2))  # workers take long to begin
        out = root / f"{counts.done}-{n_jobs}"
        kept: dict[str, tuple[int, int]] = {}
        start = partial(_start, study(), out, n_jobs, kept)
        kill = partial(_kill, rng)
        hit = killed_until_done(start, rng, rng.randint(1, 5), (0, 0.9 * alone[n_jobs]), kill)
        expect_same(out, expected, kept, f"{hit} kills, n_jobs={n_jobs}")
        counts.add(hit)
    return counts


def before_every_call(root: Path) -> Counts:
    """Kill a study before its first, second, ... call that changes the file system."""
    counts, small = Counts("studies"), study(seeds=1, epochs=2)
    _in_peace(small, root)
    expected = contents(root / "peace")
    number, killed = 0, True
    while killed:
        number += 1
        out, kept = root / str(number), {}
        killed = died(_start(small, out, 1, kept, before=number))
        if killed:
            assert not died(_start(small, out, 1, kept))
        expect_same(out, expected, kept, f"killed before call {number}")
        counts.add(int(killed))
    return counts


def _in_peace(study: Study, root: Path, n_jobs: int = 1) -> float:
    """Run a study to its end and return how long that took."""
    began = time.perf_counter()
    if n_jobs == 1:
        _run(study, root / "peace", 1)  # in this process, so that all that are forked are warm
    else:
        assert not died(forked(partial(_run, study, root / f"peace-{n_jobs}", n_jobs)))
    return time.perf_counter() - began


def _start(
    study: Study, out: Path, n_jobs: int, kept: dict[str, tuple[int, int]], before: int = 0
) -> int:
    """Run the study, or resume it, and record the runs finished before."""
    if (out / "runs").exists():
        kept.update(times(out / "runs"))
    return forked(partial(_run, study, out, n_jobs), before)


def _run(study: Study, out: Path, n_jobs: int) -> None:
    # joblib's resource tracker warns of everything that it cleans up after a killed process.
    os.environ["PYTHONWARNINGS"] = "ignore:resource_tracker"
    study.run(**RUN, out=out, n_jobs=n_jobs)


def _kill(rng: random.Random, leader: int) -> None:
    """Kill a study with all its workers, or without: then they must end by themselves."""
    if rng.random() < 0.5:
        os.killpg(leader, signal.SIGKILL)
    else:
        os.kill(leader, signal.SIGKILL)
        _expect_alone(leader)
    # Files that joblib shares between workers are no results; their tracker was killed too.
    for path in [*SHARED.glob(f"joblib_memmapping_folder_{leader}_*")]:
        shutil.rmtree(path, ignore_errors=True)
    for path in SHARED.glob(f"sem.loky-{leader}-*"):
        path.unlink(missing_ok=True)


def _expect_alone(leader: int) -> None:
    """Wait until the workers of a killed study have ended; kill those that do nothing.

    Workers that had no run yet do not know their parent: joblib ends them in five minutes.
    """
    end = time.monotonic() + TIME_LIMIT
    before, changed = [""], time.monotonic()
    while left := [process for process in group(leader) if process != leader]:
        ticks = [_ticks(process) for process in left]
        if ticks != before:
            before, changed = ticks, time.monotonic()
        elif time.monotonic() > changed + IDLE:
            os.killpg(leader, signal.SIGKILL)
            return
        if time.monotonic() > end:
            os.killpg(leader, signal.SIGKILL)
            raise AssertionError(f"the study was killed, and its workers {left} continue")
        time.sleep(0.05)


def _ticks(process: int) -> str:
    """Return the processor time of a process; nothing if it has ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def expect_same(
    out: Path, expected: dict[str, bytes], kept: dict[str, tuple[int, int]], how: str
) -> None:
    """Raise an AssertionError unless the folder is as expected and finished runs are unchanged.

    Logs are compared by their names only: they hold times.
    """
    found = contents(out)
    names = [name for name in {**expected, **found} if not name.startswith("log/")]
    wrong = [name for name in names if found.get(name) != expected.get(name)]
    wrong += sorted(found.keys() ^ expected.keys())
    if wrong:
        raise AssertionError(f"{out.name}, {how}: not the same: {', '.join(wrong)}")
    again = [name for name, when in kept.items() if times(out / "runs")[name] != when]
    if again:
        raise AssertionError(f"{out.name}, {how}: written twice: {', '.join(again)}")
