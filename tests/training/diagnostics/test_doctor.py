"""model.doctor: its report, and a model that it leaves unchanged."""

from xml.etree import ElementTree

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from tests.data import clouds
from tests.training.diagnostics.examples import dead, names, relu_network


def test_findings_about_data_come_first() -> None:
    x, y = clouds(300)
    assert names(relu_network().doctor(1000 * x, y))[0] == "unscaled inputs"
    assert names(relu_network().doctor(x, np.zeros_like(y)))[0] == "one class only"


def test_doctor_does_not_change_the_training(backend: Backend) -> None:
    x, y = clouds(300)
    layers = (lm.Dense(8), lm.BatchNorm(), lm.ReLU(), lm.Dropout(0.2))
    ends = []
    for examined in (False, True):
        model = relu_network(*layers, backend=backend)
        for _ in range(2):
            model.fit(x, y, epochs=1, batch_size=16, verbose=False)
            if examined:
                model.doctor(x, y, steps=5)
        ends.append({**model.state_dict(), **model.optimizer.state_dict()})
        layers = (lm.Dense(8), lm.BatchNorm(), lm.ReLU(), lm.Dropout(0.2))
    for name, array in ends[0].items():
        assert array.tobytes() == ends[1][name].tobytes(), name


def test_unbuilt_model_stays_unbuilt() -> None:
    model = lm.MLP([8], classes=3, seed=1)
    assert model.doctor(*clouds(300)).layers
    assert model.store is None


def test_two_reports_are_equal() -> None:
    first, second = (relu_network().doctor(*clouds(300)) for _ in range(2))
    assert str(first) == str(second)
    assert first.attempt.losses == second.attempt.losses


def test_batch_and_steps_must_be_positive() -> None:
    for options in ({"batch_size": 0}, {"steps": 0}):
        with pytest.raises(lm.LamellaError, match="must be"):
            relu_network().doctor(*clouds(300), **options)


def test_text_has_a_row_for_each_layer_and_the_advice() -> None:
    text = str(dead().doctor(*clouds(300)))
    assert [line.split()[:2] for line in text.splitlines()[1:4]] == [
        ["0", "Flatten"],
        ["1", "Dense"],
        ["2", "ReLU"],
    ]
    assert "    try: a smaller learning rate, biases that start at 0" in text


def test_numbers_whose_squares_overflow_give_a_report_without_a_warning() -> None:
    x, y = clouds(300)
    model = lm.Sequential([lm.Dense(3)], seed=1, dtype="float64", backend="numpy")
    model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(0.1))
    assert names(model.doctor(1e160 * x.astype(float), y, steps=5))[0] == "unscaled inputs"


def test_the_report_is_its_text_and_in_notebooks_a_table_of_the_layers() -> None:
    report = relu_network().doctor(*clouds(300))
    assert repr(report) == str(report)
    page = ElementTree.fromstring(report._repr_html_())
    lines = str(report).splitlines()
    rows = [" ".join(cell.text or "" for cell in row).split() for row in page.iter("tr")]
    assert rows == [line.split() for line in lines[: len(rows)]]
    assert [p.text for p in page.findall("p")][1:] == [report.summary(), *lines[len(rows) + 1 :]]
