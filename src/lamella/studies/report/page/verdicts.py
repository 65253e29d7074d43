"""Claims and their verdicts as text and numbers for the page."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from lamella.studies.analysis.comparison import show_p
from lamella.studies.analysis.difference import Difference
from lamella.studies.analysis.measures import Measure, TimeTo
from lamella.studies.report.claims import Claim, Evidence, Part

ORDER = ("holds", "does not hold", "no difference", "undecided", "not run")
DECIDING = {
    "holds": "Weakest",
    "does not hold": "Strongest opposite result",
    "no difference": "Smallest difference",
    "undecided": "Weakest",
}
NARROW = "\N{NARROW NO-BREAK SPACE}"
ONE_SEED = "One seed allows no conclusion."


def describe(claims: Sequence[Claim]) -> list[dict[str, Any]]:
    """Return claims as variables of the template."""
    return [
        {
            "id": f"claim-{claim.number}",
            "title": claim.title,
            "statement": claim.statement,
            "verdict": claim.verdict,
            "parts": [_part(part) for part in claim.parts],
            "mistakes": claim.mistakes,
        }
        for claim in claims
    ]


def tally(claims: Sequence[Claim]) -> list[tuple[str, int]]:
    """Count the statements of all claims by verdict."""
    counts = Counter[str](part.verdict for claim in claims for part in claim.parts)
    return [(verdict, counts[verdict]) for verdict in ORDER]


def decided(claims: Sequence[Claim]) -> int:
    """Count the statements of all claims that have a verdict."""
    counts = dict(tally(claims))
    return sum(counts[verdict] for verdict in ("holds", "does not hold", "no difference"))


def from_one_seed(claims: Sequence[Claim]) -> int:
    """Count the statements that are undecided because a study has only one seed."""
    parts = [part for claim in claims for part in claim.parts if part.verdict == "undecided"]
    return sum(any(each.difference.n == 1 for each in part.evidence) for part in parts)


def signed(measure: Measure, value: float) -> str:
    """Return a value with its sign, or a dash if it is not finite. A rounded zero has no sign."""
    if not math.isfinite(value):
        return "–"
    text = measure.show(value, sign=True)
    digits = text.lstrip("+-")
    return text.replace("-", "−") if digits.strip("0.") else digits


def show_difference(measure: Measure, difference: Difference) -> str:
    """Return a difference with its intervals, over seeds and over seeds and samples, if any."""
    if isinstance(measure, TimeTo):
        return _ratio(measure, difference)
    text = signed(measure, difference.mean)
    if math.isfinite(difference.low):
        text += f" [{signed(measure, difference.low)}, {signed(measure, difference.high)}]"
    if math.isfinite(difference.low_samples):
        low, high = difference.low_samples, difference.high_samples
        text += f"; with new samples [{signed(measure, low)}, {signed(measure, high)}]"
    return text


def _ratio(measure: TimeTo, ratio: Difference) -> str:
    text = measure.show_difference(ratio.mean)
    if not math.isfinite(ratio.low):
        return text
    low, high = map(measure.show_difference, (ratio.low, ratio.high))
    return f"{text} [{low}, {high}]"


def _part(part: Part) -> dict[str, Any]:
    return {
        "statement": part.statement,
        "criterion": part.criterion,
        "verdict": part.verdict,
        "numbers": _deciding_numbers(part),
        "mixed": len({each.measure.name for each in part.evidence}) > 1,
        "evidence": [_row(each) for each in part.evidence],
    }


def _deciding_numbers(part: Part) -> str:
    """Return the numbers of the weakest evidence, or of the strongest against the part."""
    if part.verdict == "not run":
        return "Its studies were not run."
    shown = _deciding(part)
    text = f"{shown.measure.label.capitalize()}: {_sides(shown)}"
    if shown.difference.n:
        contrast = "Ratio" if isinstance(shown.measure, TimeTo) else "Difference"
        text += f". {contrast} {_difference(shown)}{_margin(shown)}"
        if not math.isnan(part.p_adjusted):
            text += f", p{NARROW}{_equal(show_p(part.p_adjusted))}"
    if shown.note and shown.difference.n != 1:
        text += f" ({shown.note})"
    if (count := len(part.evidence)) > 1:
        text += f". {DECIDING[part.verdict]} of {count} tests"
        if part.verdict != "holds":
            held = sum(each.outcome == "holds" for each in part.evidence)
            text += f", of which {held or 'none'} {'holds' if held == 1 else 'hold'}"
    return f"{text}.{f' {ONE_SEED}' if shown.difference.n == 1 else ''}"


def _deciding(part: Part) -> Evidence:
    """Return the test on which the verdict rests; if it is undecided, the one that fails most."""
    if part.verdict == "no difference":
        return min(part.evidence, key=lambda each: _or_one(each.p_same))
    if part.verdict == "does not hold":
        against = [each for each in part.evidence if each.difference.favours < 0]
        return min(against, key=lambda each: _or_one(each.difference.p))
    failed = [each for each in part.evidence if each.outcome != "holds"] or part.evidence
    return max(failed, key=lambda each: _or_one(each.difference.p))


def _row(evidence: Evidence) -> dict[str, str]:
    difference, same = evidence.difference, evidence.outcome == "no difference"
    return {
        "measure": evidence.measure.label,
        "expected": _expected(evidence),
        "sides": _sides(evidence),
        "difference": _difference(evidence) if difference.n else "–",
        "p": show_p(evidence.p_same if same else difference.p),
        "n": str(difference.n),
        "verdict": evidence.outcome,
        "note": evidence.note,
    }


def _sides(evidence: Evidence) -> str:
    """Return the means of both sides, or the mean and the bound."""
    ours, theirs = evidence.ours, evidence.theirs
    unit = "%" if evidence.measure.unit == "%" else ""

    def show(value: float) -> str:
        return "never" if math.isinf(value) else evidence.measure.show(value)

    if evidence.bound is not None:
        return f"{show(ours.mean)}{unit} with {ours.name}, bound {show(evidence.bound)}{unit}"
    return f"{show(ours.mean)}{unit} with {ours.name}, {show(theirs.mean)}{unit} with {theirs.name}"


def _expected(evidence: Evidence) -> str:
    """Return the expected difference as a formula."""
    theirs = "bound" if evidence.bound is not None else evidence.theirs.name
    sign, by = (">", evidence.by) if evidence.more else ("<", -evidence.by)
    margin = f" {signed(evidence.measure, by)}" if by else ""
    return f"{evidence.ours.name} {sign} {theirs}{margin}"


def _margin(evidence: Evidence) -> str:
    """Return the required difference, or the margin within which the difference was shown to be."""
    if evidence.outcome == "no difference":
        if isinstance(evidence.measure, TimeTo):
            return f", within a factor of {math.exp(evidence.margin):g}"
        return f", within ±{evidence.measure.show(evidence.margin)}"
    if not evidence.by:
        return ""
    by = evidence.by if evidence.more else -evidence.by
    side = "above" if evidence.more else "below"
    return f", required {side} {signed(evidence.measure, by)}"


def _difference(evidence: Evidence) -> str:
    unit = " points" if evidence.measure.unit == "%" else ""
    return show_difference(evidence.measure, evidence.difference) + unit


def _equal(p: str) -> str:
    return (p if p.startswith("<") else f"= {p}").replace(" ", NARROW)


def _or_one(p: float) -> float:
    return 1.0 if math.isnan(p) else p
