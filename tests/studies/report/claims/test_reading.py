"""Reading of claims and evidence, and the errors for mistyped entries."""

from typing import Any

import pytest

from lamella.core.errors import ArgumentError
from lamella.studies.report.claims.evidence import Evidence
from lamella.studies.report.claims.reading import read_claims, read_evidence

CLAIM = """
[[claim]]
number = 7
title = "Depth"
statement = "Deeper is better."
cases = [{ study = "wide", how = "slowly" }, { study = "deep", how = "fast" }]

[[claim.part]]
statement = "It learns {how}."
criterion = "Any."
evidence = ["gap: {how} > none", "fall in other: a < b"]

[[claim.part]]
statement = "It tests well."
criterion = "Any."
evidence = ["test_accuracy: a > b"]
"""


def shown(evidence: Evidence) -> tuple[str, str, str, float]:
    sign = ">" if evidence.more else "<"
    return evidence.ours.name, sign, evidence.theirs.name, evidence.by


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a > b", [("a", ">", "b", 0)]),
        ("a & b < c & d", [(x, "<", y, 0) for x in "ab" for y in "cd"]),
        ("a > b > c", [("b", "<", "a", 0), ("c", "<", "b", 0)]),
        ("a < b < c", [("b", ">", "a", 0), ("c", ">", "b", 0)]),
        ("a > b + 1%", [("a", ">", "b", 0.01)]),
        ("a > b - 0.5%", [("a", ">", "b", -0.005)]),
        ("a < b - 5%", [("a", "<", "b", 0.05)]),
        ("a < b + 0.1%", [("a", "<", "b", -0.001)]),
        ("a & b = c ± 0.1%", [(x, sign, "c", -0.001) for x in "ab" for sign in "><"]),
        ("[1, 2] > [1]", [("[1, 2]", ">", "[1]", 0)]),
        (
            "D, text & D + L2 0.01/64 > D + N - 1%",
            [(x, ">", "D + N", -0.01) for x in ("D, text", "D + L2 0.01/64")],
        ),
        ("a < 94%", [("a", "<", "", 0)]),
        ("a > b + 0.01", [("a", ">", "b", 0.01)]),
    ],
)
def test_evidence_is_read_as_tests_of_arms(text: str, expected: list[Any]) -> None:
    found = read_evidence(f"gap in depth: {text}", {})
    assert [shown(each) for each in found] == expected
    assert {each.measure.name for each in found} == {"gap"}


def test_tolerated_compares_studies_under_their_names_or_others() -> None:
    (found,) = read_evidence("tolerated: depth as deep nets > width", {})
    assert shown(found) == ("deep nets", ">", "width", 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a > b", "form"),
        ("gap : a > b", "form"),
        ("gaps in depth: a > b", "measure .*did you mean 'gap'"),
        ("gap in depth: a", "relation of 'gap in depth: a'"),
        ("gap in depth: a >b", "relation"),
        ("gap in depth: a > b < c", "relation"),
        ("gap in depth: a = b", "relation"),
        ("gap in depth: a > b > c + 1%", "relation"),
        ("gap in depth: a > b ± 1%", "relation"),
        ("gap: a > b", "needs a study"),
    ],
)
def test_mistyped_evidence_is_an_error(text: str, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        read_evidence(text, {})


def test_cases_repeat_all_parts_with_their_study_and_words() -> None:
    (claim,) = read_claims(CLAIM, {})
    assert claim.studies == ["wide", "deep"]
    statements = [part.statement for part in claim.parts]
    assert statements == [
        "It learns slowly.",
        "It tests well.",
        "It learns fast.",
        "It tests well.",
    ]
    assert [each.ours.name for each in claim.parts[2].evidence] == ["fast", "a"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("criterion", "criteria", "claim 7: .*criteri"),
        ("title", "titel", "claim 7: .*tit"),
        ('how = "fast"', 'way = "fast"', "claim 7 has no 'how'"),
        ("evidence", "evidenec", "claim 7 .*'evidence'"),
        ('study = "deep"', 'studio = "deep"', "claim 7 has no 'study'"),
        ("test_accuracy", "test_acuracy", "claim 7: .*'test_acuracy'.*'test_accuracy'"),
        ("a > b", "a > b + 1.2.3%", "claim 7: .*1.2.3"),
        ("claim.part", "claim.parts", "claim 7 has no 'part'"),
    ],
)
def test_mistyped_entries_of_claims_are_errors(old: str, new: str, message: str) -> None:
    assert old in CLAIM
    with pytest.raises(ArgumentError, match=message):
        read_claims(CLAIM.replace(old, new), {})
