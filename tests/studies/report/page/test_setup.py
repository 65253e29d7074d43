"""Set-up of a study."""

import lamella as lm
from lamella.studies import Study
from lamella.studies.report.page.setup import label, setup
from tests.studies.made_up_studies import results_of
from tests.studies.small import TEST, TRAIN


def test_fixed_fields_appear_once_and_varied_fields_by_arm() -> None:
    fixed, varied = setup(results_of("learning-rate"))
    assert varied == [("lr", {"5e-1": "0.5", "5e-2": "0.05", "5e-3": "0.005", "5e-4": "0.0005"})]
    assert ("network", "784 – 256 – 30 – 10") in fixed
    assert ("batch_size", "64") in fixed
    assert ("loss", "cross-entropy") in fixed
    assert ("validation_split", "1/12 of the training samples") in fixed
    assert not {"beta2", "eps", "dropout", "samples", "class", "backend"} & {w for w, _ in fixed}


def test_arms_with_equal_values_are_merged() -> None:
    _, varied = setup(results_of("regularize-deep"))
    values = dict(varied)
    assert values["batch_norm"] == {"BatchNorm": "yes", "all others": "no"}
    assert values["l2"] == {"L2 0.01": "0.01", "L2 0.01/64": "0.00015625", "all others": "0"}


def test_fields_that_an_arm_lacks_are_dashes() -> None:
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


def test_defaults_are_omitted() -> None:
    _, varied = setup(results_of("optimizers"))
    assert [name for name, _ in varied] == ["update rule"]


def test_own_networks_are_described_by_layer() -> None:
    model = lm.Sequential([lm.Dense(4), lm.Tanh(), lm.Dense(3)])
    arms = {"short": {"epochs": 1}, "long": {"epochs": 2}}
    study = Study("own", base={"model": model, "batch_size": 60}, arms=arms, seeds=1)
    fixed, varied = setup(study.run(TRAIN, TEST, verbose=False))
    assert varied == [("epochs", {"short": "1", "long": "2"})]
    assert "Tanh()" in dict(fixed)["network"]
    assert "Dense(units=4" in dict(fixed)["network"]


def test_fields_have_labels() -> None:
    assert label("lr") == "learning rate"
    assert label("something") == "something"


def test_outputs_of_a_network_for_numbers_are_its_last_width() -> None:
    base = {"model": lm.MLP([4], outputs=1), "epochs": 1}
    study = Study("own", base=base, arms={"one": {}}, seeds=1)
    fixed, _ = setup(study.run((TRAIN.x, TRAIN.x[:, 0]), (TEST.x, TEST.x[:, 0]), verbose=False))
    assert dict(fixed)["network"] == "6 – 4 – 1"
    assert "outputs" not in dict(fixed)


def test_an_arm_without_callbacks_has_none() -> None:
    arms = {"stops": {"callbacks": [lm.EarlyStopping()]}, "ends": {}}
    base = {"model": lm.MLP([4], classes=3), "epochs": 1}
    study = Study("own", base=base, arms=arms, seeds=1)
    _, varied = setup(study.run(TRAIN, TEST, verbose=False))
    assert dict(varied)["callbacks"]["ends"] == "none"
