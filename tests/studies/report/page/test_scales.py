"""Scales: coordinates and ticks."""

import pytest

from lamella.studies.report.page.scales import Scale, accuracies, linear, losses


def texts(scale: Scale) -> list[str]:
    return [text for _, text in scale.shown()]


def test_linear_scale_has_round_numbers_inside() -> None:
    scale = linear([0.12, 0.93], 0, 100)
    assert texts(scale) == ["0.25", "0.50", "0.75"]
    assert scale.low < 0.12 < 0.93 < scale.high
    assert scale(scale.low) == 0
    assert scale(scale.high) == 100


def test_values_outside_a_scale_are_clipped() -> None:
    scale = linear([0.0, 1.0], 0, 100)
    assert scale(7.0) == 100
    assert scale(-7.0) == 0


def test_scale_of_one_number_has_room_around_it() -> None:
    for value in (0.0, 0.5, 1200.0):
        scale = linear([value, value], 0, 100)
        assert scale(value) == pytest.approx(50)


def test_losses_far_apart_are_logarithmic() -> None:
    scale = losses([0.001, 2.0], 100, 0)
    assert texts(scale) == ["0.001", "0.01", "0.1", "1"]
    assert scale(0.001) - scale(0.01) == pytest.approx(scale(0.1) - scale(1))


def test_losses_close_together_are_linear() -> None:
    scale = losses([0.2, 0.4], 100, 0)
    assert scale(0.2) - scale(0.3) == pytest.approx(scale(0.3) - scale(0.4))


def test_accuracies_far_apart_are_logarithmic_in_the_error() -> None:
    scale = accuracies([0.3, 0.985], 0, 100)
    assert texts(scale) == ["50%", "80%", "90%", "95%", "98%"]
    assert scale(0.9) - scale(0.8) == pytest.approx(scale(0.95) - scale(0.9))


def test_accuracies_close_together_are_linear() -> None:
    scale = accuracies([0.9805, 0.9838], 0, 100)
    assert texts(scale) == ["98.1%", "98.2%", "98.3%"]
    assert scale(0.982) - scale(0.981) == pytest.approx(scale(0.983) - scale(0.982))


def test_perfect_accuracy_can_be_drawn() -> None:
    assert 0 <= accuracies([0.5, 1.0], 0, 100)(1.0) <= 100
    assert accuracies([1.0, 1.0], 0, 100)(1.0) <= 100


def test_losses_over_many_decades_have_few_ticks() -> None:
    scale = losses([10.0**power for power in range(-12, 4)], 100, 0)
    assert 4 <= len(scale.shown()) <= 9


def test_a_diverging_loss_does_not_hide_the_others() -> None:
    scale = losses([0.3, 0.4, 0.5, 3.0, 1e28], 100, 0)
    assert scale.high < 10
    assert scale.note == "logarithmic axis, cut at the top"
    assert scale(1e28) == scale.end
