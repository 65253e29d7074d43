"""A claim, its parts, and what becomes of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from lamella.studies.report.claims.evidence import Finding, Verdict, judged

Overall = Literal["holds", "holds in part", "does not hold", "not shown", "not run"]


@dataclass(frozen=True)
class Part:
    """One statement of a claim.

    Attributes
    ----------
    says : str
        The statement.
    counts : str
        What counts as holding.
    findings : sequence of Finding
        All must hold. One that does not hold is enough for the part not to hold.
    """

    says: str
    counts: str
    findings: Sequence[Finding]

    @property
    def verdict(self) -> Verdict:
        verdicts = [finding.verdict for finding in self.findings]
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
        Of the requirement that has it.
    title : str
        What it is about.
    says : str
        The claim in one sentence.
    parts : sequence of Part
    studies : sequence of str
        The bundled studies that decide it; the chapter of the first is the claim's, unless it is
        about several chapters.
    mistakes : sequence of str
        Mistakes in the report's code that may explain what it saw; names of paragraphs on the page.
    """

    number: int
    title: str
    says: str
    parts: Sequence[Part]
    studies: Sequence[str]
    mistakes: Sequence[str] = ()

    @property
    def verdict(self) -> Overall:
        """All parts together; what was not run is left out unless nothing was."""
        verdicts = {part.verdict for part in self.parts}
        if verdicts == {"holds"}:
            return "holds"
        if "holds" in verdicts:
            return "holds in part"
        if "does not hold" in verdicts:
            return "does not hold"
        return "not shown" if "not shown" in verdicts else "not run"

    def judged(self) -> "Claim":
        """Return the claim with the findings of each part judged."""
        parts = [replace(part, findings=judged(part.findings)) for part in self.parts]
        return replace(self, parts=parts)
