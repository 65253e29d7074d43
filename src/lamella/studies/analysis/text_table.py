"""Text tables with aligned columns."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

MAX_HEADING = 16
"""Characters; longer headings wrap."""


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

    def _line(self, cells: Sequence[str], widths: Sequence[int]) -> str:
        aligned = [
            cell.ljust(width) if place == 0 or place in self.left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "  ".join(aligned).rstrip()
