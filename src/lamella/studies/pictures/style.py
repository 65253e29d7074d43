"""How pictures look: two themes, and for each arm one colour and mark that it keeps in all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lamella.arguments import one_of
from lamella.errors import MissingExtraError

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
    panels: int = 1,
    share_y: bool = False,
) -> "tuple[Figure, list[Axes]]":
    """Make a figure with empty axes side by side.

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
    axes = list(figure.subplots(1, panels, squeeze=False, sharey=share_y)[0])
    for panel in axes:
        quieten(panel, theme)
    if title:
        figure.suptitle(title, x=0.012, ha="left", color=theme.ink, fontsize=11, weight="bold")
    return figure, axes


def quieten(axes: "Axes", theme: Theme) -> None:
    """Take away what is not numbers: most of the frame, the ticks, the background."""
    axes.set_facecolor("none")
    axes.set_axisbelow(True)
    axes.tick_params(which="both", colors=theme.ink, length=0, labelsize=9)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(theme.rule)


def caption(axes: "Axes", text: str, theme: Theme) -> None:
    """Write above the axes what they show."""
    axes.set_title(text, loc="left", fontsize=8.5, color=theme.quiet)


def legend_below(
    figure: "Figure", handles: Sequence[Any], theme: Theme, *, columns: int | None = None
) -> None:
    """Name the arms below the axes, in as many columns as there is room for."""
    longest = max((len(handle.get_label()) for handle in handles), default=0)
    room = max(1, int(figure.get_figwidth() / (0.085 * longest + 0.55)))
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=columns or min(len(handles), room),
        frameon=False,
        fontsize=9,
        labelcolor=theme.ink,
        handlelength=2.6,
    )
