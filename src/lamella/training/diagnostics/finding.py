"""Finding: a problem under a stable name, with advice."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """A cause that can prevent a network from learning.

    Attributes
    ----------
    name : str
        Stable name, such as "unscaled inputs"; the same in every version.
    message : str
        Observation with its numbers.
    advice : str
        Remedy to try.
    """

    name: str
    message: str
    advice: str

    def __str__(self) -> str:
        return f"{self.name}: {self.message}. Try: {self.advice}."


def report_lines(findings: list[Finding]) -> list[str]:
    """Return the findings as the last lines of a report."""
    if not findings:
        return ["no findings"]
    lines = [f"{len(findings)} finding{'s' * (len(findings) > 1)}"]
    for finding in findings:
        lines += [f"  {finding.name}", f"    {finding.message}", f"    try: {finding.advice}"]
    return lines
