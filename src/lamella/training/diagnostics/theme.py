"""Light and dark theme of pictures, and figures with titles in their colours."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lamella.core.validation import one_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 150


@dataclass(frozen=True)
class Theme:
    """Colours shared by all arms: text, secondary text, grid lines and background."""

    text: str
    muted: str
    grid: str
    background: str


THEMES = {
    "light": Theme(text="#333333", muted="#6b6b6b", grid="#dddddd", background="#ffffff"),
    "dark": Theme(text="#e8e8e8", muted="#a8a8a8", grid="#45454c", background="#1b1b1f"),
}


def get_theme(name: str) -> Theme:
    """Return the theme "light" or "dark"."""
    return THEMES[one_of("theme", name, THEMES)]


def themed_figure(
    theme: Theme,
    width: float,
    height: float,
    *,
    title: str = "",
    subtitle: str = "",
    rows: int = 1,
    columns: int = 1,
    share_rows: bool = False,
) -> "tuple[Figure, Any]":
    """Return a figure of a size in inches, and its empty axes as an array (rows, columns).

    ``share_rows`` says whether the axes of a row share their y axis.
    """
    from lamella.training.diagnostics.figure import Figure

    figure = Figure(
        figsize=(width, height), dpi=DPI, layout="constrained", facecolor=theme.background
    )
    axes = figure.subplots(rows, columns, squeeze=False, sharey="row" if share_rows else False)
    for panel in axes.ravel():
        _style_axes(panel, theme)
    _add_titles(figure, theme, title, subtitle)
    return figure, axes


def _add_titles(figure: "Figure", theme: Theme, title: str, subtitle: str) -> None:
    """Write title and subtitle at the left edge; the axes get the remaining height."""
    height, left = figure.get_figheight(), 0.08 / figure.get_figwidth()
    used = 0.07
    if title:
        bold: dict[str, Any] = {"color": theme.text, "fontsize": 11, "weight": "bold"}
        figure.suptitle(
            escape_math(title), x=left, y=1 - used / height, ha="left", va="top", **bold
        )
        used += 0.22
    if subtitle:
        pale: dict[str, Any] = {"color": theme.muted, "fontsize": 8.5}
        figure.text(left, 1 - used / height, escape_math(subtitle), va="top", **pale)
        used += 0.2
    engine: Any = figure.get_layout_engine()
    engine.set(w_pad=0.06, wspace=0.03, rect=(0, 0, 1, 1 - used / height))


def _style_axes(axes: "Axes", theme: Theme) -> None:
    """Remove background, ticks and frame, except for the bottom spine; style labels and grid."""
    axes.set_facecolor("none")
    axes.set_axisbelow(True)
    axes.tick_params(which="both", colors=theme.text, length=0, labelsize=9)
    axes.tick_params(which="both", grid_color=theme.grid, grid_linewidth=0.8)
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set(color=theme.text, fontsize=9)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(theme.grid)


def escape_math(text: str) -> str:
    """Return ``text`` with dollar signs escaped, which matplotlib would parse as mathtext."""
    return text.replace("$", r"\$")
