"""When a second look is worth it, and at what."""

import pytest

from lamella.studies.pictures.closer import closer_limits


def test_one_arm_far_off_makes_the_others_worth_a_look() -> None:
    spans = [(0.10, 0.12), (0.970, 0.972), (0.976, 0.980)]
    assert closer_limits(spans, (0.10, 0.98), 0.98) == pytest.approx((0.9692, 0.9808))


def test_arms_evenly_spread_need_no_second_look() -> None:
    spans = [(0.90, 0.92), (0.93, 0.95), (0.95, 0.98)]
    assert closer_limits(spans, (0.90, 0.98), 0.98) is None


def test_two_arms_need_no_second_look() -> None:
    assert closer_limits([(0.1, 0.1), (0.98, 0.981)], (0.1, 0.981), 0.981) is None


def test_arms_that_are_nearest_to_the_target_are_looked_at() -> None:
    spans = [(-80.0, -79.0), (-0.5, 0.1), (0.2, 0.4), (30.0, 31.0)]
    assert closer_limits(spans, (-80.0, 31.0), 0.0) == pytest.approx((-0.572, 0.472))


def test_arms_that_are_all_alike_need_no_second_look() -> None:
    assert closer_limits([(0.5, 0.5)] * 4, (0.5, 0.5), 0.5) is None
    assert closer_limits([(0.5, 0.5)] * 3 + [(0.1, 0.1)], (0.1, 0.5), 0.5) is None
