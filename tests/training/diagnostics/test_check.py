"""model.check and the check of fit: reports, warnings, and unchanged training."""

import warnings
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.core.errors import CheckWarning, DataError
from tests.data import clouds
from tests.subprocesses import run_python
from tests.training.diagnostics.examples import checked_names, classifier


def test_healthy_data_give_no_finding(backend: Backend) -> None:
    assert checked_names(classifier(backend=backend), *clouds(200)) == []


def test_class_weights_prevent_the_finding_of_unbalanced_classes() -> None:
    x, _ = clouds(200)
    y = (np.arange(200) >= 195).astype(int)
    options: dict[str, Any] = {"epochs": 1, "verbose": False}
    with pytest.warns(CheckWarning, match=r"class_weight=\{1: 39\}"):
        classifier(2).fit(x, y, **options)
    classifier(2).fit(x, y, class_weight={1: 39.0}, **options)


def test_labels_from_one_are_refused_with_the_fix() -> None:
    x, y = clouds(200)
    with pytest.raises(DataError, match="values from 1 to 3: they count from 1, use y - 1"):
        classifier(3).check(x, y + 1)


def test_report_lists_shapes_and_advice() -> None:
    x, y = clouds(200)
    text = str(classifier().check(1000 * x, y))
    rows = text.splitlines()
    assert rows[0] == "200 samples"
    traced = [row.rsplit("  ", 1)[-1] for row in rows[1:7]]
    assert traced == ["(6,)", "(6,)", "(8,)", "(8,)", "(8,)", "(3,)"]
    assert rows[8:10] == ["1 finding", "  unscaled inputs"]
    assert rows[-1].startswith("    try: (x - mean) / std")


@pytest.mark.parametrize("scale", [1e160, 1.7e308, 1e-200])
@pytest.mark.parametrize("sign", [1, -1])
def test_numbers_whose_squares_leave_the_range_are_unscaled(scale: float, sign: int) -> None:
    x = scale * np.random.default_rng(0).random((64, 6))
    x[::2] *= sign
    model = lm.Sequential([lm.Dense(1)], seed=1, backend="numpy", dtype="float64")
    model.compile(lm.MeanSquaredError(), lm.SGD(0.1))
    names = {finding.name for finding in model.check(x, x[:, :1]).findings}
    assert names >= ({"unscaled inputs", "unscaled targets"} if scale > 1 else {"unscaled inputs"})


def test_fit_warns_of_each_finding_at_the_line_that_called_it() -> None:
    x, y = clouds(200)
    with pytest.warns(CheckWarning) as warned:
        classifier(4).fit(1000 * x, y + 1, epochs=1, verbose=False)
    assert [str(w.message).partition(":")[0] for w in warned] == [
        "unscaled inputs",
        "shifted labels",
    ]
    assert {w.filename for w in warned} == {__file__}


def test_fit_skips_the_check_on_request() -> None:
    x, y = clouds(200)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        classifier(4).fit(1000 * x, y + 1, epochs=1, verbose=False, check=False)


def test_training_has_the_same_bits_with_and_without_a_check(backend: Backend) -> None:
    x, y = clouds(200)
    ends = []
    for look in (False, True):
        model = classifier(backend=backend)
        for epochs in (2, 1):
            if look:
                model.check(x, y)
            model.fit(x, y, epochs=epochs, batch_size=16, verbose=False, check=look)
        ends.append({**model.state_dict(), **model.optimizer.state_dict()})
    for name, array in ends[0].items():
        assert array.tobytes() == ends[1][name].tobytes(), name


def test_import_of_lamella_does_not_load_the_diagnostics() -> None:
    code = "import sys, lamella; assert not any('diagnostics' in name for name in sys.modules)"
    run_python("-c", code)


def test_the_report_is_its_text_and_in_notebooks_a_table_with_the_findings() -> None:
    x, y = clouds(200)
    report = classifier().check(1000 * x, y)
    assert repr(report) == str(report)
    page = ElementTree.fromstring(report._repr_html_())
    assert [cell.text for cell in page.findall(".//tr")[1]] == ["x", "(6,)"]
    assert [p.text for p in page.findall("p")][1:] == [str(report.findings[0])]
