"""Style of pictures: two themes, and one colour, marker and line for each arm in all pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lamella.core.errors import DataError, MissingExtraError
from lamella.core.validation import one_of
from lamella.studies.analysis.runs import Runs

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# Colour-blind safe palette of Okabe and Ito, without yellow, which is invisible on white. Their
# black is the text colour of the theme.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "text", "#56B4E9", "#E69F00")
# Nine markers and seven colours: 63 arms have different pairs, and the first seven arms differ
# even in greyscale.
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", "*")
LINES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (6, 1.5, 1, 1.5)))
DPI = 150


class NothingToDraw(DataError):
    """The results lack the numbers that a picture shows."""


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


@dataclass(frozen=True)
class Style:
    """Colour, marker and line style of an arm."""

    color: str
    marker: str
    line: Any


def get_theme(name: str) -> Theme:
    """Return the theme "light" or "dark"."""
    return THEMES[one_of("theme", name, THEMES)]


def arm_styles(arms: Sequence[str], theme: Theme) -> dict[str, Style]:
    """Return the style of each arm, by its index in the study."""
    styles = {}
    for index, arm in enumerate(arms):
        color = PALETTE[index % len(PALETTE)]
        styles[arm] = Style(
            color=theme.text if color == "text" else color,
            marker=MARKERS[index % len(MARKERS)],
            line=LINES[index // len(PALETTE) % len(LINES)],
        )
    return styles


@dataclass(frozen=True)
class Look(Theme):
    """Theme, style of each arm, and title of the pictures of a study."""

    styles: dict[str, Style]
    title: str

    @classmethod
    def of(cls, results: Runs, theme: str, title: str | None) -> "Look":
        """Return the look in a theme; the title is that of the study by default."""
        chosen = get_theme(theme)
        title = (results.study.title or results.study.name) if title is None else title
        return cls(**vars(chosen), styles=arm_styles(results.arms, chosen), title=title)

    def figure(
        self,
        width: float,
        height: float,
        *,
        subtitle: str = "",
        rows: int = 1,
        columns: int = 1,
        share_rows: bool = False,
    ) -> "tuple[Figure, Any]":
        """Create a figure with empty axes.

        Parameters
        ----------
        width, height : float
            In inches.
        subtitle : str
        rows, columns : int
            Grid of axes.
        share_rows : bool
            Whether the axes of a row share their y axis.

        Returns
        -------
        figure : Figure
        axes : array of Axes (rows, columns)

        Raises
        ------
        MissingExtraError
            If matplotlib is not installed.
        """
        try:
            from matplotlib.figure import Figure
        except ImportError:
            raise MissingExtraError("matplotlib", "plot", "drawing pictures") from None
        figure = Figure(
            figsize=(width, height), dpi=DPI, layout="constrained", facecolor=self.background
        )
        axes = figure.subplots(rows, columns, squeeze=False, sharey="row" if share_rows else False)
        for panel in axes.ravel():
            _style_axes(panel, self)
        _add_titles(figure, self, subtitle)
        return figure, axes


def _add_titles(figure: "Figure", look: Look, subtitle: str) -> None:
    """Write title and subtitle at the left edge; the axes get the remaining height."""
    height, left = figure.get_figheight(), 0.08 / figure.get_figwidth()
    used = 0.07
    if look.title:
        bold: dict[str, Any] = {"color": look.text, "fontsize": 11, "weight": "bold"}
        title = escape_math(look.title)
        figure.suptitle(title, x=left, y=1 - used / height, ha="left", va="top", **bold)
        used += 0.22
    if subtitle:
        pale: dict[str, Any] = {"color": look.muted, "fontsize": 8.5}
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
