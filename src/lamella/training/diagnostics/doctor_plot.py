"""Plot of the doctor's report: layers from top to bottom, a panel for each statistic."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from lamella.training.diagnostics.curves import INK, PALE, style_panel
from lamella.training.diagnostics.finding import Finding
from lamella.training.diagnostics.layer_stats import LayerStats
from lamella.training.diagnostics.overfit_one_batch import Attempt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, VERMILION, GREEN = "#0072B2", "#D55E00", "#009E73"  # Okabe and Ito's palette
GOOD_UPDATES = 1e-4, 1e-1
TITLES = (
    "outputs: mean and spread",
    "dead units",
    "gradient norm",
    "update / weights",
    "loss of one batch",
)


def doctor_plot(
    layers: list[LayerStats], attempt: Attempt, findings: list[Finding], summary: str
) -> "Figure":
    """Draw layer statistics and the attempt, with the findings below."""
    from lamella.training.diagnostics.figure import Figure

    texts = "\n".join(str(finding) for finding in findings) or "no findings"
    below = _wrapped(texts)
    height = 2.2 + 0.26 * len(layers) + 0.19 * len(below.splitlines())
    figure = Figure(figsize=(13.5, max(4.2, height)), dpi=150, layout="constrained")
    axes = figure.subplots(1, 5, width_ratios=[3, 2, 3, 3, 4])
    rows = np.arange(len(layers))
    _activations(axes[0], layers)
    _dead_units(axes[1], layers)
    _dots(axes[2], layers, lambda a: a.output_gradient, GREEN, "D", "at the outputs")
    _dots(axes[2], layers, lambda a: a.gradient, BLUE, "o", "of the parameters")
    axes[2].legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), fontsize=8, frameon=False)
    axes[3].set_xscale("log")
    axes[3].axvspan(*GOOD_UPDATES, color="#e8f3ee", zorder=0)
    _dots(axes[3], layers, lambda a: a.update, BLUE, "o", "")
    axes[3].set_xlabel("shaded: usual", color=INK, fontsize=8)
    for panel in axes[:4]:
        panel.set_ylim(len(layers) - 0.4, -0.6)
        panel.set_yticks(rows, [layer.name for layer in layers] if panel is axes[0] else [])
        panel.grid(axis="y", color=PALE, linewidth=0.8)
    _losses(axes[4], attempt)
    for panel, title in zip(axes, TITLES, strict=True):
        style_panel(panel, title, labelsize=8, which="both")
    figure.suptitle(summary, x=0.01, horizontalalignment="left", color=INK, fontsize=11)
    figure.supxlabel(below, x=0.01, horizontalalignment="left", color=INK, fontsize=9)
    return figure


def _activations(panel: "Axes", layers: list[LayerStats]) -> None:
    rows = np.arange(len(layers))
    panel.errorbar(
        [layer.mean for layer in layers],
        rows,
        xerr=[np.nan_to_num(layer.spread, posinf=0) for layer in layers],
        fmt="o",
        color=BLUE,
        capsize=3,
        markersize=5,
    )
    panel.axvline(0, color=PALE, zorder=0)
    reach = max(abs(layer.mean) + layer.spread for layer in layers)
    if np.isfinite(reach) and reach > 20:  # one layer would hide the others
        panel.set_xscale("symlog", linthresh=1.0)
        power = int(np.ceil(np.log10(reach)))
        panel.set_xlim(-(10.0**power), 10.0**power)
        panel.set_xticks([-(10.0**power), -1, 1, 10.0**power])
    else:
        panel.locator_params(axis="x", nbins=4)


def _dead_units(panel: "Axes", layers: list[LayerStats]) -> None:
    fractions = [layer.dead or 0.0 for layer in layers]
    panel.barh(range(len(layers)), fractions, color=VERMILION, height=0.5)
    for row, layer in enumerate(layers):
        if layer.dead is not None:
            panel.text(layer.dead + 0.03, row, f"{layer.dead:.0%}", va="center", fontsize=8)
    panel.set_xlim(0, 1.3)
    panel.set_xticks([0, 0.5, 1], ["0%", "50%", "100%"])


def _dots(
    panel: "Axes",
    layers: list[LayerStats],
    value: Callable[[LayerStats], float | None],
    color: str,
    marker: str,
    label: str,
) -> None:
    """Draw numbers on a logarithmic axis; write zeros and non-finite ones at its edge."""
    panel.set_xscale("log")
    numbers = [value(layer) for layer in layers]
    finite = [(n, row) for row, n in enumerate(numbers) if n and np.isfinite(n)]
    style: dict[str, Any] = {"color": color, "marker": marker, "linestyle": "", "markersize": 5}
    panel.plot([n for n, _ in finite], [row for _, row in finite], **style, label=label)
    _whole_powers(panel)
    for row, number in enumerate(numbers):
        if number is not None and not (number and np.isfinite(number)):
            place: dict[str, Any] = {
                "transform": panel.get_yaxis_transform(),
                "va": "center",
                "fontsize": 8,
            }
            panel.text(0.02, row, f"{number:g}", color=VERMILION, **place)


def _whole_powers(panel: "Axes") -> None:
    """Limit a logarithmic axis to powers of ten and label only those."""
    from matplotlib.ticker import LogLocator, NullFormatter

    low, high = panel.dataLim.intervalx
    if 0 < low <= high < np.inf:
        panel.set_xlim(10 ** np.floor(np.log10(low) - 0.2), 10 ** np.ceil(np.log10(high) + 0.2))
    panel.xaxis.set_major_locator(LogLocator(numticks=6))
    panel.xaxis.set_minor_formatter(NullFormatter())


def _losses(panel: "Axes", tried: Attempt) -> None:
    from matplotlib.ticker import MaxNLocator, NullFormatter

    steps = np.arange(1, len(tried.losses) + 1)
    finite = [loss if np.isfinite(loss) else np.nan for loss in tried.losses]
    panel.plot(steps, finite, color=BLUE, linewidth=1.8, marker="o" if len(steps) < 40 else "")
    for level, name, side in ((tried.baseline, "constant", 2), (tried.goal, "memorized", -10)):
        panel.axhline(level, color="#777777", linestyle=":", linewidth=1, zorder=1)
        place: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "xytext": (0, side)}
        panel.annotate(name, (1, level), **place, **LEVEL)
    if tried.first_nan:
        panel.axvline(steps[-1], color=VERMILION, linestyle="--", label="not finite")
        panel.legend(loc="upper left", fontsize=8, frameon=False)
    levels = [loss for loss in (*finite, tried.baseline, tried.goal) if np.isfinite(loss)]
    shown = [loss for loss in levels if loss > 0]
    if shown and min(levels) >= 0:
        panel.set_yscale("log")
        panel.set_ylim(min(shown) / 3, max(shown) * 2)
    panel.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    panel.yaxis.set_minor_formatter(NullFormatter())
    panel.set_xlabel("step", color=INK, fontsize=8)


LEVEL: dict[str, Any] = {
    "textcoords": "offset points",
    "ha": "right",
    "fontsize": 8,
    "color": "#555555",
}


def _wrapped(text: str) -> str:
    import textwrap

    return "\n".join("\n".join(textwrap.wrap(line, 190)) for line in text.splitlines())
