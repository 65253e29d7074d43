"""Comparisons read so far: all of them are one family of tests.

Five tables at 5% each have far more than 5% false verdicts together. Therefore a comparison is
corrected for all that were read before. Reading one twice counts once, and A - B is the same test
as B - A. Arms that were compared to the baseline, which the study declares, count as they were
read. Another arm for ``to=`` can be chosen because it looks best: all pairs of arms then count.

The folder of a study keeps the comparisons in ``reads.jsonl``, one a line, so that other processes
count them too.
"""

import json
import math
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Self

from lamella.core.disk import file_to_write
from lamella.core.errors import UsageError
from lamella.studies.running.storage import READS, StudyFolder

ALL = "all"
"""Compare all pairs of arms."""

Test = tuple[str, frozenset[str]]
"""Measure and pair of arms."""


@dataclass(frozen=True)
class Read:
    """A comparison that was read.

    Attributes
    ----------
    measure : str
    to : str
        The arm that the others are compared to, or "all" for all pairs.
    arms : tuple of str
    margin : float or None
    """

    measure: str
    to: str
    arms: tuple[str, ...]
    margin: float | None = None

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The pairs of arms in the table, each as arm and ``to``."""
        if self.to == ALL and ALL not in self.arms:
            return [(arm, other) for other, arm in combinations(self.arms, 2)]
        return [(arm, self.to) for arm in self.arms if arm != self.to]

    @property
    def tests(self) -> list[Test]:
        """The tests in the table."""
        return [(self.measure, frozenset(pair)) for pair in self.pairs]

    @classmethod
    def of_line(cls, line: bytes) -> Self | None:
        """Return the comparison in a line of the file; None for any other line."""
        try:
            table = json.loads(line)
            found = cls(**{**table, "arms": tuple(table["arms"])})
        except (ValueError, TypeError, KeyError, RecursionError):
            return None
        return found if found._is_sound() else None

    def _is_sound(self) -> bool:
        arms, margin = self.arms, self.margin
        return (
            all(isinstance(text, str) for text in (self.measure, self.to, *arms))
            and (margin is None or (isinstance(margin, float) and 0 < margin < math.inf))
            and len(arms) == len({*arms}) > 1
            and self.to in (*arms, ALL)
        )


def family_of(reads: Iterable[Read], baseline: str) -> list[Test]:
    """Return all tests that count, whatever the order in which they were read.

    Those of comparisons to the baseline are counted as read. If arms were compared to another one
    by some measure, all pairs of arms count for it.
    """
    by_measure: dict[str, list[Read]] = {}
    for read in reads:
        by_measure.setdefault(read.measure, []).append(read)
    found: dict[Test, None] = {}
    for measure, there in by_measure.items():
        if any(read.to != baseline for read in there):
            arms = dict.fromkeys(arm for read in there for arm in read.arms)
            found |= {(measure, frozenset(pair)): None for pair in combinations(arms, 2)}
        else:
            found |= dict.fromkeys(test for read in there for test in read.tests)
    return list(found)


class Reads:
    """The comparisons read so far, also by other processes if they are kept in a folder.

    Parameters
    ----------
    folder : path, optional
        Folder of the study. One that cannot be written is no error: the reads are then kept in
        memory only.
    lines : bytes
        Comparisons that were read before, as the file has them; for studies of an archive.

    Attributes
    ----------
    choices : dict of str
        The measures by which `Results.best` chose an arm.
    """

    def __init__(self, folder: Path | None = None, lines: bytes = b"") -> None:
        self._folder, self._lines = folder, lines
        self._here: dict[Read, None] = {}
        self.choices: dict[str, None] = {}

    def __iter__(self) -> Iterator[Read]:
        stored = filter(None, map(Read.of_line, self._stored()))
        return iter(dict.fromkeys([*stored, *self._here]))

    @property
    def unreadable(self) -> int:
        """Number of lines that hold no comparison, since the file is damaged."""
        return sum(Read.of_line(line) is None for line in self._stored())

    def add(self, read: Read) -> None:
        """Remember a comparison; the file gets a line unless it has the same already."""
        self._here[read] = None
        if self._folder is None or read in map(Read.of_line, self._stored()):
            return
        line = json.dumps(asdict(read)) + "\n"
        with suppress(OSError, UsageError):
            path, _ = file_to_write(self._folder / READS)
            # One write in append mode: lines of several processes do not mix.
            file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
            try:
                size = os.fstat(file).st_size
                is_cut = size > 0 and os.pread(file, 1, size - 1) != b"\n"
                os.write(file, f"{chr(10) * is_cut}{line}".encode())
            finally:
                os.close(file)

    def _stored(self) -> list[bytes]:
        lines = self._lines if self._folder is None else StudyFolder(self._folder).reads()
        # A writer can take a line for a cut one while another process writes it: see `add`.
        return [line for line in lines.splitlines() if line.strip()]
