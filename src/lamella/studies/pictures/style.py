"""Style of pictures: one colour, marker and line for each arm in all pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lamella.core.errors import DataError
from lamella.studies.analysis.runs import Runs
from lamella.training.diagnostics.theme import Theme, escape_math, get_theme, themed_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


# Colour-blind safe palette of Okabe and Ito, without yellow, which is invisible on white. Their
# black is the text colour of the theme.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "text", "#56B4E9", "#E69F00")
# Nine markers and seven colours: 63 arms have different pairs, and the first seven arms differ
# even in greyscale.
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", "*")
LONGEST = 34  # characters of an arm's name
LINES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (6, 1.5, 1, 1.5)))


class NothingToDraw(DataError):
    """The results lack the numbers that a picture shows."""


@dataclass(frozen=True)
class Style:
    """Colour, marker and line style of an arm."""

    color: str
    marker: str
    line: Any


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


def shortened(name: str) -> str:
    """Return the name of an arm for a picture; one that is too long loses its middle."""
    half = LONGEST // 2
    return name if len(name) <= LONGEST else f"{name[:half]}…{name[-half + 1 :]}"


def arm_label(name: str) -> str:
    """Return the `shortened` name of an arm as matplotlib takes it."""
    return escape_math(shortened(name))


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

    def figure(self, width: float, height: float, **options: Any) -> "tuple[Figure, Any]":
        """Return a `themed_figure` with the title of the study."""
        return themed_figure(self, width, height, title=self.title, **options)
