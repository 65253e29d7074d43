"""Claims and their parts, with verdicts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lamella.studies.analysis.statistics import false_discovery
from lamella.studies.analysis.student import SIGNIFICANCE
from lamella.studies.report.claims.evidence import Evidence, Outcome


@dataclass(frozen=True)
class Part:
    """One statement of a claim.

    Attributes
    ----------
    statement : str
    criterion : str
        The measurable difference that decides.
    evidence : sequence of Evidence
        The expected differences, all of which the statement needs.
    p_adjusted : float
        p-value of the conclusion, corrected for all statements of the page; nan if there is none.

    Notes
    -----
    A statement *holds* if every test shows its difference: p is the largest, which needs no
    correction (Berger, Multiparameter hypothesis testing and acceptance sampling, 1982). One test
    is enough for the contrary, so p is then the smallest of K, times K: the statement *does not
    hold* if a difference is the other way round, and there is *no difference* if one is within its
    margin.
    """

    statement: str
    criterion: str
    evidence: Sequence[Evidence]
    p_adjusted: float = math.nan

    @property
    def verdict(self) -> Outcome:
        """The conclusion, if its corrected p-value is below 0.05."""
        outcome, _ = self.conclusion
        return outcome if outcome == "not run" or self.p_adjusted < SIGNIFICANCE else "undecided"

    @property
    def conclusion(self) -> tuple[Outcome, float]:
        """The best supported verdict and its p-value; nan if there is none."""
        if any(each.difference.n == 0 for each in self.evidence):
            return "not run", math.nan
        count = len(self.evidence)
        against = [each.difference.p for each in self.evidence if each.difference.favours < 0]
        same = [each.p_same for each in self.evidence if not math.isnan(each.p_same)]
        found: list[tuple[float, Outcome]] = []
        if against:
            found.append((count * min(against), "does not hold"))
        if same:
            found.append((count * min(same), "no difference"))
        if all(each.difference.favours > 0 for each in self.evidence):
            found.append((max(each.difference.p for each in self.evidence), "holds"))
        if not found:
            return "undecided", math.nan
        p, outcome = min(found)
        return outcome, min(p, 1.0)


@dataclass(frozen=True)
class Claim:
    """A claim of the report.

    Attributes
    ----------
    number : int
        Number of its requirement.
    title : str
    statement : str
        The claim in one sentence.
    parts : sequence of Part
    studies : sequence of str
        The bundled studies that decide it.
    mistakes : sequence of str
        Mistakes in the report's code that may explain its results, as keys of ``mistakes.toml``.
    """

    number: int
    title: str
    statement: str
    parts: Sequence[Part]
    studies: Sequence[str]
    mistakes: Sequence[str] = ()

    @property
    def verdict(self) -> Outcome:
        """The verdict on all parts together, without those not run."""
        verdicts = {part.verdict for part in self.parts}
        if verdicts == {"holds"}:
            return "holds"
        if "holds" in verdicts:
            return "holds in part"
        if verdicts & {"does not hold", "no difference"}:
            return "does not hold"
        return "undecided" if "undecided" in verdicts else "not run"


def corrected(claims: Sequence[Claim]) -> list[Claim]:
    """Return the claims with p-values that are corrected for all their statements.

    See `lamella.studies.analysis.statistics.false_discovery`: at most 5% of the verdicts on a page
    are expected to be wrong.
    """
    parts = [part for claim in claims for part in claim.parts]
    p_values = iter(false_discovery([part.conclusion[1] for part in parts]))
    return [
        replace(claim, parts=[replace(part, p_adjusted=next(p_values)) for part in claim.parts])
        for claim in claims
    ]
