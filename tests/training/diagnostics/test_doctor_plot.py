"""Plot of the doctor's report: it shows the numbers of the report."""

from typing import Any

import pytest

from tests.data import clouds
from tests.training.diagnostics.examples import DEFECTIVE, relu_network

pytestmark = pytest.mark.slow


def test_plot_shows_the_numbers_of_the_report() -> None:
    pytest.importorskip("matplotlib")
    report = relu_network().doctor(*clouds(300))
    figure = report.plot()
    figure.draw_without_rendering()
    loss = figure.axes[4].get_lines()[0]
    assert list(loss.get_ydata()) == report.attempt.losses
    updates = figure.axes[3].get_lines()[0].get_xdata()
    assert list(updates) == [a.update for a in report.layers if a.update is not None]


@pytest.mark.parametrize("make", [value[2] for value in DEFECTIVE.values()], ids=DEFECTIVE)
def test_plot_of_defective_networks_names_the_finding(make: Any) -> None:
    pytest.importorskip("matplotlib")
    report = make().doctor(*clouds(300))
    figure = report.plot()
    figure.draw_without_rendering()
    assert report.findings[0].name in figure.get_supxlabel()
