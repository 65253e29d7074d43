"""A finding: what is wrong, under a name that stays the same, and what to try."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """Something that keeps a network from learning.

    Attributes
    ----------
    name : str
        What it is called, such as "unscaled inputs"; the same in every version.
    what : str
        What was seen, with its numbers.
    advice : str
        What to try.
    """

    name: str
    what: str
    advice: str

    def __str__(self) -> str:
        return f"{self.name}: {self.what}. Try: {self.advice}."


def listed(findings: list[Finding]) -> list[str]:
    """Return the lines a report ends with."""
    if not findings:
        return ["no findings"]
    lines = [f"{len(findings)} finding{'s' * (len(findings) > 1)}"]
    for finding in findings:
        lines += [f"  {finding.name}", f"    {finding.what}", f"    try: {finding.advice}"]
    return lines
