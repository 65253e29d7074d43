"""Verdicts in words and numbers, as the page shows them."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from lamella.studies.analysis.comparison import show_p
from lamella.studies.report.claims import Claim, Finding, Part
from lamella.studies.report.page.words import difference, signed

ORDER = ("holds", "does not hold", "not shown", "not run")
DECIDING = {
    "holds": "The weakest",
    "does not hold": "The clearest against it",
    "not shown": "The weakest",
}
NARROW = "\N{NARROW NO-BREAK SPACE}"
ONE_SEED = " One seed: nothing can be judged from it."


def told(claims: Sequence[Claim]) -> list[dict[str, Any]]:
    """Return claims as the template wants them."""
    return [
        {
            "id": f"claim-{claim.number}",
            "title": claim.title,
            "says": claim.says,
            "verdict": claim.verdict,
            "parts": [_part(part) for part in claim.parts],
            "mistakes": claim.mistakes,
        }
        for claim in claims
    ]


def tally(claims: Sequence[Claim]) -> list[tuple[str, int]]:
    """Return how many statements, of all claims, hold, do not, and so on."""
    counts = Counter[str](part.verdict for claim in claims for part in claim.parts)
    return [(verdict, counts[verdict]) for verdict in ORDER]


def from_one_seed(claims: Sequence[Claim]) -> int:
    """Return how many statements are not shown because a study has one seed only."""
    parts = [part for claim in claims for part in claim.parts if part.verdict == "not shown"]
    return sum(any(f.difference.n == 1 for f in part.findings) for part in parts)


def _part(part: Part) -> dict[str, Any]:
    return {
        "says": part.says,
        "counts": part.counts,
        "verdict": part.verdict,
        "number": _decides(part),
        "mixed": len({finding.measure.name for finding in part.findings}) > 1,
        "findings": [_row(finding) for finding in part.findings],
    }


def _decides(part: Part) -> str:
    """Return the numbers of the finding that decides: the weakest, or the one that fails it."""
    if part.verdict == "not run":
        return "The studies that it needs were not run."
    deciding = [f for f in part.findings if f.verdict == part.verdict]
    worst = min if part.verdict == "does not hold" else max
    finding = worst(deciding, key=lambda f: _or_one(f.difference.p))
    text = f"{_capital(finding.measure.label)}: {_sides(finding)}"
    if finding.difference.n:
        text += f". Difference {_difference(finding)}{_margin(finding)}"
        if not math.isnan(finding.difference.p_adjusted):
            text += f", p{NARROW}{_equal(show_p(finding.difference.p_adjusted))}"
    if finding.note and finding.difference.n != 1:
        text += f" ({finding.note})"
    if (count := len(part.findings)) > 1:
        text += f". {DECIDING[part.verdict]} of {count} tests"
        if part.verdict != "holds":
            held = sum(each.verdict == "holds" for each in part.findings)
            text += f", of which {held or 'none'} {'holds' if held == 1 else 'hold'}"
    return f"{text}.{ONE_SEED if finding.difference.n == 1 else ''}"


def _row(finding: Finding) -> dict[str, str]:
    gap = finding.difference
    return {
        "measure": finding.measure.label,
        "expected": _expected(finding),
        "sides": _sides(finding),
        "difference": _difference(finding) if gap.n else "–",
        "p": show_p(gap.p_adjusted),
        "n": str(gap.n),
        "verdict": finding.verdict,
        "note": finding.note,
    }


def _sides(finding: Finding) -> str:
    """Return the means of both sides, or of one and the bound it is held against."""
    ours, theirs = finding.ours, finding.theirs
    unit = "%" if finding.measure.unit == "%" else ""
    show = finding.measure.show
    if finding.bound is not None:
        return f"{show(ours.mean)}{unit} with {ours.name}, bound {show(finding.bound)}{unit}"
    return f"{show(ours.mean)}{unit} with {ours.name}, {show(theirs.mean)}{unit} with {theirs.name}"


def _expected(finding: Finding) -> str:
    """Return what is expected of the difference, as a formula."""
    theirs = "bound" if finding.bound is not None else finding.theirs.name
    sign, by = (">", finding.by) if finding.more else ("<", -finding.by)
    margin = f" {signed(finding.measure, by)}" if by else ""
    return f"{finding.ours.name} {sign} {theirs}{margin}"


def _margin(finding: Finding) -> str:
    """Return how large the difference has to be, if more or less than zero."""
    if not finding.by:
        return ""
    by = finding.by if finding.more else -finding.by
    side = "above" if finding.more else "below"
    return f", where {side} {signed(finding.measure, by)} counts"


def _difference(finding: Finding) -> str:
    unit = " points" if finding.measure.unit == "%" else ""
    return difference(finding.measure, finding.difference) + unit


def _equal(p: str) -> str:
    return (p if p.startswith("<") else f"= {p}").replace(" ", NARROW)


def _or_one(p: float) -> float:
    return 1.0 if math.isnan(p) else p


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
