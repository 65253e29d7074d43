"""Training curves as matplotlib figures, without a window or global state."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamella.core.disk import write_atomically
from lamella.core.errors import DataError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's palette suits colour-blind readers; the markers differ in greyscale.
TRAINING = {"color": "#0072B2", "marker": "o", "label": "training, mean over the epoch"}
VALIDATION = {
    "color": "#D55E00",
    "marker": "s",
    "linestyle": (0, (5, 2)),
    "label": "validation, after the epoch",
}
INK, PALE = "#333333", "#dddddd"


def training_curves(
    rows: Sequence[dict[str, Any]], *, title: str = "", kept_epoch: int | None = None
) -> "Figure":
    """Draw loss and accuracy, or R2, of training and validation by epoch, from ``history.rows``.

    Missing scores are not drawn. ``kept_epoch``, that of the final weights, is marked everywhere.
    Save the figure with ``figure.savefig(path)``. Raise a DataError if there are no epochs, a
    MissingExtraError without matplotlib.
    """
    from lamella.training.diagnostics.figure import Figure

    if not rows:
        raise DataError("there are no epochs to draw: train first")
    panels = [name for name in ("loss", "accuracy", "r2") if name in rows[0]]
    figure = Figure(figsize=(4.6 * len(panels), 3.8), dpi=150, layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for panel, name in zip(axes, panels, strict=True):
        _draw(panel, rows, name, kept_epoch)
        if name == "loss":
            panel.set_ylim(bottom=0)
        elif name == "accuracy":
            panel.yaxis.set_major_formatter(lambda fraction, _: f"{100 * fraction:.4g}%")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    if title:
        figure.suptitle(title, x=0.01, horizontalalignment="left", color=INK, fontsize=11)
    return figure


def save_figure(figure: "Figure", path: Any) -> None:
    """Write a figure as PNG atomically."""
    image = io.BytesIO()
    figure.savefig(image, format="png")
    write_atomically(Path(path), image.getvalue())


def _draw(panel: "Axes", rows: Sequence[dict[str, Any]], name: str, kept_epoch: int | None) -> None:
    from matplotlib.ticker import MaxNLocator

    epochs = [row["epoch"] for row in rows]
    for key, style in ((name, TRAINING), (f"val_{name}", VALIDATION)):
        if key in rows[0]:
            values = [row[key] for row in rows]
            panel.plot(epochs, values, **style, linewidth=1.8, markersize=5)
    if kept_epoch is not None:
        panel.axvline(kept_epoch, color="#777777", linestyle=":", zorder=1, label="weights kept")
    panel.set_xlabel("epoch", color=INK)
    panel.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    margin = 0.04 * (epochs[-1] - epochs[0]) or 0.5
    panel.set_xlim(epochs[0] - margin, epochs[-1] + margin)
    panel.margins(y=0.08)
    panel.grid(axis="y", color=PALE, linewidth=0.8)
    style_panel(panel, name)


def style_panel(panel: "Axes", title: str, **ticks: Any) -> None:
    """Set the title, colours and spines of a panel."""
    panel.set_title(title, loc="left", fontsize=10, color=INK)
    panel.set_axisbelow(True)
    panel.tick_params(colors=INK, length=0, **ticks)
    panel.spines[["top", "right", "left"]].set_visible(False)
    panel.spines["bottom"].set_color(PALE)
