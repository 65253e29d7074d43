"""Text tables with aligned columns, also in Markdown and LaTeX."""

import re
import textwrap
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from lamella.core.html import html_table

MAX_HEADING = 16
"""Characters; longer headings wrap."""
LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": "$<$",
    ">": "$>$",
    "±": r"$\pm$",
    **{sign: rf"\{sign}" for sign in "&%$#_{}"},
}
"""Signs that LaTeX reads as commands, or that its older fonts lack."""


@dataclass(frozen=True, repr=False)
class TextTable:
    """Rows of text under headings; printing aligns the columns.

    Attributes
    ----------
    title : str
    head : list of str
    rows : list of list of str
        One cell per heading. The first column is left-aligned, the others right-aligned.
    notes : list of str
        Lines below.
    left : tuple of int
        Indices of further left-aligned columns.
    """

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    left: Sequence[int] = ()

    def __str__(self) -> str:
        heads = [textwrap.wrap(name, MAX_HEADING) for name in self.head]
        deepest = max(map(len, heads))
        head = list(zip(*([""] * (deepest - len(lines)) + lines for lines in heads), strict=True))
        columns = list(zip(*head, *self.rows, strict=True))
        widths = [max(map(len, column)) for column in columns]
        rule = ["-" * width for width in widths]
        lines = [self._line(cells, widths) for cells in (*head, rule, *self.rows)]
        return "\n".join([self.title, "", *lines, *([""] if self.notes else []), *self.notes])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return html_table(self.title, self.head, self.rows, self.notes, self.left)

    def to_markdown(self) -> str:
        """Return the table in Markdown, with the title above and the notes below."""
        right = ["---" if self._is_left(place) else "---:" for place in range(len(self.head))]
        lines = [
            f"| {' | '.join(cells)} |"
            for cells in (_escaped(self.head), right, *map(_escaped, self.rows))
        ]
        (title,), notes = _escaped([self.title]), _escaped(self.notes)
        return "\n".join([f"**{title}**", "", *lines, *([""] if notes else []), *notes])

    def to_latex(self) -> str:
        """Return a LaTeX ``tabular`` that needs no package; title and notes are comments."""
        columns = "".join("l" if self._is_left(place) else "r" for place in range(len(self.head)))
        rows = [" & ".join(map(_escape_latex, cells)) + r" \\" for cells in (self.head, *self.rows)]
        return "\n".join(
            [
                f"% {_one_line(self.title)}",
                rf"\begin{{tabular}}{{{columns}}}",
                r"\hline",
                rows[0],
                r"\hline",
                *rows[1:],
                r"\hline",
                r"\end{tabular}",
                *(f"% {_one_line(note)}" for note in self.notes),
            ]
        )

    def _is_left(self, place: int) -> bool:
        return place == 0 or place in self.left

    def _line(self, cells: Sequence[str], widths: Sequence[int]) -> str:
        aligned = [
            cell.ljust(width) if self._is_left(place) else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "  ".join(aligned).rstrip()


class Tabular(ABC):
    """Base of results that print, and show in notebooks, as their table."""

    @abstractmethod
    def table(self) -> TextTable:
        """Return the results as a text table."""

    def __str__(self) -> str:
        return str(self.table())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()


def _escaped(cells: Sequence[str]) -> list[str]:
    """Return cells with a backslash before each sign that Markdown reads as markup."""
    return [re.sub(r"([\\|<*`\[])", r"\\\1", _one_line(cell)) for cell in cells]


def _one_line(text: str) -> str:
    return " ".join(text.splitlines())


def _escape_latex(text: str) -> str:
    pattern = "|".join(map(re.escape, LATEX))
    return re.sub(pattern, lambda sign: LATEX[sign[0]], _one_line(text))
