"""Ledger: everything about a study that was looked at, read, left out or chosen.

The verdicts in it hold together: the probability that any of them is false is at most 5%. A verdict
that a table alone would give, but that does not stand among all comparisons read, is withdrawn.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from lamella.core.errors import LamellaError
from lamella.core.wording import counted, listed, named
from lamella.studies.analysis.best import best
from lamella.studies.analysis.comparison import compare_among, show_p
from lamella.studies.analysis.difference import Difference
from lamella.studies.analysis.family import all_tests
from lamella.studies.analysis.incomplete import incomplete_runs
from lamella.studies.analysis.measures import Measure
from lamella.studies.analysis.reads import Read, Test
from lamella.studies.analysis.runs import Runs
from lamella.studies.analysis.text_table import Tabular, TextTable
from lamella.studies.definition.tables import part_text
from lamella.studies.running.storage import READS

DECIDED = ("better", "worse", "equivalent")


@dataclass(frozen=True)
class Entry:
    """A comparison that was read.

    Attributes
    ----------
    measure : Measure
    difference : Difference
        Corrected for all comparisons that were read.
    alone : Difference
        Corrected for those of its own table only.
    margin : float or None
    """

    measure: Measure
    difference: Difference
    alone: Difference
    margin: float | None

    @property
    def label(self) -> str:
        """The measure, with the margin if there is one."""
        if self.margin is None:
            return self.measure.label
        return f"{self.measure.label}, margin {self.measure.show_margin(self.margin)}"

    @property
    def contrast(self) -> str:
        """The difference, or the ratio of times, which may be a bound."""
        text = self.measure.show_difference(self.difference.mean)
        bounds = [word for word in ("at least", "at most") if word in self.difference.note]
        return " ".join([*bounds, text])

    @property
    def verdict(self) -> str:
        """The verdict that stands now; "withdrawn" if its own table alone would give one."""
        now, alone = self.difference.verdict, self.alone.verdict
        withdrawn = alone.startswith(DECIDED) and not now.startswith(DECIDED)
        return f"withdrawn: {alone}" if withdrawn else now


@dataclass(frozen=True, repr=False)
class Ledger(Tabular):
    """Looks, comparisons, gaps and choices of a study; printing it shows a table.

    Attributes
    ----------
    entries : list of Entry
        Each comparison that was read, once, with the verdict that stands now.
    facts : dict of str to str
        Looks, arms, seeds, measures, runs without a number, reductions and choices.
    notes : list of str
    """

    entries: Sequence[Entry]
    facts: dict[str, str]
    notes: Sequence[str]

    def table(self) -> TextTable:
        """Return the comparisons as a text table, with the facts below."""
        rows = [
            [
                f"{entry.difference.arm} - {entry.difference.to}",
                entry.label,
                entry.contrast,
                show_p(entry.alone.p_adjusted),
                show_p(entry.difference.p_adjusted),
                entry.verdict,
            ]
            for entry in self.entries
        ]
        contrasts = dict.fromkeys(entry.measure.contrast for entry in self.entries)
        contrast = listed([*contrasts], "or") if contrasts else "difference"
        head = ["pair", "measure", contrast, "p, own table", "p, all read", "verdict now"]
        facts = [f"{name[:1].upper()}{name[1:]}: {fact}." for name, fact in self.facts.items()]
        return TextTable("Ledger", head, rows, [*self.notes, *facts], left=(1, 5))


def ledger(runs: Runs) -> Ledger:
    """Return the ledger of a study; it does not depend on the order of reading."""
    reads = sorted(runs.reads, key=lambda read: _place(runs, read))
    tests = all_tests(runs, reads)
    entries: dict[tuple[Test, float | None], Entry] = {}
    for read in reads:
        for entry in _entries(runs, read, reads):
            pair = frozenset((entry.difference.arm, entry.difference.to))
            entries.setdefault(((read.measure, pair), read.margin), entry)
    read_tests = dict.fromkeys(test for read in reads for test in read.tests)
    notes = []
    if reads:
        could = len(tests) - len(read_tests)
        others = f", with {could} that could be chosen instead" if could else ""
        method = "Holm" if all(read.margin is None for read in reads) else "Bonferroni"
        notes.append(
            f"p is corrected for {counted(len(tests), 'comparison')} ({method}){others}. At most "
            "5% of studies have a false verdict among those that stand."
        )
    if unreadable := runs.reads.unreadable:
        notes.append(_unreadable(unreadable))
    if unknown := len(read_tests) - len({test for test, _ in entries}):
        notes.append(
            f"{counted(unknown, 'comparison')} read of arms or measures not in these runs."
        )
    return Ledger(list(entries.values()), _facts(runs, reads), notes)


def ledger_line(runs: Runs) -> str:
    """Return the ledger in a line, to stand below a table."""
    reads = list(runs.reads)
    read = len({test for each in reads for test in each.tests})
    measures = dict.fromkeys(each.measure for each in reads)
    comparisons = "no comparison read"
    if read:
        labels = ", ".join(_label(runs, name) for name in measures)
        comparisons = f"{counted(read, 'comparison')} read ({labels})"
    left_out = _left_out(runs)
    unreadable = runs.reads.unreadable
    parts = [
        counted(len(runs.arms), "arm"),
        counted(len(runs.seeds), "seed"),
        _looks(runs),
        comparisons,
        *(f"{counted(count, 'run')} {status}" for status, count in _without_numbers(runs).items()),
        left_out and f"{left_out} of the folder left out",
        f"cut to {runs.study.cut}" if runs.study.cut else "",
    ]
    line = f"Ledger: {', '.join(filter(None, parts))}."
    return f"{line} {_unreadable(unreadable)}" if unreadable else line


def _unreadable(lines: int) -> str:
    return f"{READS} is damaged: {counted(lines, 'line')} of it cannot be read, and may be missing."


def _place(runs: Runs, read: Read) -> tuple[bool, str, bool, str, int, float]:
    """Return the place of a comparison in the ledger: the declared one first."""
    of_baseline = read.to == runs.study.baseline
    default = read.measure == runs.measure(None).name
    margin = -1.0 if read.margin is None else read.margin
    return not default, read.measure, not of_baseline, read.to, len(read.arms), margin


def _entries(runs: Runs, read: Read, reads: Sequence[Read]) -> Iterator[Entry]:
    """Yield the comparisons of one table that these runs can repeat."""
    with suppress(LamellaError):
        measure = runs.measure(read.measure)
        now, alone = (compare_among(runs, read, measure, among) for among in (reads, ()))
        for difference, own in zip(now, alone, strict=True):
            yield Entry(measure, difference, own, read.margin)


def _facts(runs: Runs, reads: Sequence[Read]) -> dict[str, str]:
    measures = dict.fromkeys(_label(runs, read.measure) for read in reads)
    gaps = [f"{arm}: {gap}" for arm in runs.arms if (gap := incomplete_runs(runs, arm))]
    facts = {
        "looks": _looks(runs),
        "arms": ", ".join(runs.arms),
        "left out": _left_out(runs),
        "seeds": ", ".join(map(str, runs.seeds)),
        "measures read": ", ".join(measures) or "none",
        "runs without numbers": "; ".join(gaps) or "none",
        "cut": runs.study.cut,
        "chosen": "; ".join(_choices(runs)) or "nothing",
    }
    return {name: fact for name, fact in facts.items() if fact}


def _looks(runs: Runs) -> str:
    return "1 look" if runs.looks is None else str(runs.looks)


def _left_out(runs: Runs) -> str:
    """Return the arms and seeds that the folder of the study has and these runs lack."""
    arms = [arm for arm in runs.whole.arms if arm not in runs.arms]
    seeds = [seed for seed in runs.whole.seeds if seed not in runs.seeds]
    parts = [
        named("arm", arms) if arms else "",
        named("seed", seeds) if seeds else "",
    ]
    return " and ".join(filter(None, parts))


def _without_numbers(runs: Runs) -> dict[str, int]:
    counts = dict(Counter(run.status for run in runs.failed))
    return {**counts, "missing": len(runs.missing)} if runs.missing else counts


def _choices(runs: Runs) -> Iterator[str]:
    """Yield each choice that was made with results at hand, and by which score."""
    for name in runs.reads.choices:
        found = best(runs, name)
        yield f"arm {found.arm}, by the {found.measure.label} (results.best)"
    scored = {name for run in runs.runs for name in run.scores}
    if f"best_val_{runs.metric}" in scored:
        label = runs.measure(f"val_{runs.metric}").label
        yield f"best epoch of each run, by the {label} (measures named best)"
    tuning = runs.study.tuning or {}
    if tuning.get("chosen"):
        trials = max(map(len, tuning["trials"].values()))
        seeds = named("tuning seed", tuning["seeds"])
        yield f"settings of each arm, from {trials}, by validation with the {seeds} (tune)"
    stopping = {
        part_text(callback): None
        for run in runs.runs
        for callback in run.config.get("experiment", {}).get("callbacks", ())
    }
    if stopping:
        yield f"length of training, by {', '.join(stopping)}"


def _label(runs: Runs, name: str) -> str:
    try:
        return runs.measure(name).label
    except LamellaError:
        return name
