"""Sources of variance: how much of the spread over seeds each source causes.

With the other sources held, the variance over seeds of source i estimates V_i. With all of them
varying it is V. If the sources only added up, V would be the sum of all V_i. A training amplifies
small differences, whichever source starts them: then each V_i contains what the source does
together with the others, and the sum exceeds V by these interactions.

References
----------
Bouthillier et al., Accounting for variance in machine learning benchmarks, 2021. Satterthwaite, An
approximate distribution of estimates of variance components, 1946. Weerahandi, Generalized
confidence intervals, 1993.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lamella.core.errors import UsageError
from lamella.studies.analysis.incomplete import incomplete_runs
from lamella.studies.analysis.measures import Measure, interval_text
from lamella.studies.analysis.runs import Runs
from lamella.studies.analysis.samples import seeds_and_samples
from lamella.studies.analysis.statistics import is_constant
from lamella.studies.analysis.student import special
from lamella.studies.analysis.text_table import Tabular, TextTable
from lamella.studies.definition.sources import SOURCES, sources_text
from lamella.studies.definition.tables import Table, merge

DRAWS, SEED = 20_000, 1993  # of the interval of the interaction, so that it is always the same


@dataclass(frozen=True)
class Spread:
    """A standard deviation with its interval.

    Attributes
    ----------
    sd : float
        0 if all numbers are equal up to rounding; nan for fewer than two.
    df : float
        Degrees of freedom; need not be whole.
    """

    sd: float
    df: float

    def interval(self) -> tuple[float, float]:
        """Return the 95% interval: df sd^2 over the standard deviation's square is chi-squared."""
        if not (self.sd > 0 and self.df > 0):
            return math.nan, math.nan
        low, high = (
            self.sd * math.sqrt(self.df / special().chdtri(self.df, p)) for p in (0.025, 0.975)
        )
        return float(low), float(high)


@dataclass(frozen=True, repr=False)
class Sources(Tabular):
    """Spread of a score by its sources; printing it shows a table.

    Attributes
    ----------
    measure : Measure
    together : Spread
        Over seeds that vary all sources of the study.
    alone : mapping of str to Spread
        Over seeds that vary one source, such as "init", with the others held.
    interaction : float
        Sum of the variances of ``alone``, minus that of ``together``.
    interaction_interval : pair of float
        95% interval; nan if a spread is 0 or unknown.
    samples : Spread or None
        Over other test samples, as many as there are; None if no right and wrong answers are kept.
    notes : list of str
    """

    measure: Measure
    together: Spread
    alone: Mapping[str, Spread]
    interaction: float
    interaction_interval: tuple[float, float]
    samples: Spread | None
    notes: Sequence[str] = ()

    def __getitem__(self, source: str) -> Spread:
        return self.alone[source]

    def table(self) -> TextTable:
        """Return one row per source as a text table; percentages are of all sources together."""
        rows = [self._row(sources_text([name]), each) for name, each in self.alone.items()]
        rows.append(self._row("all sources together", self.together))
        percent = self._percent(self.interaction)
        if not math.isnan(self.interaction_interval[0]):
            low, high = map(self._percent, self.interaction_interval)
            percent += f" ({low} to {high})"
        rows.append(["interaction", "", "", percent])
        if self.samples is not None:
            rows.append(self._row("test samples", self.samples))
        unit = {"%": ", points"}.get(self.measure.unit, "")
        head = ["source", f"standard deviation{unit}", "95% interval", "variance, %"]
        return TextTable(f"Spread of {self.measure.label}, by source", head, rows, self.notes)

    def _row(self, name: str, spread: Spread) -> list[str]:
        show = self.measure.show
        return [
            name,
            show(spread.sd),
            interval_text(show, *spread.interval()),
            self._percent(spread.sd**2),
        ]

    def _percent(self, variance: float) -> str:
        whole = self.together.sd**2
        return f"{100 * variance / whole:.0f}" if whole > 0 and math.isfinite(variance) else "-"


def sources(runs: Runs, measure: str | Measure | None) -> Sources:
    """Return the spread by source; `lamella.studies.Results.sources` documents it."""
    whole, parts = _arms(runs)
    measure = runs.measure(measure)
    values = {
        arm: [x for x in by.values() if math.isfinite(x)]
        for arm, by in runs.values(measure).items()
    }
    together = _spread(values[whole])
    alone = {source: _spread(values[arm]) for source, arm in parts.items()}
    correct = list(runs.correct(measure)[whole].values())
    interaction, interval = _interaction(together, list(alone.values()))
    return Sources(
        measure,
        together,
        alone,
        interaction,
        interval,
        _over_samples(np.array(correct)) if len(correct) > 1 else None,
        _notes(runs, [whole, *parts.values()], alone, has_samples=len(correct) > 1),
    )


def _arms(runs: Runs) -> tuple[str, dict[str, str]]:
    """Return the arm in which all sources vary, and the arm of each source alone."""
    whole, parts, rest = "", dict[str, str](), list[Table]()
    for arm, fields in runs.study.arms.items():
        table = merge(runs.study.base, fields)
        vary = table.pop("vary", None)
        rest.append(table)
        if vary is not None and len(vary) == 1:
            parts[vary[0]] = arm
        else:
            whole = arm
    if not whole or not parts or any(table != rest[0] for table in rest):
        raise UsageError(
            "these runs do not vary one source at a time: call study.sources().run(...), and "
            "sources() of its results"
        )
    return whole, {name: parts[name] for name in SOURCES if name in parts}


def _spread(values: Sequence[float]) -> Spread:
    x = np.array(values, np.float64)
    if len(x) < 2:
        return Spread(math.nan, 0)
    return Spread(0.0 if is_constant(x, x) else float(x.std(ddof=1)), len(x) - 1)


def _over_samples(correct: np.ndarray) -> Spread:
    """Return the spread of a score over other test samples, from answers (seeds, samples).

    The variance over samples of the mean over seeds, without its residual. The degrees of freedom
    are those of a chi-squared distribution with the variance that its fourth moment implies.
    """
    found = seeds_and_samples(correct)
    means = correct.mean(axis=0)
    n = len(means)
    squared = (means - means.mean()) ** 2
    if found is None:
        variance = float(squared.sum()) / (n - 1) / n
    else:
        variance = found[1].error ** 2 - found[0].error ** 2
    error = float(squared.var()) / n**3  # of the variance of a mean over n samples
    return Spread(math.sqrt(max(variance, 0.0)), 2 * variance**2 / error if error > 0 else 0)


def _interaction(together: Spread, alone: Sequence[Spread]) -> tuple[float, tuple[float, float]]:
    """Return the sum of the variances alone minus that together, with a generalized interval."""
    found = sum(each.sd**2 for each in alone) - together.sd**2
    if not all(each.sd > 0 and each.df > 0 for each in (together, *alone)):
        return found, (math.nan, math.nan)
    rng = np.random.default_rng(SEED)

    def draw(each: Spread) -> np.ndarray:
        return each.df * each.sd**2 / rng.chisquare(each.df, DRAWS)

    low, high = np.quantile(sum(map(draw, alone)) - draw(together), [0.025, 0.975])
    return found, (float(low), float(high))


def _notes(
    runs: Runs, arms: Sequence[str], alone: Mapping[str, Spread], *, has_samples: bool
) -> list[str]:
    notes = [
        f"Over {len(runs.seeds)} seeds. A source alone: the others are held at one seed. "
        "Percentages are of the variance of all sources together.",
        "Interaction: the sum of the sources minus all together. It is above 0 where a source "
        "changes what another one does.",
    ]
    if has_samples:
        notes.append("Test samples: the spread over other test sets of the same size.")
    else:
        notes.append("Test samples: not known, since the answers to them are not kept.")
    if none := [name for name, each in alone.items() if each.sd == 0]:
        notes.append(f"The score is the same with every seed of {sources_text(none)}.")
    if absent := [name for name in SOURCES if name not in alone]:
        notes.append(
            f"Not varied alone, such as what the arm does not have: {sources_text(absent)}."
        )
    for arm in arms:
        if text := incomplete_runs(runs, arm):
            notes.append(f"{arm}: {text}.")
    return notes
