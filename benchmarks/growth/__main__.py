"""Measure how the cost of training grows with width, depth, batch size and number of samples.

    python -m benchmarks.growth                     # about 10 minutes on two cores
    python -m benchmarks.growth --series depth      # one of width, depth, batch, samples
    python -m benchmarks.growth --quick             # smoke test only

All contestants train the same networks in turn, as in `python -m benchmarks.peers`, with the same
checks. The tables show medians per step (per epoch where the number of samples varies), and ratios
of each round to the first contestant; an asterisk marks quartiles over 15 % of the median apart.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.growth.series import Point, Series, make_series
from benchmarks.peers import machine
from benchmarks.peers.measure import Race, check, differences, fitting_samples, mnist_folder
from benchmarks.peers.ratios import ratios, spread
from benchmarks.peers.tasks import LEARNING_RATES
from benchmarks.peers.worker import MAKERS

CONTESTANTS = ("lamella", "lamella, no numba", "PyTorch fused", "JAX", "floor")
SERIES = ("width", "depth", "batch", "samples")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.growth",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--series", nargs="+", choices=SERIES, default=SERIES)
    parser.add_argument("--optimizer", choices=LEARNING_RATES, default="adam")
    parser.add_argument(
        "--contestants",
        nargs="+",
        choices=MAKERS,
        metavar="NAME",
        default=list(CONTESTANTS),
        help=f"some of {', '.join(MAKERS)}; default {', '.join(CONTESTANTS)}",
    )
    parser.add_argument("--threads", type=int, default=1, help="per contestant, default 1")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.15, help="of a round of the first one")
    parser.add_argument("--quick", action="store_true", help="few short rounds of small networks")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("growth.json"),
        help="JSON file; the picture has the same name",
    )
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 3, 0.02
    return options


def measure(series: Series, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Return the measurements of all points of a series as JSON data."""
    points = []
    for point in series.points:
        race = Race(point.task, options.contestants, folder, options.threads)
        try:
            points.append(
                measure_point(race, point, series.whole_epochs, options.rounds, options.seconds)
            )
        finally:
            race.close()
        print(f"{series.of} {point.at}: done", file=sys.stderr, flush=True)
    return {
        "of": series.of,
        "title": series.title,
        "unit": series.unit,
        "whole_epochs": series.whole_epochs,
        "points": points,
    }


def measure_point(
    race: Race, point: Point, whole_epochs: bool, rounds: int, seconds: float
) -> dict[str, Any]:
    """Return each contestant's cost of a step, or of an epoch, in each round."""
    losses = check(race)
    samples = point.samples
    if not whole_epochs:
        samples = min(fitting_samples(race, seconds), samples)
    race.train(samples)  # lets compilers specialize on the length, and moments settle
    busy = machine.busy_share()
    trained = [race.train(samples, warm=True) for _ in range(rounds)]
    # Microseconds a step, or milliseconds an epoch.
    scale = 1e3 * race.task.steps(samples) if whole_epochs else 1e6
    return {
        "at": point.at,
        "name": point.task.name,
        "samples": samples,
        "busy_share_before": busy,
        "cost": {
            name: [scale * answers[name]["step_seconds"] for answers in trained]
            for name in race.workers
        },
        "losses_after_16_steps": losses,
        "differences": differences(race, losses, {}),
        "left_out": race.left,
    }


def table(series: dict[str, Any]) -> list[str]:
    """Return one series as a table in Markdown: a row per value, a column per contestant."""
    names = list(dict.fromkeys(name for point in series["points"] for name in point["cost"]))
    lines = [f"### {series['title']}: {series['unit']} (ratio to {names[0]})", ""]
    lines += [f"| {series['of']} | {' | '.join(names)} |", f"|{'---|' * (len(names) + 1)}"]
    notes = []
    for point in series["points"]:
        cells = [cell(point["cost"], name) for name in names]
        lines.append(f"| {point['at']:,} | {' | '.join(cells)} |")
        where = f"{series['of']} {point['at']:,}"
        busy = point["busy_share_before"]
        if busy is not None and busy > machine.BUSY:
            notes.append(f"NOT ALONE at {where}: {busy:.0%} of the machine was busy before.")
        notes += [f"NOT THE SAME at {where}: {what}." for what in point["differences"]]
        notes += [
            f"{name} takes no part at {where}: {why}" for name, why in point["left_out"].items()
        ]
    return ["", *lines, "", *notes]


def cell(cost: dict[str, list[float]], name: str) -> str:
    """Return median and ratio of one contestant, with an asterisk for a wide spread."""
    if name not in cost:
        return ""
    own = spread(cost[name])
    ratio = ratios(cost[name], next(iter(cost.values())))
    mark = "*" if own.is_wide or ratio.is_wide else ""
    return f"{own.median:,.{0 if own.median >= 100 else 1}f} ({ratio.median:.2f}){mark}"


def main() -> None:
    options = parse()
    record: dict[str, Any] = {
        "machine": machine.facts(),
        "options": {"threads": options.threads, "rounds": options.rounds, "quick": options.quick},
        "optimizer": options.optimizer,
        "warnings": machine.warnings(options.threads),
        "series": [],
    }
    for warning in record["warnings"]:
        print(f"WARNING: {warning}.", file=sys.stderr)
    with mnist_folder() as folder:
        for series in make_series(options.optimizer, few=options.quick):
            if series.of in options.series:
                record["series"].append(measure(series, options, folder))
                print("\n".join(table(record["series"][-1])), flush=True)
                options.out.write_text(json.dumps(record, indent=1) + "\n")
    try:
        from benchmarks.growth.picture import picture
    except ImportError:
        print("no picture: matplotlib is not installed", file=sys.stderr)
    else:
        picture(record, options.out.with_suffix(".png"))


if __name__ == "__main__":
    main()
