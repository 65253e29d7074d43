"""How pictures look: two themes, and for each arm one colour and mark that it keeps in all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lamella.core.errors import DataError, MissingExtraError
from lamella.core.validation import one_of
from lamella.studies.analysis.runs import Runs

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# Okabe and Ito's colours, told apart by everybody. Their yellow is left out, which is not seen on
# white, and their black is each theme's ink.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "ink", "#56B4E9", "#E69F00")
# Nine marks and seven colours: no pair comes twice in 63 arms, and the first seven arms can be
# told apart in grey.
MARKS = ("o", "s", "^", "D", "v", "P", "X", "<", "*")
LINES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (6, 1.5, 1, 1.5)))
DPI = 150


class NothingToDraw(DataError):
    """The results lack the numbers that a picture shows."""


@dataclass(frozen=True)
class Theme:
    """Colours that are not an arm's: of text, of what matters less, of rules, of the paper."""

    name: str
    ink: str
    quiet: str
    rule: str
    paper: str


THEMES = {
    "light": Theme("light", ink="#333333", quiet="#6b6b6b", rule="#dddddd", paper="#ffffff"),
    "dark": Theme("dark", ink="#e8e8e8", quiet="#a8a8a8", rule="#45454c", paper="#1b1b1f"),
}


@dataclass(frozen=True)
class Style:
    """What an arm is known by."""

    color: str
    mark: str
    line: Any


def get_theme(name: str) -> Theme:
    """Return the theme "light" or "dark"."""
    return THEMES[one_of("theme", name, THEMES)]


def arm_styles(arms: Sequence[str], theme: Theme) -> dict[str, Style]:
    """Give every arm a colour, a mark and a line by its place in the study."""
    styles = {}
    for place, arm in enumerate(arms):
        color = PALETTE[place % len(PALETTE)]
        styles[arm] = Style(
            color=theme.ink if color == "ink" else color,
            mark=MARKS[place % len(MARKS)],
            line=LINES[place // len(PALETTE) % len(LINES)],
        )
    return styles


def frame(
    theme: Theme,
    width: float,
    height: float,
    *,
    title: str = "",
    subtitle: str = "",
    rows: int = 1,
    columns: int = 1,
    share: str = "",
) -> "tuple[Figure, Any]":
    """Make a figure of so many inches, with empty axes.

    Parameters
    ----------
    theme : Theme
    width, height : float
    title, subtitle : str
        What it is about; what is drawn.
    rows, columns : int
        Of axes.
    share : {"", "x", "y"}
        The axis that they have in common: "x" down the columns, "y" along the rows.

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
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained", facecolor=theme.paper)
    axes = figure.subplots(
        rows,
        columns,
        squeeze=False,
        sharex="col" if share == "x" else False,
        sharey="row" if share == "y" else False,
    )
    for panel in axes.ravel():
        quieten(panel, theme)
    _head(figure, theme, title, subtitle)
    return figure, axes


def _head(figure: "Figure", theme: Theme, title: str, subtitle: str) -> None:
    """Write title and subtitle at the left edge, and leave the rest to the axes."""
    height, left = figure.get_figheight(), 0.08 / figure.get_figwidth()
    used = 0.07
    if title:
        bold: dict[str, Any] = {"color": theme.ink, "fontsize": 11, "weight": "bold"}
        figure.suptitle(literal(title), x=left, y=1 - used / height, ha="left", va="top", **bold)
        used += 0.22
    if subtitle:
        pale: dict[str, Any] = {"color": theme.quiet, "fontsize": 8.5}
        figure.text(left, 1 - used / height, literal(subtitle), va="top", **pale)
        used += 0.2
    engine: Any = figure.get_layout_engine()
    engine.set(w_pad=0.06, wspace=0.03, rect=(0, 0, 1, 1 - used / height))


def title_of(results: Runs, title: str | None) -> str:
    """Return the title that was asked for, or the study's."""
    return (results.study.title or results.study.name) if title is None else title


def literal(text: str) -> str:
    """Return ``text`` so that matplotlib takes no dollar sign for the begin of a formula."""
    return text.replace("$", r"\$")


def quieten(axes: "Axes", theme: Theme) -> None:
    """Take away what is not numbers: most of the frame, the ticks, the background."""
    axes.set_facecolor("none")
    axes.set_axisbelow(True)
    axes.tick_params(which="both", colors=theme.ink, length=0, labelsize=9)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(theme.rule)


def caption(axes: "Axes", text: str, theme: Theme) -> None:
    """Write above one of several axes what is particular to it."""
    axes.set_title(text, loc="left", fontsize=8.5, color=theme.quiet)


def legend_below(figure: "Figure", handles: Sequence[Any], theme: Theme) -> None:
    """Name the arms below all axes, in as many columns as there is room for."""
    longest = max(len(handle.get_label()) for handle in handles)
    room = max(1, int(figure.get_figwidth() / (0.085 * longest + 0.55)))
    columns = min(len(handles), room)
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, **_legend_look(theme))


def legend_beside(axes: "Axes", handles: Sequence[Any], theme: Theme) -> None:
    """Name the arms to the right of one of several axes."""
    place: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1.01, 0.5)}
    axes.legend(handles=handles, **place, **_legend_look(theme))


def _legend_look(theme: Theme) -> dict[str, Any]:
    return {"frameon": False, "fontsize": 9, "labelcolor": theme.ink, "handlelength": 2.6}
