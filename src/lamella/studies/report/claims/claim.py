"""Claims and their parts, with verdicts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lamella.studies.report.claims.evidence import Evidence, Outcome, judged


@dataclass(frozen=True)
class Part:
    """One statement of a claim.

    Attributes
    ----------
    statement : str
    criterion : str
        The measurable difference that decides.
    evidence : sequence of Evidence
        All must hold. If one does not hold, the part does not hold.
    """

    statement: str
    criterion: str
    evidence: Sequence[Evidence]

    @property
    def verdict(self) -> Outcome:
        verdicts = [each.verdict for each in self.evidence]
        if "does not hold" in verdicts:
            return "does not hold"
        if "not run" in verdicts:
            return "not run"
        return "not shown" if "not shown" in verdicts else "holds"


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
        if "does not hold" in verdicts:
            return "does not hold"
        return "not shown" if "not shown" in verdicts else "not run"

    def judged(self) -> "Claim":
        """Return the claim with a verdict on the evidence of each part."""
        parts = [replace(part, evidence=judged(part.evidence)) for part in self.parts]
        return replace(self, parts=parts)
