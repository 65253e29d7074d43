"""Picture of a growth measurement: a panel for each series, both axes logarithmic."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, LogLocator, NullFormatter, NullLocator

from benchmarks.peers.picture import COLOURS
from benchmarks.peers.ratios import spread

# Distinguishable without colours.
MARKERS = dict(zip(COLOURS, "osDv^PXd*h_", strict=True))


def picture(record: dict[str, Any], path: Path) -> None:
    """Draw the cost of all contestants, with quartiles as error bars, and save the picture."""
    series = record["series"]
    columns = min(2, len(series))
    rows = -(-len(series) // columns)
    figure = Figure(figsize=(5.6 * columns, 4.0 * rows + 0.9), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for ax, one in zip(axes, series, strict=False):
        draw(ax, one)
    for ax in axes[len(series) :]:
        ax.set_axis_off()
    lines = {line.get_label(): line for ax in axes for line in ax.get_legend_handles_labels()[0]}
    figure.legend(
        handles=list(lines.values()),
        loc="outside lower center",
        ncols=min(len(lines), 3 * columns),
        frameon=False,
    )
    threads = record["options"]["threads"]
    figure.suptitle(
        f"Cost of training with {record['optimizer']} ({record['machine']['processor']}, "
        f"{threads} thread{'s' * (threads > 1)})",
        fontsize=11,
    )
    figure.savefig(path, dpi=130)


def draw(ax: Any, series: dict[str, Any]) -> None:
    """Draw one series: a line for each contestant."""
    points = series["points"]
    for name in dict.fromkeys(name for point in points for name in point["cost"]):
        there = [point for point in points if name in point["cost"]]
        costs = [spread(point["cost"][name]) for point in there]
        ax.errorbar(
            [point["at"] for point in there],
            [cost.median for cost in costs],
            yerr=[
                [cost.median - cost.low for cost in costs],
                [cost.high - cost.median for cost in costs],
            ],
            label=name,
            color=COLOURS[name],
            marker=MARKERS[name],
            ms=5,
            lw=1.4,
            ls="--" if name == "floor" else "-",
            capsize=2,
        )
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.xaxis.set_major_locator(FixedLocator([point["at"] for point in points]))
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    ax.xaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.grid(which="major", color="#DDDDDD", lw=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_xlabel(series["title"])
    ax.set_ylabel(series["unit"])
