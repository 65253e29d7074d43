"""Findings as text."""

from lamella.training.diagnostics.finding import Finding, report_lines

FINDING = Finding("unscaled inputs", "x reaches 255", "x / 255")


def test_finding_is_one_sentence_with_its_advice() -> None:
    assert str(FINDING) == "unscaled inputs: x reaches 255. Try: x / 255."


def test_report_counts_the_findings_and_indents_them() -> None:
    assert report_lines([]) == ["no findings"]
    one = ["  unscaled inputs", "    x reaches 255", "    try: x / 255"]
    assert report_lines([FINDING]) == ["1 finding", *one]
    assert report_lines([FINDING, FINDING]) == ["2 findings", *one, *one]
