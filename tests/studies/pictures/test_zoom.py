"""Limits of a zoomed panel."""

import pytest

from lamella.studies.pictures.zoom import zoom_limits


def test_zooms_in_on_all_arms_but_an_outlier() -> None:
    spans = [(0.10, 0.12), (0.970, 0.972), (0.976, 0.980)]
    assert zoom_limits(spans, (0.10, 0.98), 0.98) == pytest.approx((0.9692, 0.9808))


def test_no_zoom_for_evenly_spread_arms() -> None:
    spans = [(0.90, 0.92), (0.93, 0.95), (0.95, 0.98)]
    assert zoom_limits(spans, (0.90, 0.98), 0.98) is None


def test_no_zoom_for_two_arms() -> None:
    assert zoom_limits([(0.1, 0.1), (0.98, 0.981)], (0.1, 0.981), 0.981) is None


def test_zooms_in_on_the_arms_nearest_to_the_target() -> None:
    spans = [(-80.0, -79.0), (-0.5, 0.1), (0.2, 0.4), (30.0, 31.0)]
    assert zoom_limits(spans, (-80.0, 31.0), 0.0) == pytest.approx((-0.572, 0.472))


def test_no_zoom_for_equal_arms() -> None:
    assert zoom_limits([(0.5, 0.5)] * 4, (0.5, 0.5), 0.5) is None
    assert zoom_limits([(0.5, 0.5)] * 3 + [(0.1, 0.1)], (0.1, 0.5), 0.5) is None
