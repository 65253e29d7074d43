"""Text tables with aligned columns, also in Markdown and LaTeX."""

import re
import textwrap
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from lamella.core.html import html_table
from lamella.core.terminal import terminal_width

GAP = 2  # between columns
MAX_HEADING = 16
"""Characters; longer headings wrap."""
LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "|": r"\textbar{}",
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
        room = terminal_width()
        notes = [textwrap.fill(note, room) if room else note for note in self.notes]
        parts = ["\n".join(part) for part in self._parts(room)]
        return "\n\n".join([self.title, *parts, *(["\n".join(notes)] if notes else [])])

    __repr__ = __str__

    def _parts(self, room: int | None) -> Iterator[list[str]]:
        """Yield the lines of the table, in parts with the first column each, if it has no room."""
        columns = list(zip(self.head, *self.rows, strict=True))
        heads = [textwrap.wrap(name, MAX_HEADING) for name in self.head]
        widths = [
            max(map(_width, (*lines, *cells)), default=0)
            for lines, (_, *cells) in zip(heads, columns, strict=True)
        ]
        if room:
            widths[0] = min(widths[0], room // 2)
            widths[1:] = [min(width, room - widths[0] - GAP) for width in widths[1:]]
        part, used = [0], widths[0]
        for place in range(1, len(columns)):
            if room and used + GAP + widths[place] > room:
                yield self._lines(part, heads, widths)
                part, used = [0], widths[0]
            part.append(place)
            used += GAP + widths[place]
        yield self._lines(part, heads, widths)

    def _lines(
        self, part: Sequence[int], heads: Sequence[Sequence[str]], widths: Sequence[int]
    ) -> list[str]:
        deepest = max(len(heads[place]) for place in part)
        found = [
            [([""] * (deepest - len(heads[p])) + [*heads[p]])[line] for p in part]
            for line in range(deepest)
        ]
        found.append(["-" * widths[place] for place in part])
        for row in self.rows:
            cells = [_wrapped(row[place], widths[place]) for place in part]
            found += [list(line) for line in zip_longest(*cells, fillvalue="")]
        return [self._line(part, cells, widths) for cells in found]

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

    def _line(self, part: Sequence[int], cells: Sequence[str], widths: Sequence[int]) -> str:
        aligned = []
        for place, cell in zip(part, cells, strict=True):
            room = " " * (widths[place] - _width(cell))
            aligned.append(f"{cell}{room}" if self._is_left(place) else f"{room}{cell}")
        return (" " * GAP).join(aligned).rstrip()


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
    return [re.sub(r"([\\|<*`\[_~&$])", r"\\\1", _one_line(cell)) for cell in cells]


def _wrapped(cell: str, width: int) -> list[str]:
    """Return a cell in lines of at most this width; one that fits stays as it is."""
    return [cell] if _width(cell) <= width else textwrap.wrap(cell, width)


def _width(text: str) -> int:
    """Return the columns of a terminal that a text takes."""
    wide = sum(unicodedata.east_asian_width(sign) in "WF" for sign in text)
    return len(text) + wide - sum(map(bool, map(unicodedata.combining, text)))


def _one_line(text: str) -> str:
    return " ".join(text.splitlines())


def _escape_latex(text: str) -> str:
    pattern = "|".join(map(re.escape, LATEX))
    return re.sub(pattern, lambda sign: LATEX[sign[0]], _one_line(text))
