"""The set-up of a study in words."""

import lamella as lm
from lamella.studies import Study
from lamella.studies.report.page.setup import setup, word
from tests.studies.made_up_studies import results_of
from tests.studies.small import TEST, TRAIN


def test_what_varies_is_told_by_arm_and_what_does_not_once() -> None:
    held, varied = setup(results_of("learning-rate"))
    assert varied == [("lr", {"5e-1": "0.5", "5e-2": "0.05", "5e-3": "0.005", "5e-4": "0.0005"})]
    assert ("network", "784 – 256 – 30 – 10") in held
    assert ("batch_size", "64") in held
    assert ("loss", "cross-entropy") in held
    assert ("validation_split", "1/12 of the training images") in held
    assert not {"beta2", "eps", "dropout", "samples", "class", "backend"} & {w for w, _ in held}


def test_arms_that_have_the_same_are_told_together() -> None:
    _, varied = setup(results_of("regularize-deep"))
    told = dict(varied)
    assert told["batch_norm"] == {"BatchNorm": "yes", "all others": "no"}
    assert told["l2"] == {"L2 0.01": "0.01", "L2 0.01/64": "0.00015625", "all others": "0"}


def test_parts_that_only_some_arms_have_are_dashes_in_the_others() -> None:
    arms = {
        "heavy": {"optimizer": lm.Momentum(0.01, beta=0.8)},
        "none": {"optimizer": lm.SGD(0.01)},
    }
    study = Study("own", base={"model": lm.MLP([4], classes=3), "epochs": 1}, arms=arms, seeds=1)
    _, varied = setup(study.run(TRAIN, TEST, verbose=False))
    assert varied == [
        ("update rule", {"heavy": "Momentum", "none": "gradient descent (SGD)"}),
        ("beta", {"heavy": "0.8", "none": "–"}),
    ]


def test_what_lamella_does_by_itself_is_not_mentioned() -> None:
    _, varied = setup(results_of("optimizers"))
    assert [name for name, _ in varied] == ["update rule"]


def test_own_networks_are_told_layer_by_layer() -> None:
    model = lm.Sequential([lm.Dense(4), lm.Tanh(), lm.Dense(3)])
    arms = {"short": {"epochs": 1}, "long": {"epochs": 2}}
    study = Study("own", base={"model": model, "batch_size": 60}, arms=arms, seeds=1)
    held, varied = setup(study.run(TRAIN, TEST, verbose=False))
    assert varied == [("epochs", {"short": "1", "long": "2"})]
    assert "Tanh()" in dict(held)["network"]
    assert "Dense(units=4" in dict(held)["network"]


def test_fields_have_words() -> None:
    assert word("lr") == "learning rate"
    assert word("something") == "something"
