"""Picture of the measurements: times as multiples of lamella's."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from benchmarks.peers.ratios import Spread, ratios
from benchmarks.peers.table import heading

# Okabe and Ito's palette, distinguishable with colour blindness; lamella is black.
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
    "the report's way": "#8C510A",
    "floor": "#999999",
}
TITLES = ("training step", "predicting 10,000 images", "predicting one image")


def picture(record: dict[str, Any], path: Path) -> None:
    """Draw a row for each network and number of threads, and save the picture."""
    results = record["results"]
    bars = max(len(result["contestants"]) for result in results)
    first = next(iter(results[0]["contestants"]))
    height = 0.24 * bars + 0.95
    figure = Figure(figsize=(12, len(results) * height + 0.5), layout="constrained")
    parts = figure.subfigures(len(results), 1, squeeze=False)[:, 0]
    for part, result in zip(parts, results, strict=True):
        draw(part, result)
    figure.suptitle(
        f"Time as a multiple of {first}'s ({record['machine']['processor']})\n"
        "medians and quartiles of rounds in turn; left of the line is faster",
        fontsize=11,
    )
    figure.savefig(path, dpi=130)


def draw(part: Any, result: dict[str, Any]) -> None:
    """Draw three panels: training, and both predictions."""
    part.suptitle(heading(result), fontsize=10, fontweight="bold", x=0.01, ha="left")
    axes = part.subplots(1, 3, sharey=True)
    contestants = result["contestants"]
    times = {
        name: (one["step_seconds"], *(one["predict_seconds"][n] for n in ("10000", "1")))
        for name, one in contestants.items()
    }
    base = next(iter(times.values()))
    for i, (ax, title) in enumerate(zip(axes, TITLES, strict=True)):
        panel(ax, {name: ratios(own[i], base[i]) for name, own in times.items()})
        ax.set_title(title, fontsize=9)
    axes[0].set_ylim(len(times) - 0.3, -0.6)  # the first on top


def panel(ax: Any, found: dict[str, Spread]) -> None:
    """Draw the ratios of one kind of work, on a logarithmic axis, with their quartiles."""
    for name, ratio in found.items():
        ax.plot([ratio.low, ratio.high], [name, name], color=COLOURS[name], lw=2)
        marker = "|" if name == "floor" else "o"
        ax.plot(ratio.median, name, marker, color=COLOURS[name], ms=11 if marker == "|" else 6)
        ax.annotate(
            f"{ratio.median:.2f}" if ratio.median < 10 else f"{ratio.median:.0f}",
            (ratio.high, name),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )
    ax.axvline(1, color="#000000", lw=0.8, ls=":", zorder=0)
    ax.set_xscale("log", base=2)
    low, high = min(one.low for one in found.values()), max(one.high for one in found.values())
    ax.set_xlim(0.8 * min(low, 0.5), 1.0 * max(high, 4) * (max(high, 4) / min(low, 0.5)) ** 0.16)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda ratio, _: f"{ratio:g}"))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.grid(axis="x", color="#DDDDDD", lw=0.6)
    ax.set_axisbelow(True)
    ax.tick_params(labelsize=8, length=0)
    ax.spines[["top", "right", "left"]].set_visible(False)
