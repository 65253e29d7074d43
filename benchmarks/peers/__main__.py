"""Compare lamella with other libraries: whole epochs on MNIST, and predictions.

    python -m benchmarks.peers                                # five networks, about 25 minutes
    python -m benchmarks.peers --networks report --optimizer sgd momentum adam    # all, hours
    python -m benchmarks.peers --networks 784-256-30-10@64 --threads 1            # one
    python -m benchmarks.peers --samples 600 2000             # few images, often
    python -m benchmarks.peers --quick                        # smoke test only

benchmarks/README.md lists the packages to install; a contestant that is not installed is skipped,
and the table says so. Each has its own process, may use the same number of threads, starts from the
same weights and sees the images in the same order (scikit-learn in its own). In every round each in
turn trains one epoch untimed and one timed (shuffling, gathering, forward, backward, update), so
that other load on the machine affects all of them equally. The tables show medians and quartiles,
and the ratios of each round. lamella stores images as bytes, the others as float32 tensors.

The floor is not a contestant but the time of all matrix products of a step in numpy, plus one pass
over parameters, gradients and moments at the bandwidth of this machine.
"""

import argparse
import json
import sys
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.peers import machine
from benchmarks.peers.measure import measure, mnist_folder
from benchmarks.peers.table import section, table
from benchmarks.peers.tasks import DEFAULT, LEARNING_RATES, REPORT, Task
from benchmarks.peers.worker import MAKERS

ON_REQUEST = ("PyTorch fused, flushed", "PyTorch compiled")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--networks",
        nargs="+",
        default=DEFAULT,
        metavar="SIZES@BATCH",
        help="such as 784-256-30-10@64, or ...@64+regularized; report: all of the report's",
    )
    parser.add_argument("--optimizer", nargs="+", choices=LEARNING_RATES, default=["adam"])
    parser.add_argument(
        "--contestants",
        nargs="+",
        choices=MAKERS,
        metavar="NAME",
        default=[name for name in MAKERS if name not in ON_REQUEST],
        help=f"some of {', '.join(MAKERS)}; the first is the baseline",
    )
    parser.add_argument(
        "--threads",
        nargs="+",
        type=int,
        default=sorted({1, len(machine.processors())}),
        help="per contestant, one measurement for each number; default 1 and all cores",
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.4, help="of a round of the first one")
    parser.add_argument(
        "--samples",
        nargs="+",
        type=int,
        default=[None],
        metavar="N",
        help="images of a round, one measurement for each number; default as many as --seconds "
        "allows",
    )
    parser.add_argument(
        "--without-zeros",
        action="store_true",
        help="images whose black is 1, not 0: lamella leaves out products with zeros",
    )
    parser.add_argument("--quick", action="store_true", help="few short rounds of one network")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("peers.json"),
        help="JSON file; the picture has the same name",
    )
    options = parser.parse_args()
    if options.networks == ["report"]:
        options.networks = REPORT
    if options.quick:
        options.rounds, options.seconds = 3, 0.05
        if options.networks is DEFAULT:
            options.networks = ["784-256-30-10@64"]
    return options


def main() -> None:
    options = parse()
    tasks = [Task.parse(name, rule) for name in options.networks for rule in options.optimizer]
    record: dict[str, Any] = {
        "machine": machine.facts(),
        "options": {
            "threads": options.threads,
            "rounds": options.rounds,
            "quick": options.quick,
            "without zeros": options.without_zeros,
        },
        "warnings": machine.warnings(max(options.threads)),
        "results": [],
    }
    for warning in record["warnings"]:
        print(f"WARNING: {warning}.", file=sys.stderr)
    with mnist_folder(darkest=int(options.without_zeros)) as folder:
        for task, threads, samples in product(tasks, options.threads, options.samples):
            result = measure(
                task,
                options.contestants,
                folder,
                threads=threads,
                rounds=options.rounds,
                seconds=options.seconds,
                samples=samples,
            )
            record["results"].append(result)
            print("\n".join(section(result)), file=sys.stderr, flush=True)
            options.out.write_text(json.dumps(record, indent=1) + "\n")
    print(table(record))
    try:
        from benchmarks.peers.picture import picture
    except ImportError:
        print("no picture: matplotlib is not installed", file=sys.stderr)
    else:
        picture(record, options.out.with_suffix(".png"))


if __name__ == "__main__":
    main()
