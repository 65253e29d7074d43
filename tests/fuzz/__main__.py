"""Long form of the fuzzer: many mutated files, and a table of the results.

python -m tests.fuzz --files 100000 --seed 0 --processes 2
python -m tests.fuzz --kind images --only 1234 --seed 0      one file again, with its error
"""

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from tests.fuzz.worker import KINDS

CHUNK = 2000  # files a process reads before the next one begins


class Tally:
    """Results for the files of one kind."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.outcomes: Counter[str] = Counter()
        self.problems: list[tuple[int, str]] = []
        self.seconds = self.mb = 0.0

    def add(self, number: int, result: dict[str, Any]) -> None:
        """Count one file."""
        if result["problem"]:
            self.outcomes["problems"] += 1
            self.problems.append((number, result["problem"]))
        else:
            self.outcomes[result["outcome"]] += 1
        self.seconds = max(self.seconds, result["seconds"])
        self.mb = max(self.mb, result["mb"])

    def row(self) -> str:
        """Return one line of the table."""
        counts = [self.outcomes[name] for name in ("refused", "accepted", "problems")]
        numbers = "".join(f"{count:>10,}" for count in (sum(counts), *counts))
        return f"{self.kind:<10}{numbers}{self.seconds:>10.2f} s{self.mb:>10.0f} MB"


def read_all(tally: Tally, seed: int, start: int, stop: int, step: int = 1) -> None:
    """Read files in separate processes; report one that dies, and continue with the next file."""
    while start < stop:
        end = min(start + CHUNK * step, stop)
        command = [sys.executable, "-m", "tests.fuzz.worker", tally.kind]
        numbers = [str(number) for number in (seed, start, end, step)]
        with subprocess.Popen([*command, *numbers], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                result = json.loads(line)
                if "number" in result:
                    number = result["number"]
                    start = number + step
                else:
                    tally.add(number, result)
        if process.returncode < 0:
            died = f"the process died of signal {-process.returncode} (14, 27: it took too long)"
            tally.add(number, {"problem": died, "seconds": 0, "mb": 0})
        elif process.returncode > 0:
            raise SystemExit(f"the fuzzer itself failed, near file {start} of {tally.kind}")
        else:
            start = end


def fuzz(files: int, seed: int, kinds: Sequence[str], processes: int = 1) -> list[Tally]:
    """Read ``files`` in all, as many of each kind."""
    tallies = []
    for kind in kinds:
        tally = Tally(kind)
        threads = [
            threading.Thread(target=read_all, args=(tally, seed, i, files // len(kinds), processes))
            for i in range(processes)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        tallies.append(tally)
    return tallies


def main() -> int:
    """Run the command line; the status is 1 if there is any problem."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=list(KINDS), action="append")
    parser.add_argument("--only", type=int, help="the number of one file")
    parser.add_argument("--processes", type=int, default=1)
    args = parser.parse_args()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    kinds, began = args.kind or list(KINDS), time.perf_counter()
    if args.only is not None:
        tallies = [Tally(kind) for kind in kinds]
        for tally in tallies:
            read_all(tally, args.seed, args.only, args.only + 1)
    else:
        tallies = fuzz(args.files, args.seed, kinds, args.processes)
    print("kind           files   refused  accepted  problems     slowest  most memory")
    print(*(tally.row() for tally in tallies), sep="\n")
    for tally in tallies:
        for number, problem in tally.problems[:20]:
            print(f"\n{tally.kind} {number}: {problem}")
    print(f"\nseed {args.seed}, {time.perf_counter() - began:.0f} s")
    return int(any(tally.problems for tally in tallies))


if __name__ == "__main__":
    sys.exit(main())
