"""An experiment: complete, comparable, and refused where it is wrong."""

from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.studies import Experiment
from lamella.studies.definition.fields import custom_parts, fields_table
from lamella.training.checkpoints.code_digest import code_digest


class Double(lm.Layer):
    """Twice its input."""

    def forward(self, x: Any, training: bool) -> Any:
        return 2 * x

    def backward(self, dy: Any) -> Any:
        return 2 * dy


def another_double() -> type[lm.Layer]:
    """Return a class of the same name that does something else."""

    class Double(lm.Layer):
        def forward(self, x: Any, training: bool) -> Any:
            return x + x

        def backward(self, dy: Any) -> Any:
            return dy + dy

    return Double


def experiment(**fields: Any) -> Experiment:
    return Experiment.from_table(
        fields_table({"model": lm.MLP([5]), **fields}), custom_parts(fields)
    )


def test_an_mlp_of_numbers_has_the_loss_of_numbers() -> None:
    assert experiment(model=lm.MLP([5], outputs=1)).loss == {"class": "MeanSquaredError"}
    assert experiment(model=lm.MLP([5], outputs=1), loss="L1").loss["class"] == "MeanAbsoluteError"


def test_defaults_are_as_documented() -> None:
    made = experiment()
    assert made.model == {
        "class": "MLP",
        "hidden": [5],
        "classes": 10,
        "outputs": None,
        "batch_norm": False,
        "dropout": 0.0,
        "l2": 0.0,
        "dtype": "float32",
        "backend": lm.get_backend("auto").name,
    }
    assert made.loss == {"class": "SoftmaxCrossEntropy", "label_smoothing": 0.0}
    assert made.optimizer["class"] == "Adam"
    assert (made.optimizer["lr"], made.optimizer["beta1"]) == (5e-4, 0.9)
    fields = (made.batch_size, made.epochs, made.shuffle, made.validation_split, made.samples)
    assert fields == (64, 5, True, 1 / 12, None)


def test_objects_and_words_make_equal_experiments() -> None:
    words = {"class": "MLP", "hidden": [8, 4], "dropout": [0.0, 0.1, 0.2]}
    by_words = experiment(model=words, optimizer={"class": "SGD", "lr": 0.5}, loss="L2")
    by_objects = experiment(
        model=lm.MLP([8, 4], dropout=(0.0, 0.1, 0.2)),
        optimizer=lm.SGD(0.5),
        loss=lm.MeanSquaredError(),
    )
    assert by_words == by_objects
    assert by_words.table() == by_objects.table()


def test_layers_losses_optimizers_and_the_average_are_named_in_words() -> None:
    layers = [
        {"class": "Dense", "units": 5, "max_norm": 2.0},
        *({"class": name} for name in ("LayerNorm", "GELU", "SiLU", "ELU", "Softplus")),
    ]
    by_words = experiment(
        model={"class": "Sequential", "layers": layers},
        loss={"class": "Huber", "delta": 0.5},
        optimizer={"class": "Lion", "lr": {"class": "CosineDecay", "lr": 1e-3, "epochs": 5}},
        callbacks=[{"class": "WeightAverage", "decay": 0.9}],
    )
    dense = lm.Dense(5, max_norm=2.0)
    others = [lm.LayerNorm(), lm.GELU(), lm.SiLU(), lm.ELU(), lm.Softplus()]
    by_objects = experiment(
        model=lm.Sequential([dense, *others]),
        loss=lm.Huber(0.5),
        optimizer=lm.Lion(lm.CosineDecay(1e-3, epochs=5)),
        callbacks=[lm.WeightAverage(0.9)],
    )
    assert by_words.table() == by_objects.table()


def test_two_averages_are_refused() -> None:
    average = {"class": "WeightAverage", "decay": 0.9}
    with pytest.raises(lm.errors.ArgumentError, match="give one WeightAverage"):
        experiment(callbacks=[average, average])


def test_callbacks_and_metrics_are_named_in_words_as_well() -> None:
    words = {"class": "EarlyStopping", "monitor": "val_loss", "patience": 3}
    by_words = experiment(callbacks=[words], metrics=["top_3"])
    by_objects = experiment(callbacks=[lm.EarlyStopping(patience=3)], metrics=[lm.TopK(3)])
    assert by_words == by_objects
    assert by_words.table() == by_objects.table()
    [callback], [again] = by_words.new_callbacks(), by_words.new_callbacks()
    assert isinstance(callback, lm.EarlyStopping)
    assert callback.patience == 3
    assert callback is not again


def test_the_seed_of_a_model_object_does_not_count() -> None:
    assert experiment(model=lm.MLP([5], seed=1)) == experiment(model=lm.MLP([5], seed=2))


def test_the_compiled_model_is_the_one_described() -> None:
    made = experiment(model=lm.MLP([7], l2=0.1, dtype="float64"), loss="L1", optimizer=lm.SGD(0.5))
    model = made.compiled(seed=11)
    expected = lm.MLP([7], l2=0.1, dtype="float64", loss="L1", optimizer=lm.SGD(0.5), seed=11)
    assert repr(model) == repr(expected)
    assert (model.seed, model.dtype) == (11, np.float64)
    assert repr(model.optimizer) == "SGD(lr=0.5)"
    assert isinstance(model.loss, lm.MeanAbsoluteError)


def test_a_sequential_is_compiled_without_metrics() -> None:
    layers = [lm.Flatten(), lm.Dense(4), lm.ReLU(), lm.Dense(3)]
    made = experiment(model=lm.Sequential(layers), optimizer=lm.SGD(0.5))
    model = made.compiled(seed=3)
    assert repr(model) == repr(lm.Sequential(layers))
    assert len(model.metrics) == 0
    assert repr(model.optimizer) == "SGD(lr=0.5)"


def test_each_compiled_model_has_parts_of_its_own() -> None:
    made = experiment()
    first, second = made.compiled(0), made.compiled(0)
    assert first.optimizer is not second.optimizer
    assert first.layers[0] is not second.layers[0]


def test_custom_classes_are_carried_along_with_a_digest_of_their_code() -> None:
    model = lm.Sequential([lm.Flatten(), Double(), lm.Dense(3)])
    made = experiment(model=model)
    assert made.custom == {"Double": Double}
    assert set(made.table()["own"]) == {"Double"}
    assert made.table()["own"]["Double"] == code_digest(Double)
    assert isinstance(made.compiled(0).layers[1], Double)
    assert "own" not in experiment().table()


def test_custom_classes_that_are_not_used_do_not_count() -> None:
    table = fields_table({"model": lm.MLP([5])})
    assert Experiment.from_table(table, {"Double": Double}) == Experiment.from_table(table)
    assert Experiment.from_table(table, {"Double": Double}).custom == {}


def test_a_changed_code_under_the_same_name_gives_a_new_experiment() -> None:
    kinds = [Double, another_double()]
    models = [lm.Sequential([lm.Flatten(), kind(), lm.Dense(3)]) for kind in kinds]
    tables = [experiment(model=model).table() for model in models]
    assert tables[0]["model"] == tables[1]["model"]
    assert tables[0]["own"] != tables[1]["own"]


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"optimzer": lm.SGD(0.1)}, "the field 'optimzer' is not known: did you mean 'optimizer'?"),
        ({"optimizer.LR": 0.1}, "argument of Adam 'LR' is not known: did you mean 'lr'?"),
        ({"optimizer.class": "adam"}, "optimizer.class 'adam' is not known: did you mean 'Adam'?"),
        ({"loss.class": "Adam"}, "loss.class 'Adam' is not known"),
        ({"loss": "L3"}, "the loss 'L3' is not known: did you mean 'L2'?"),
        ({"loss": 3}, "loss must be a Loss such as SoftmaxCrossEntropy(), got 3"),
        ({"optimizer": 0.1}, "optimizer must be an Optimizer such as Adam(5e-4), got 0.1"),
        ({"model.hiden": [3]}, "argument of MLP 'hiden' is not known: did you mean 'hidden'?"),
        ({"model.hidden": []}, None),
        ({"model.hidden": [0]}, "model: hidden must be a whole number of at least 1, got 0"),
        ({"model": {"class": "Adam"}}, "model.class 'Adam' is not known"),
        ({"model": 3}, "an experiment needs a model"),
        ({"model.seed": 3}, "model.seed cannot be set: a study has seeds"),
        ({"model.loss": "L2"}, "model.loss cannot be set: it is a field"),
        ({"model.backend": "cuda"}, "backend"),
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1, got 0"),
        ({"epochs": 1.5}, "epochs must be a whole number"),
        ({"shuffle": 1}, "shuffle must be a bool"),
        ({"validation_split": 1}, "validation_split must be in [0, 1), got 1"),
        ({"class_weight": "balancd"}, "class_weight must be one of 'balanced'; got 'balancd'"),
        ({"augment": {"class": "Augment", "rotat": 5}}, "did you mean 'rotate'?"),
        ({"augment": {"class": "Augment", "rotate": -5}}, "rotate must be in [0, 180], got -5"),
        ({"augment": {"class": "Adam"}}, "augment.class 'Adam' is not known"),
        ({"augment": {"rotate": 5}}, "augment needs a class"),
        ({"augment": True}, "augment must be an Augment such as Augment(rotate=10)"),
        ({"metrics": ["top5"]}, "metric must be one of"),
        ({"callbacks": [{"class": "EarlyStoping"}]}, "did you mean 'EarlyStopping'?"),
        ({"callbacks": [{"class": "CSV", "path": "x"}]}, "callbacks.0.class 'CSV' is not known"),
        ({"callbacks": [lm.Adam(0.1)]}, "callbacks.0.class 'Adam' is not known"),
        ({"samples": 0}, "samples must be a whole number of at least 1, got 0"),
    ],
    ids=lambda value: ", ".join(value) if isinstance(value, dict) else "",
)
def test_wrong_settings_are_refused(fields: dict[str, Any], text: str | None) -> None:
    if text is None:
        assert experiment(**fields).model["hidden"] == []
        return
    with pytest.raises(lm.LamellaError) as caught:
        experiment(**fields)
    assert text in str(caught.value)


def test_augmentation_is_part_of_the_table_only_where_there_is_one() -> None:
    assert "augment" not in experiment().table()  # keys of runs from before
    table = experiment(augment=lm.Augment(rotate=10)).table()
    assert table["augment"]["class"] == "Augment"
    assert table["augment"]["rotate"] == 10
    assert "own" not in table
    again = Experiment.from_table(table)
    assert again.table() == table
    assert repr(again.new_augment()) == "Augment(rotate=10.0)"
