"""Read mutated files one after the other, and watch the acts of Python for each of them.

    python -m tests.fuzz.worker KIND SEED START STOP STEP

For each file it prints its number, then the result. A file that takes too long ends the
process by SIGPROF or SIGALRM, one that wants too much memory meets the process's limit.
"""

import contextlib
import json
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import lamella as lm
from tests.fuzz import archives, arrays, images, models, studies
from tests.fuzz.mutate import Rng

MB = 2**20
SECONDS = 20  # of processor time; the slowest takes some 2
WAITING = 600  # wall-clock seconds, for a reader that waits instead of computing
ADDRESSES = 6 * 2**30
WATCHED = ("subprocess.", "os.exec", "os.posix_spawn", "os.system", "os.fork", "pickle.", "socket.")
CHANGES = ("os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.link", "os.symlink", "shutil.")


@dataclass(frozen=True)
class Kind:
    """A kind of file: functions to make and read one, and the memory that reading may take.

    That is ``room`` MB and ``times`` the size of the file.
    """

    make: Callable[[Rng], bytes]
    read: Callable[[Path], None]
    samples: Callable[[], Any]
    room: int
    times: int


KINDS = {
    "models": Kind(models.make, models.read, models.samples, 32, 16),
    "arrays": Kind(arrays.make, arrays.read, arrays.samples, 3 * 64, 3 * 32),
    "images": Kind(images.make, images.read, images.samples, 900, 16),
    "studies": Kind(studies.make_text, studies.read_text, studies.texts, 64, 16),
    "results": Kind(studies.make_results, studies.read_results, studies.results, 32, 32),
    "archives": Kind(archives.make, archives.read, archives.samples, 200, 256),
}


class Watch:
    """Acts, while ``on``, that reading a file never needs.

    Python tells it of every file opened, program started, module imported and code run.
    """

    def __init__(self) -> None:
        self.on = False
        self.seen: list[str] = []
        sys.addaudithook(self.hear)

    def hear(self, event: str, args: tuple[Any, ...]) -> None:
        """Note an event if it is one of those that must not be."""
        if not self.on:
            return
        if event == "open":
            mode, flags = args[1], args[2] or 0
            if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) or "w" in str(mode):
                self.seen.append(f"open {args[0]!r:.80} to write")
        elif event == "exec":
            name = getattr(args[0], "co_filename", "?")
            if not Path(name).is_file() and not name.startswith(("<frozen", "<string>")):
                self.seen.append(f"ran code of {name!r:.80}")
        elif event.startswith((*WATCHED, *CHANGES)):
            self.seen.append(f"{event} {args!r:.80}")


def reset_peak() -> None:
    """Let the kernel count the most memory used from here on; Linux only."""
    Path("/proc/self/clear_refs").write_text("5")


def memory(field: str) -> float:
    """Return memory in MB: VmHWM, the peak since `reset_peak`, or VmRSS, the current use."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise KeyError(field)


def place(folder: Path, kind: str, content: bytes) -> Path:
    """Put a file (or, for results, a folder) where it is read from."""
    if kind != "results":
        path = folder / "file.toml"
        path.write_bytes(content)
        return path
    for name, text in json.loads(content).items():
        path = folder / "results" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes.fromhex(text))
    return folder / "results"


def attempt(name: str, number: int, seed: int, folder: Path, watch: Watch) -> dict[str, Any]:
    """Make file ``number``, read it, and return the result."""
    kind = KINDS[name]
    content = kind.make(np.random.default_rng([seed, list(KINDS).index(name), number]))
    path = place(folder, name, content)
    outcome, problem = "accepted", ""
    reset_peak()
    before, began = memory("VmRSS"), time.process_time()
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    signal.alarm(WAITING)
    watch.seen, watch.on = [], True
    try:
        kind.read(path)
    except lm.LamellaError:
        outcome = "refused"
    except BaseException:
        problem = traceback.format_exc(limit=-6)
    watch.on = False
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.alarm(0)
    seconds, used = time.process_time() - began, memory("VmHWM") - before
    size = len(content) / MB
    if not problem and watch.seen:
        problem = f"it made Python do: {watch.seen[:5]}"
    if not problem and used > kind.room + kind.times * size:
        problem = f"{used:.0f} MB for a file of {size:.2f} MB"
    left = sorted(str(p) for p in folder.iterdir())
    if not problem and left != [str(path)]:
        problem = f"it left other files behind: {left}"
    return {"outcome": outcome, "problem": problem, "seconds": seconds, "mb": used, "size": size}


def main(name: str, seed: int, start: int, stop: int, step: int) -> None:
    """Read files ``start``, ``start + step``, ... and print a line for each."""
    warnings.simplefilter("ignore")
    sys.modules["numba"] = None  # type: ignore[assignment]  # it keeps files in the user's cache
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    watch = Watch()
    with tempfile.TemporaryDirectory() as place_:
        folder = Path(place_)
        os.chdir(folder)
        for content in samples_of(name):  # all that is imported late is imported now
            with contextlib.suppress(lm.LamellaError):
                KINDS[name].read(place(folder, name, content))
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
        for number in range(start, stop, step):
            print(json.dumps({"number": number}), flush=True)
            print(json.dumps(attempt(name, number, seed, folder, watch)), flush=True)


def samples_of(name: str) -> list[bytes]:
    """Return good files of a kind."""
    samples = KINDS[name].samples()
    if isinstance(samples, dict):
        return [json.dumps({file: content.hex() for file, content in samples.items()}).encode()]
    return list(samples)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
