"""Kill trainings and studies with SIGKILL, resume them, and compare the results.

python -m tests.interrupt --kills 200            both at random moments, so many kills each
python -m tests.interrupt --study --kills 200    one of them: --training, --study, or --command,
                                                 which is lamella train, each in a new process
python -m tests.interrupt --every-call           before every call that changes the file system
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # a process without threads can be forked

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.interrupt import commands, studies, trainings
from tests.interrupt.killing import Counts

AT_RANDOM: dict[str, Callable[[int, int, Path], Counts]] = {
    "training": trainings.at_random,
    "study": studies.at_random,
    "command": commands.at_random,
}


def main() -> None:
    """Run the chosen checks and print how often the results were equal."""
    parser = argparse.ArgumentParser(prog="python -m tests.interrupt", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    for kind in AT_RANDOM:
        parser.add_argument(f"--{kind}", action="store_true")
    parser.add_argument("--every-call", action="store_true")
    names = {scene.__name__: scene for scene in trainings.SCENES}
    parser.add_argument("--scene", choices=list(names), help="of --every-call (default: all)")
    args = parser.parse_args()
    asked = [kind for kind in AT_RANDOM if vars(args)[kind]]
    kinds = asked or (["training"] if args.scene else ["training", "study"])
    for kind in kinds:
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as root:
            if not args.every_call:
                counts = AT_RANDOM[kind](args.kills, args.seed, Path(root))
            elif kind == "training":
                scenes = (names[args.scene],) if args.scene else trainings.SCENES
                counts = trainings.before_every_call(Path(root), scenes)
            elif kind == "study":
                counts = studies.before_every_call(Path(root))
            else:
                parser.error("--every-call is for trainings and studies")
        print(f"{counts} ({time.perf_counter() - began:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
