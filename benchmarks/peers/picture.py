"""A record of measurements as a picture: how many times lamella's time everyone takes."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from benchmarks.peers.ratios import ratios

# Okabe and Ito's colours, which are told apart with any kind of sight; lamella's own is black.
COLOURS = {
    "lamella": "#000000",
    "lamella, no numba": "#56B4E9",
    "JAX": "#009E73",
    "PyTorch": "#D55E00",
    "PyTorch fused": "#E69F00",
    "PyTorch fused, flushed": "#F0E442",
    "PyTorch compiled": "#F0E442",
    "scikit-learn": "#0072B2",
    "plain numpy": "#CC79A7",
    "floor": "#999999",
}


def picture(record: dict[str, Any], path: Path) -> None:
    """Draw a panel of bars for each network and save it."""
    results = record["results"]
    columns = min(3, len(results))
    rows = -(-len(results) // columns)
    bars = max(len(result["contestants"]) for result in results)
    figure = Figure(figsize=(5.2 * columns, rows * (0.34 * bars + 0.9)), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).flat
    for ax, result in zip(axes, results, strict=False):
        draw(ax, result)
    for ax in list(figure.axes)[len(results) :]:
        ax.set_axis_off()
    machine, threads = record["machine"], record["options"]["threads"]
    figure.suptitle(
        f"Time of a training step, as a multiple of lamella's ({machine['processor']}, "
        f"{threads} thread{'s' * (threads > 1)})",
        fontsize=11,
    )
    figure.savefig(path, dpi=150)


def draw(ax: Any, result: dict[str, Any]) -> None:
    """Draw the ratios of one network, the quickest on top, with their quartiles."""
    contestants = result["contestants"]
    base = next(iter(contestants.values()))["train_seconds"]
    found = {name: ratios(one["train_seconds"], base) for name, one in contestants.items()}
    names = sorted(found, key=lambda name: found[name].median)
    medians = [found[name].median for name in names]
    errors = [
        [found[name].median - found[name].low for name in names],
        [found[name].high - found[name].median for name in names],
    ]
    ax.barh(
        names,
        medians,
        xerr=errors,
        color=[COLOURS[name] for name in names],
        error_kw={"ecolor": "#555555", "capsize": 2, "lw": 1},
    )
    for name, median in zip(names, medians, strict=True):
        ax.annotate(
            f"{median:.2f}",
            (found[name].high, name),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )
    ax.axvline(1, color="#000000", lw=0.8, ls=":")
    ax.set_xlim(0, 1.18 * max(one.high for one in found.values()))
    ax.invert_yaxis()
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_title(f"{result['name']}, {result['task']['optimizer']}", fontsize=10)
