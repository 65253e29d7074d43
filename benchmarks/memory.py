"""Measure the memory of importing, loading MNIST and training, in lamella and other libraries.

    python -m benchmarks.memory            # about 2 minutes
    python -m benchmarks.memory --quick    # a tenth of an epoch, once

Each contestant runs in fresh processes with the work of `python -m benchmarks.peers`: import the
library, load the images, train an epoch with Adam. The table shows the peak resident set after each
stage (Python and numpy included) in MB of 10^6 bytes, as the median of the rounds, and its ratio to
the first contestant. lamella reads its bundled images and stores them as bytes; the others read
uncompressed arrays, the cheapest way, and store images as float32, as their users do.
"""

import argparse
import json
import statistics
from itertools import accumulate
from pathlib import Path
from typing import Any

from benchmarks.peers import machine
from benchmarks.peers.measure import IMAGES, mnist_folder, prepare
from benchmarks.peers.process import Left, Worker
from benchmarks.peers.tasks import Task
from benchmarks.peers.with_lamella import build
from benchmarks.peers.worker import MAKERS

CONTESTANTS = ("lamella", "lamella, no numba", "PyTorch", "JAX", "scikit-learn")
STAGES = {"imported": "import", "loaded": "MNIST loaded", "trained": "an epoch trained"}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.memory",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--network", default="784-256-30-10@64", metavar="SIZES@BATCH")
    parser.add_argument(
        "--contestants",
        nargs="+",
        choices=MAKERS,
        metavar="NAME",
        default=list(CONTESTANTS),
        help=f"some of {', '.join(MAKERS)}; default {', '.join(CONTESTANTS)}",
    )
    parser.add_argument("--threads", type=int, default=1, help="per contestant, default 1")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one round of a tenth of an epoch")
    parser.add_argument("--out", type=Path, default=Path("memory.json"), help="the record")
    return parser.parse_args()


def measure(name: str, setup: dict[str, Any], samples: int, key: int) -> dict[str, int]:
    """Return the peak of a fresh process after each stage, in bytes."""
    if name.startswith("lamella"):
        setup = {**setup, "data": None}  # its own loader is part of its cost
    worker = Worker(name, setup)
    try:
        trained = worker.ask(do="train", samples=samples, epoch=0, key=key)
    finally:
        worker.close()
    peaks = worker.about["imported_bytes"], worker.about["loaded_bytes"], trained["peak_bytes"]
    # A kernel with many processors counts to within some pages: a later peak may read lower.
    return dict(zip(STAGES, accumulate(peaks, max), strict=True))


def table(record: dict[str, Any]) -> str:
    """Return the measurements as a Markdown table."""
    facts = record["machine"]
    versions = ", ".join(f"{k} {v}" for k, v in facts["versions"].items() if v)
    lines = [f"{facts['system']}, Python {facts['python']}, {versions}", ""]
    lines += [f"Peak resident memory in MB, {record['network']}, Adam.", ""]
    heads = [cell for title in STAGES.values() for cell in (f"{title}, MB", "ratio")]
    lines += [f"| contestant | {' | '.join(heads)} |", f"|{'---|' * (len(heads) + 1)}"]
    medians = {
        name: {stage: statistics.median(peaks[stage] for peaks in rounds) for stage in STAGES}
        for name, rounds in record["peaks"].items()
    }
    for name, own in medians.items():
        base = next(iter(medians.values()))
        cells = [f"{own[s] / 1e6:.0f} | {own[s] / base[s]:.2f}" for s in STAGES]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += [f"\n{name} takes no part: {why}" for name, why in record["left_out"].items()]
    return "\n".join(lines)


def main() -> None:
    options = parse()
    rounds, samples = (1, IMAGES // 10) if options.quick else (options.rounds, IMAGES)
    task = Task.parse(options.network, "adam")
    model = build(task)
    record: dict[str, Any] = {
        "machine": machine.facts(),
        "network": task.name,
        "threads": options.threads,
        "samples": samples,
        "peaks": {},
        "left_out": {},
    }
    with mnist_folder() as folder:
        setup = prepare(task, model, folder, options.threads)
        key = model.streams.key("shuffle", 0)
        for name in options.contestants:
            try:
                record["peaks"][name] = [measure(name, setup, samples, key) for _ in range(rounds)]
            except Left as reason:
                record["left_out"][name] = str(reason)
    print(table(record))
    options.out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
