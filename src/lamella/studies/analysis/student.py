"""Estimates whose error follows Student's t distribution: intervals, tests and power.

References
----------
Student, The probable error of a mean, 1908. Schuirmann, A comparison of the two one-sided tests
procedure, 1987.
"""

from dataclasses import dataclass
from typing import Any

from lamella.core.errors import MissingExtraError

CONFIDENCE, SIGNIFICANCE, POWER = 0.95, 0.05, 0.8


@dataclass(frozen=True)
class Student:
    """An estimate with its standard error: (mean - truth) / error follows t with ``df``.

    Attributes
    ----------
    mean : float
    error : float
        Standard error of the mean, above 0.
    df : float
        Degrees of freedom; need not be whole.
    """

    mean: float
    error: float
    df: float

    def interval(self, alpha: float = 1 - CONFIDENCE) -> tuple[float, float]:
        """Return the interval of confidence 1 - ``alpha``, by default 95%."""
        half = self.error * float(special().stdtrit(self.df, 1 - alpha / 2))
        return self.mean - half, self.mean + half

    @property
    def p(self) -> float:
        """Two-sided p-value of a true mean of zero."""
        return 2 * float(special().stdtr(self.df, -abs(self.mean) / self.error))

    def p_outside(self, margin: float) -> float:
        """Return the p-value of a true mean outside (-margin, margin): two one-sided tests."""
        return float(special().stdtr(self.df, (abs(self.mean) - margin) / self.error))

    def smallest_shown(self, alpha: float) -> float:
        """Return the true difference that a two-sided test at ``alpha`` shows with 80% power.

        The noncentrality whose noncentral t lies above the critical value with probability 0.8,
        times the standard error, which is taken as the true one.
        """
        critical = special().stdtrit(self.df, 1 - alpha / 2)
        return self.error * float(special().nctdtrinc(self.df, 1 - POWER, critical))


def special() -> Any:
    """Return `scipy.special`.

    Raises
    ------
    MissingExtraError
        If scipy is not installed.
    """
    try:
        from scipy import special
    except ImportError:
        raise MissingExtraError("scipy", "studies", "comparing arms") from None
    return special
