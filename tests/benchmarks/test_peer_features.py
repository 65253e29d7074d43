"""The table of features in docs/comparison.md is that of the script, and true of lamella."""

from benchmarks.peer_features import LIBRARIES, ROWS, holds
from tests.subprocesses import ROOT


def test_page_has_the_rows_of_the_script() -> None:
    page = (ROOT / "docs" / "comparison.md").read_text("utf-8")
    for feature, cells in ROWS.items():
        assert len(cells) == len(LIBRARIES) + 1, feature
        assert f"| {feature} | {' | '.join(text for text, _ in cells)} |" in page


def test_evidence_of_lamella_holds() -> None:
    assert [cells[0] for cells in ROWS.values() if not holds(cells[0][1])] == []


def test_wrong_evidence_does_not_hold() -> None:
    assert not holds("lamella:Conv2D")
    assert not holds("lamella:-dense")
