"""Plain tables: objects to tables and back, dotted keys, merging, and the nearest name."""

import numpy as np
import pytest

import lamella as lm
from lamella.core.errors import ArgumentError
from lamella.models.loading import KNOWN
from lamella.studies.definition.tables import (
    differing,
    expand,
    expect_known,
    from_table,
    merge,
    to_table,
)


def test_an_object_becomes_a_table_of_its_class_and_arguments() -> None:
    assert to_table(lm.SGD(lm.StepDecay(0.5, 2))) == {
        "class": "SGD",
        "lr": {"class": "StepDecay", "lr": 0.5, "every": 2, "factor": 0.1},
        "clip_norm": None,
        "clip_value": None,
    }


def test_numbers_of_numpy_and_tuples_become_plain_ones() -> None:
    table = to_table({"a": np.float64(0.5), "b": (1, np.int64(2))})
    assert table == {"a": 0.5, "b": [1, 2]}
    assert type(table["a"]) is float
    assert type(table["b"][1]) is int


@pytest.mark.parametrize(
    "part",
    [
        lm.Adam(lm.Warmup(lm.CosineDecay(1e-3, 5), 2), clip_norm=1.0),
        lm.Dense(3, init=lm.initializers.he_normal, regularizer=lm.L2(0.1)),
        lm.SoftmaxCrossEntropy(),
    ],
    ids=lambda part: type(part).__name__,
)
def test_from_table_undoes_to_table(part: object) -> None:
    assert repr(from_table(to_table(part), KNOWN, "here")) == repr(part)


def test_dotted_keys_reach_into_parts_whichever_comes_first() -> None:
    limits = {"clip_norm": None, "clip_value": None}
    expected = {"optimizer": {"class": "SGD", "lr": 0.25, **limits}}
    assert expand({"optimizer": lm.SGD(0.5), "optimizer.lr": 0.25}) == expected
    assert expand({"optimizer.lr": 0.25, "optimizer": lm.SGD(0.5)}) == expected


def test_a_part_with_a_class_replaces_and_one_without_is_merged() -> None:
    base = {"optimizer": {"class": "Adam", "lr": 0.1, "beta1": 0.5}, "epochs": 3}
    merged = merge(base, {"optimizer": {"lr": 0.2}})
    assert merged == {"optimizer": {"class": "Adam", "lr": 0.2, "beta1": 0.5}, "epochs": 3}
    replaced = merge(base, {"optimizer": {"class": "SGD", "lr": 0.2}})
    assert replaced == {"optimizer": {"class": "SGD", "lr": 0.2}, "epochs": 3}
    assert base["optimizer"] == {"class": "Adam", "lr": 0.1, "beta1": 0.5}


def test_numbers_as_keys_reach_into_lists() -> None:
    layers = [{"class": "Flatten"}, {"class": "Dense", "units": 5}]
    merged = merge({"layers": layers}, expand({"layers.1.units": 7}))
    assert merged == {"layers": [{"class": "Flatten"}, {"class": "Dense", "units": 7}]}


def test_differing_names_the_keys_that_differ() -> None:
    a = {"model": {"class": "MLP", "hidden": [5]}, "optimizer": {"class": "SGD", "lr": 1}, "n": 1}
    b = {"model": {"class": "MLP", "hidden": [6]}, "optimizer": {"class": "Adam", "lr": 2}, "m": 1}
    assert differing(a, b) == ["model.hidden", "optimizer", "n", "m"]
    assert differing(a, a) == []


def test_differing_looks_into_lists_of_parts() -> None:
    a = [{"class": "Dense", "units": 5}, {"class": "ReLU"}]
    b = [{"class": "Dense", "units": 6}, {"class": "ReLU"}]
    assert differing({"layers": a}, {"layers": b}) == ["layers.0.units"]
    assert differing({"layers": a}, {"layers": b[:1]}) == ["layers"]


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ({"class": "Adm"}, r"optimizer.class 'Adm' is not known: did you mean 'Adam'\?"),
        ({"class": "Adam", "btea1": 1}, r"argument of Adam 'btea1' is .* did you mean 'beta1'\?"),
        ({"class": "Adam", "lr": -1}, r"optimizer: lr must be greater than 0, got -1"),
        ({"class": "Adam"}, None),
        ({"class": "StepDecay", "lr": 0.5}, r"optimizer: .*missing.*'every'"),
        ({"class": "Adam", "lr": {"class": "L3", "rate": 1}}, r"optimizer.lr.class 'L3'"),
        ({"lr": 1}, r"optimizer needs a class, .*; got \{'lr': 1\}"),
        ({"class": ["Adam"]}, r"optimizer.class \['Adam'\] is not known"),
        ([{"class": "Adm"}], r"optimizer.0.class 'Adm'"),
    ],
)
def test_errors_in_a_table_name_their_place(table: object, text: str | None) -> None:
    if text is None:
        assert isinstance(from_table(table, KNOWN, "optimizer"), lm.Adam)
        return
    with pytest.raises(ArgumentError, match=text):
        from_table(table, KNOWN, "optimizer")


def test_an_unknown_word_without_a_near_one_lists_all() -> None:
    with pytest.raises(ArgumentError, match="the field 'xyz' is not known; known are model, loss"):
        expect_known("the field", "xyz", ["model", "loss"])
