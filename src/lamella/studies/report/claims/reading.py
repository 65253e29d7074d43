"""Reading of claims from TOML; the first lines of ``claims.toml`` explain the form of evidence."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from itertools import pairwise, product
from typing import Any

import numpy as np

from lamella.core.errors import ArgumentError
from lamella.core.names import expect_known
from lamella.studies.analysis.measures import Measure
from lamella.studies.report.claims.claim import Claim, Part
from lamella.studies.report.claims.evidence import (
    Evidence,
    SeedValues,
    arm_values,
    compare_values,
    tolerated_values,
)
from lamella.studies.report.claims.measures import TOLERATED, claim_measure
from lamella.studies.running.run import Run

Studies = Mapping[str, Sequence[Run]]
"""The runs of each study. Studies may be missing."""

FORM = re.compile(
    r"(?P<measure>[\w.]+)( in (?P<study>[\w-]+))?: (?P<arms>.+?)"
    r"( (?P<sign>[-+±]) (?P<by>[\d.]+)(?P<unit>%?))?"
)
TESTS = {
    ">": [(True, 0)],
    ">+": [(True, 1)],
    ">-": [(True, -1)],
    "<": [(False, 0)],
    "<-": [(False, 1)],
    "<+": [(False, -1)],
    "=±": [(True, -1), (False, -1)],
    "chain <": [(True, 0)],
    "chain >": [(False, 0)],
}
"""Tests of each relation: whether an arm is expected above the other, and the sign of ``by``.

The arm is the left one, or in a chain of three and more the right one.
"""


def read_claims(text: str, studies: Studies) -> list[Claim]:
    """Return the claims in a TOML text, without verdicts.

    Raises
    ------
    ArgumentError
        If an entry is missing, unknown or unreadable; the message has the number of its claim.
    """
    claims = []
    for table in tomllib.loads(text)["claim"]:
        try:
            claims.append(_claim(table, studies))
        except KeyError as error:
            raise ArgumentError(f"claim {table.get('number')} has no {error}") from error
        except (TypeError, ValueError) as error:
            raise ArgumentError(f"claim {table.get('number')}: {error}") from error
    return claims


def _claim(table: dict[str, Any], studies: Studies) -> Claim:
    parts = table.pop("part")
    cases = table.pop("cases", None) or [{"study": table.pop("study", "")}]
    table.setdefault("studies", list(dict.fromkeys(case["study"] for case in cases)))
    return Claim(**table, parts=[_part(part, case, studies) for case in cases for part in parts])


def _part(table: Mapping[str, Any], case: Mapping[str, str], studies: Studies) -> Part:
    expected = [text.format_map(case) for text in table["evidence"]]
    texts = {name: text.format_map(case) for name, text in table.items() if name != "evidence"}
    found = [each for text in expected for each in read_evidence(text, studies, case["study"])]
    return Part(**texts, evidence=found)


def read_evidence(text: str, studies: Studies, study: str = "") -> list[Evidence]:
    """Return the tests of an expected difference, without verdicts.

    Parameters
    ----------
    text : str
        Such as "test_accuracy: 32 > 16 & 64", or with a study "fall in lambda: 1e-2 < none".
    studies : mapping
    study : str
        The study of a text without one.

    Raises
    ------
    ArgumentError
        If the text has another form, an unknown measure or no study.
    """
    form = FORM.fullmatch(text)
    if not form:
        raise ArgumentError(f"evidence has the form 'measure: a > b', got {text!r}")
    name, study = form["measure"], form["study"] or study
    first, *rest = re.split(" ([<>=]) ", form["arms"])
    chain = len(rest) > 2
    relation = "chain " * chain + "".join(dict.fromkeys(rest[::2])) + (form["sign"] or "")
    measure = claim_measure(name)
    expect_known(f"the relation of {text!r}", relation, TESTS)
    if not study and measure is not TOLERATED:
        raise ArgumentError(f"{text!r} needs a study: '{name} in depth: ...'")
    found = []
    sides = [side.split(" & ") for side in (first, *rest[1::2])]
    for pair in (pair for both in pairwise(sides) for pair in product(*both)):
        arm, other = reversed(pair) if chain else pair
        ours = _values(arm, measure, studies, study)
        if bound := re.fullmatch(r"([\d.]+)%", other):
            none_right = {seed: np.zeros_like(right) for seed, right in ours.correct.items()}
            value = _number(bound[1], "%")
            theirs = SeedValues("", dict.fromkeys(ours.by_seed, value), correct=none_right)
        else:
            theirs = _values(other, measure, studies, study)
        for more, sign in TESTS[relation]:
            by = sign * _number(form["by"] or "0", form["unit"])
            found.append(compare_values(measure, ours, theirs, more=more, by=by))
    return found


def _number(text: str, unit: str | None) -> float:
    return float(f"{text}e-2" if unit else text)  # 0.1% is then 0.001 to the last bit


def _values(arm: str, measure: Measure, studies: Studies, study: str) -> SeedValues:
    if measure is TOLERATED:  # of a study, here in the place of an arm
        study, _, name = arm.partition(" as ")
        return tolerated_values(studies.get(study, ()), name or study)
    return arm_values(studies.get(study, ()), arm, measure)
