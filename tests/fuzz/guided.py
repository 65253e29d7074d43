"""Fuzzing guided by coverage: atheris keeps and mutates the inputs that reach new lines.

    pip install atheris
    python -m tests.fuzz.guided --seconds 120               models, arrays and studies
    python -m tests.fuzz.guided --kind models --seconds 120

It begins with the good files of `tests.fuzz` and reads with its readers. Each input that it finds
is a file in the folder ``found``.
"""

import argparse
import contextlib
import importlib.util
import re
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

WATCHED = ["lamella", "tomllib"]  # whose lines count
ROOM = 2048  # MB
LONGEST = {"models": 2**16, "arrays": 2**13, "images": 2**14, "studies": 2**13}
# Wall-clock seconds, for readers that never end; SECONDS limits processor time.
LIMITS = ("-timeout=600", f"-rss_limit_mb={ROOM}", "-print_final_stats=1", "-verbosity=1")


def inside(kind: str, folder: Path, options: list[str]) -> None:
    """Read files without end; libFuzzer ends the process."""
    import warnings

    import atheris

    sys.modules["numba"] = None  # type: ignore[assignment]  # it keeps files in the user's cache
    with atheris.instrument_imports(include=WATCHED):
        import numpy as np

        import lamella as lm
        from tests.fuzz.worker import KINDS, SECONDS, samples_of

    warnings.simplefilter("ignore")
    for number, content in enumerate(samples_of(kind)):
        (folder / "corpus" / str(number)).write_bytes(content)
    path = folder / "file.toml"

    def read(content: bytes) -> None:
        path.write_bytes(content)
        began = time.process_time()
        with contextlib.suppress(lm.LamellaError):  # refused, as it should be
            KINDS[kind].read(path)
        assert time.process_time() - began < SECONDS, "it took too long"

    def mutated(content: bytes, most: int, seed: int) -> bytes:
        if seed % 8 == 0:
            return KINDS[kind].make(np.random.default_rng(seed))[:most]
        if kind == "models" and seed % 2:
            return description_mutated(content, most, atheris.Mutate)
        return bytes(atheris.Mutate(content, most))

    argv = [sys.argv[0], str(folder / "corpus"), f"-max_len={LONGEST[kind]}", *LIMITS, *options]
    atheris.Setup(argv, read, custom_mutator=mutated)
    atheris.Fuzz()


def description_mutated(content: bytes, most: int, mutate: Any) -> bytes:
    """Mutate the tables of a model file, whose length stands before them."""
    size = int.from_bytes(content[:8], "little")
    head, numbers = content[8 : 8 + size], content[8 + size :]
    room = most - 8 - len(numbers)
    if room < 1:
        return bytes(mutate(content, most))
    head = bytes(mutate(head, room))
    return struct.pack("<Q", len(head)) + head + numbers


def fuzz(kind: str, seconds: int, seed: int) -> tuple[str, bool]:
    """Fuzz for some seconds in a separate process; return a report, and whether all went well."""
    found = Path("found").absolute()
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "corpus").mkdir()
        options = [f"-max_total_time={seconds}", f"-seed={seed + 1}", f"-artifact_prefix={place}/"]
        argv = [sys.executable, "-m", "tests.fuzz.guided", "--inside", place, "--kind", kind]
        done = subprocess.run([*argv, *options], stderr=subprocess.STDOUT, stdout=subprocess.PIPE)
        said = done.stdout.decode(errors="replace")
        for path in Path(place).glob("*-*"):  # crash-, timeout-, oom-
            found.mkdir(exist_ok=True)
            (found / f"{kind}-{path.name}").write_bytes(path.read_bytes())
    runs = re.search(r"number_of_executed_units: (\d+)", said)
    lines = re.findall(r"cov: (\d+)", said)
    if done.returncode or not runs or not lines:
        return f"{kind}: status {done.returncode}, see {found}\n{said[-3000:]}", False
    count = f"{int(runs[1]):,} files, {lines[0]} places reached at first, {lines[-1]} in the end"
    return f"{kind}: {count}, no problem", True


def main() -> int:
    """Run the command line; the status is 1 if there is any problem."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.guided", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--kind", choices=list(LONGEST), action="append")
    parser.add_argument("--seconds", type=int, default=120, help="for each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    args, options = parser.parse_known_args()
    if importlib.util.find_spec("atheris") is None:
        parser.error("atheris is not installed: pip install atheris")
    kinds = args.kind or ["models", "arrays", "studies"]
    if args.inside:
        inside(kinds[0], Path(args.inside), options)
    if options:
        parser.error(f"unknown options: {' '.join(options)}")
    good = True
    for kind in kinds:
        said, well = fuzz(kind, args.seconds, args.seed)
        print(said, flush=True)
        good = good and well
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
