"""Names: the nearest known one, names of other libraries, strings for objects."""

from types import ModuleType

import pytest

import lamella as lm
from lamella.core.errors import ArgumentError
from lamella.core.names import (
    MODULE_NAMES,
    OBJECTS,
    TRANSLATIONS,
    did_you_mean,
    expect_known,
    nearest,
    object_named,
    suggestion,
)
from lamella.core.validation import instance


@pytest.mark.parametrize(
    ("name", "found"), [("adma", "Adam"), ("MOMENTUM", "Momentum"), ("xyz", None), ("", None)]
)
def test_the_nearest_name_ignores_case(name: str, found: str | None) -> None:
    assert nearest(name, ["SGD", "Momentum", "Adam"]) == found


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("learning_rate", "use 'lr'"),
        ("learing_rate", "use 'lr'"),
        ("LR", "did you mean 'lr'?"),
        ("clipnorm", "did you mean 'clip_norm'?"),
        ("momentum", "use the optimizer Momentum(lr, beta=0.9)"),
        ("xyz", None),
    ],
)
def test_advice_on_an_unknown_argument_of_sgd(name: str, advice: str | None) -> None:
    assert suggestion(name, ["lr", "clip_norm"]) == advice


def test_a_near_name_is_preferred_to_a_similar_one_of_another_library() -> None:
    assert suggestion("momemtum", ["momentum", "eps"]) == "did you mean 'momentum'?"
    assert suggestion("learning-rates", ["learning-rate"]) == "did you mean 'learning-rate'?"


def test_translations_are_no_names_of_the_library_or_sentences() -> None:
    for name, translations in [*TRANSLATIONS.items(), *MODULE_NAMES.items()]:
        assert name.isidentifier()
        assert all(text.isidentifier() or " " in text for text in translations)


def test_an_unknown_name_lists_the_known_if_none_is_near() -> None:
    with pytest.raises(ArgumentError, match="the field 'xyz' is not known; known are model, loss"):
        expect_known("the field", "xyz", ["model", "loss"])
    with pytest.raises(ArgumentError, match="the field 3 is not known"):
        expect_known("the field", 3, ["model"])
    expect_known("the field", "model", ["model", "loss"])


def test_values_that_are_not_strings_have_no_nearest() -> None:
    assert did_you_mean("maxx", ["min", "max", None]) == ": did you mean 'max'?"
    assert did_you_mean(3, ["min", "max"]) == ""


@pytest.mark.parametrize(
    ("kind", "name", "written"),
    [
        ("Loss", "mse", "MeanSquaredError()"),
        ("Loss", "sparse_categorical_crossentropy", "SoftmaxCrossEntropy()"),
        ("Optimizer", "Adam", "Adam()"),
        ("Optimizer", "adma", "Adam()"),
        ("Layer", "leaky_relu", "LeakyReLU()"),
        ("Optimizer", "relu", None),
        ("Callback", "adam", None),
    ],
)
def test_a_string_says_how_its_object_is_written(kind: str, name: str, written: str | None) -> None:
    assert object_named(kind, name) == written


@pytest.mark.parametrize("kind", OBJECTS)
def test_objects_can_be_written_as_the_table_says(kind: str) -> None:
    for written in OBJECTS[kind].values():
        made = eval(written, vars(lm))
        assert isinstance(made, getattr(lm, kind))


def test_instance_says_how_to_write_the_object_of_a_string() -> None:
    with pytest.raises(ArgumentError, match=r"must be an Optimizer .*'adam': write Adam\(\)$"):
        instance("optimizer", "adam", lm.Optimizer, "Adam(1e-3)")


@pytest.mark.parametrize("module", [lm, lm.layers, lm.losses, lm.models, lm.optimizers])
def test_modules_show_their_public_names_only(module: ModuleType) -> None:
    extra = ["sklearn"] if module is lm else []
    assert dir(module) == sorted([*module.__all__, *extra])


def test_names_of_other_libraries_are_named_where_they_are_looked_for() -> None:
    with pytest.raises(AttributeError, match=r"'lamella' has no attribute 'Linear': use 'Dense'"):
        _ = lm.Linear
    with pytest.raises(AttributeError, match=r"lamella.layers.*'BatchNorm1d': use 'BatchNorm'"):
        _ = lm.layers.BatchNorm1d
    for name, text in [
        ("LearningRateScheduler", "give a schedule to the optimizer"),
        ("CSVLogger", "use 'CSV'"),
        ("keras", r"write lm.Dense\(10\)"),
        ("utils", r"labels \(N,\), and each model a seed"),
        ("tensor", "numpy arrays"),
        ("Module", "use 'Sequential'"),
        ("Reshape", "a class of Layer"),
        ("train_test_split", "lm.datasets.train_test_split"),
    ]:
        with pytest.raises(AttributeError, match=text):
            getattr(lm, name)
    with pytest.raises(AttributeError, match="did you mean 'he_normal'"):
        _ = lm.initializers.HeNormal
    with pytest.raises(AttributeError, match="did you mean 'Dense'"):
        _ = lm.layers.Dens
    with pytest.raises(AttributeError, match=r"no attribute '_dense'$"):
        _ = lm._dense


def test_names_of_modules_are_free_for_attributes_of_the_users_own() -> None:
    assert suggestion("tensors", ["layers"], 0.8) is None
    assert suggestion("metrics", ["layers"], 0.8) is None
