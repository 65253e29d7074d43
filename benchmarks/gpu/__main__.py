"""Compare lamella on a GPU with PyTorch and JAX there, or settle what only a GPU can show.

    python -m benchmarks.gpu                      # whole epochs of five networks, minutes
    python -m benchmarks.gpu --settle             # all checks that need a GPU, under 8 minutes
    python -m benchmarks.gpu --device cpu         # smoke test without a GPU
    python -m benchmarks.gpu --settle --device cpu

Neither has run on a GPU yet. From a checkout that is not installed, set PYTHONPATH=src.

Contestants, steps, rounds and checks are those of benchmarks.peers: each has its own process, the
same start weights, the same order of images and its data on the device; a contestant that cannot
run is skipped with its reason. The clock is the host's, around a whole epoch that ends with the
mean loss on the host, which waits for the device: this is the time of a user, and events of CUDA
could not include JAX, whose streams are its own. TF32 is off unless ``--tf32`` is given.

With ``--device cpu`` PyTorch and JAX run on the processor and lamella on its stand-in for cupy,
with small networks; the times say nothing.
"""

import argparse
import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.gpu.checks import CHECKS
from benchmarks.gpu.checks.process import GOES_ON
from benchmarks.gpu.device import gpu_facts
from benchmarks.gpu.race import race, section
from benchmarks.gpu.settle import settle
from benchmarks.gpu.worker import MAKERS
from benchmarks.peers import machine
from benchmarks.peers.measure import IMAGES, mnist_folder
from benchmarks.peers.process import ROOT
from benchmarks.peers.tasks import DEFAULT, LEARNING_RATES, Task

SMALL = ("784-12-10@16",)  # network and images of a smoke test
FEW = 256


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--device", choices=("gpu", "cpu"), default="gpu")
    parser.add_argument(
        "--out",
        type=Path,
        help="JSON file; default gpu.json, or for --settle on "
        "a GPU docs/gpu-YYYY-MM-DD.json of the checkout",
    )
    parser.add_argument("--networks", nargs="+", metavar="SIZES@BATCH")
    parser.add_argument("--optimizer", choices=LEARNING_RATES, default="adam")
    parser.add_argument(
        "--contestants",
        nargs="+",
        choices=MAKERS,
        metavar="NAME",
        help=f"some of {', '.join(MAKERS)}; the first is the baseline",
    )
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--tf32", action="store_true", help="let the others' products use TF32")
    parser.add_argument("--settle", action="store_true", help="run the checks")
    parser.add_argument(
        "--checks",
        nargs="+",
        choices=CHECKS,
        metavar="NAME",
        default=list(CHECKS),
        help=f"some of {', '.join(CHECKS)}",
    )
    parser.add_argument("--seconds", type=float, default=470, help="of all checks, default 470")
    parser.add_argument("--keep-going", action="store_true", help="go on after a wrong number")
    options = parser.parse_args()
    if options.rounds is not None and options.rounds < 1:
        parser.error(f"--rounds must be at least 1, got {options.rounds}")
    return options


def main() -> None:
    options = parse()
    if options.settle:
        sys.exit(settle_all(options))
    compare(options)


def settle_all(options: argparse.Namespace) -> int:
    """Run the checks; return 1 if one of them is neither right nor skipped."""
    name = f"gpu-{date.today().isoformat()}.json"
    out = options.out or (ROOT / "docs" / name if options.device == "gpu" else Path(name))
    record = settle(
        {name: check for name, check in CHECKS.items() if name in options.checks},
        options.device,
        out,
        seconds=options.seconds,
        keep_going=options.keep_going,
    )
    print(f"written to {out}")
    return int(any(found["outcome"] not in GOES_ON for found in record["checks"].values()))


def compare(options: argparse.Namespace) -> None:
    """Measure the networks and write the file after each."""
    is_gpu = options.device == "gpu"
    names = options.networks or (DEFAULT if is_gpu else SMALL)
    record: dict[str, Any] = {
        "machine": machine.facts(),
        "gpu": gpu_facts(),
        "device": options.device,
        "tf32": options.tf32,
        "results": [],
    }
    out = options.out or Path("gpu.json")
    with mnist_folder(images=IMAGES if is_gpu else FEW) as folder:
        for name in names:
            result = race(
                Task.parse(name, options.optimizer),
                folder,
                device=options.device,
                names=options.contestants,
                rounds=options.rounds or (7 if is_gpu else 2),
                seconds=0.4 if is_gpu else 0.05,
                samples=None if is_gpu else FEW,
                tf32=options.tf32,
            )
            record["results"].append(result)
            print("\n".join(["", *section(result)]), flush=True)
            out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
