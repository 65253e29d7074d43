"""Signs, zeros and intervals."""

import math

import pytest

from lamella.studies.analysis.difference import Difference
from lamella.studies.analysis.measures import MEASURES
from lamella.studies.report.page.verdicts import show_difference, signed

ACCURACY = MEASURES["test_accuracy"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0123, "+1.23"),
        (-0.0123, "−1.23"),
        (0.00001, "0.00"),
        (-0.00001, "0.00"),
        (-0.1, "−10.00"),
        (math.nan, "–"),
    ],
)
def test_zero_has_no_sign(value: float, said: str) -> None:
    assert signed(ACCURACY, value) == said


def test_difference_has_its_interval_if_there_is_one() -> None:
    def found(low: float, high: float) -> Difference:
        return Difference("a", "b", -0.01, low, high, 0.1, 0.1, 3, "no verdict")

    assert show_difference(ACCURACY, found(-0.0201, 0.0)) == "−1.00 [−2.01, 0.00]"
    assert show_difference(ACCURACY, found(math.nan, math.nan)) == "−1.00"
