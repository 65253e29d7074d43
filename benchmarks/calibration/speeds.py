"""Error rates and power of tests of the time to a score, in whole epochs, with censored runs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from benchmarks.calibration.draws import Rng, scores
from lamella.studies.analysis.ranks import all_or_none, signed_rank
from lamella.studies.analysis.times import Time, ratio
from lamella.studies.analysis.verdicts import with_verdicts

TESTS = ("lamella", "signed ranks", "paired Prentice-Wilcoxon", "log-rank, not paired")


@dataclass(frozen=True)
class Race:
    """Two arms whose logarithmic times have a standard deviation of ``sd``, in whole epochs.

    Attributes
    ----------
    epochs : int
        Runs end after so many.
    median : float
        Of the first arm's times, in epochs.
    factor : float
        By which the second arm takes longer.
    diverging : float
        Fraction of runs that diverge; of the second arm the slowest only if ``slowest``.
    """

    epochs: int = 15
    median: float = 4.0
    sd: float = 0.2
    factor: float = 1.0
    diverging: float = 0.0
    slowest: bool = False
    noise: str = "normal"

    def draw(self, rng: Rng, seeds: int) -> tuple[np.ndarray, np.ndarray]:
        """Return times (2, seeds), infinite if never reached, and which runs diverged."""
        log = np.log(self.median) - self.sd * scores(rng, self.noise, 2, seeds)
        log[1] += np.log(self.factor)
        times = np.ceil(np.exp(log))
        lost = rng.random(times.shape) < self.diverging
        if self.slowest:
            cut = np.log(self.median) + self.sd * stats.norm.isf(self.diverging)
            lost = (log > cut) & [[False], [True]]
        times[(times > self.epochs) | lost] = np.inf
        return times, lost


def speed_rates(
    rng: Rng, race: Race, seeds: int, studies: int, tests: Sequence[str] = TESTS
) -> dict[str, float]:
    """Return the fraction of studies in which each test tells the arms apart at 5%.

    "second faster": lamella calls the second arm better.
    """
    counts = dict.fromkeys([*tests, "second faster"], 0.0)
    for _ in range(studies):
        times, lost = race.draw(rng, seeds)
        sides = [
            {
                s: Time(t, np.inf if gone else race.epochs, race.epochs + 1)
                for s, (t, gone) in enumerate(zip(*row, strict=True))
            }
            for row in zip(times, lost, strict=True)
        ]
        (d,) = with_verdicts([ratio("second", "first", sides[1], sides[0])])
        counts["second faster"] += (d.verdict == "better") / studies
        others = _others(times, race.epochs) if {*tests} > {"lamella"} else {}
        p_values = {"lamella": d.p, **others}
        for test in tests:
            counts[test] += (p_values[test] < 0.05) / studies
    return counts


def _others(times: np.ndarray, epochs: int) -> dict[str, float]:
    """Return the p-values of other tests."""
    a, b = times
    d = np.subtract(a, b, out=np.zeros(len(a)), where=a != b)
    never = np.isinf(times).sum(axis=1)
    one_sided = sorted(never) == [0, len(a)]
    by_sign = all_or_none(len(a)) if one_sided else None
    reached = np.isfinite(times)
    limited = np.where(reached, times, epochs + 0.5)
    # Log-rank scores of all runs: the cumulated hazard up to each, less 1 if it got there.
    at = np.unique(limited)
    events = np.array([((limited == t) & reached).sum() for t in at])
    at_risk = np.array([(limited >= t).sum() for t in at])
    hazard = np.cumsum(events / at_risk)[np.searchsorted(at, limited)] - reached
    samples = [
        stats.CensoredData(uncensored=x[np.isfinite(x)], right=np.full(np.isinf(x).sum(), epochs))
        for x in times
    ]
    with np.errstate(invalid="ignore"):
        logrank = stats.logrank(*samples).pvalue if reached.any() else 1.0
    return {
        "signed ranks": by_sign or signed_rank(d)[0],
        "paired Prentice-Wilcoxon": by_sign or _sign_flips(hazard[0] - hazard[1]),
        "log-rank, not paired": float(np.nan_to_num(logrank, nan=1.0)),
    }


def _sign_flips(d: np.ndarray) -> float:
    """Return the p-value of a mean of 0, over all 2^n signs, or 2,000 of them."""
    n = len(d)
    if n <= 10:
        signs = 1 - 2 * (np.arange(2**n)[:, None] >> np.arange(n) & 1)
        return float((np.abs(signs @ d) >= abs(d.sum()) - 1e-9).mean())
    signs = 1 - 2 * np.random.default_rng(0).integers(0, 2, (2000, n))
    return float(((np.abs(signs @ d) >= abs(d.sum()) - 1e-9).sum() + 1) / 2001)
