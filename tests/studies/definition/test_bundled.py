"""The bundled studies: the report's experiments, to the letter."""

from importlib import resources
from typing import Any

import pytest

from lamella.core.errors import ArgumentError
from lamella.studies.definition import bundled
from tests.studies.made_up_studies import study_called

RATES = {"5e-1": 0.5, "5e-2": 0.05, "5e-3": 0.005, "5e-4": 0.0005}
BATCHES = [16, 32, 64, 128, 256]
BETAS = [0.3, 0.5, 0.7, 0.9]
OPTIMIZERS = ["SGD", "Momentum", "Adam"]
DEEP = [100, 70, 50, 30]


def of_arms(name: str, part: str, key: str) -> list[Any]:
    """Return one setting of all arms of a study, in order."""
    found = [getattr(each, part) for each in study_called(name).experiments.values()]
    return [table[key] for table in found] if key else found


@pytest.mark.parametrize(
    ("name", "part", "key", "values"),
    [
        ("learning-rate", "optimizer", "lr", list(RATES.values())),
        ("softmax-learning-rate", "optimizer", "lr", list(RATES.values())),
        ("momentum-learning-rate", "optimizer", "lr", list(RATES.values())),
        ("batch-size-sgd", "batch_size", "", BATCHES),
        ("batch-size-momentum", "batch_size", "", BATCHES),
        ("batch-size-adam", "batch_size", "", BATCHES),
        ("batch-size-sgd-summed", "optimizer", "lr", [5e-4 * b for b in BATCHES]),
        ("batch-size-momentum-summed", "optimizer", "lr", [5e-5 * b for b in BATCHES]),
        ("optimizers", "optimizer", "class", OPTIMIZERS),
        ("optimizers-summed", "optimizer", "lr", [8e-3, 8e-4, 5e-4]),
        ("softmax-optimizers", "optimizer", "class", OPTIMIZERS),
        ("softmax-vs-mlp", "model", "class", ["SoftmaxClassifier", "MLP"]),
        ("softmax-loss", "loss", "class", ["SoftmaxCrossEntropy", "MeanSquaredError"]),
        ("mlp-loss", "loss", "class", ["SoftmaxCrossEntropy", "MeanSquaredError"]),
        (
            "width",
            "model",
            "hidden",
            [[64, 10], [128, 25], [256, 30], [512, 64], [1024, 128]],
        ),
        (
            "over-fitting",
            "model",
            "hidden",
            [[1024, 128], [2048, 256], [5096, 128], [10240, 512]],
        ),
        ("depth", "model", "hidden", [DEEP[:1], DEEP[:2], DEEP[:3], DEEP]),
        ("regularize-deep", "model", "l2", [0, 0, 0, 0, 0.01, 0.01 / 64]),
        ("regularize-wide", "model", "l2", [0, 0, 0, 0.01, 0.01 / 64]),
        ("regularize-wide", "model", "batch_norm", [False, True, False, False, False]),
        ("combinations", "model", "l2", [0, 0, 0.01, 0.01 / 64, 0.01, 0.01 / 64]),
        ("combinations", "model", "batch_norm", [False, True, False, False, True, True]),
        ("combinations", "model", "dropout", [0, *[[0, 0.1, 0.1]] * 5]),
        ("lambda", "model", "l2", [0, 1e-4, 1e-3, 1e-2, 1e-4 / 64, 1e-3 / 64, 1e-2 / 64]),
        ("drop-rate", "model", "dropout", [0, [0, 0.01, 0.01], [0, 0.1, 0.1]]),
        ("dropout", "model", "dropout", [0, [0, 0.1, 0.1]]),
        ("softmax-adam-beta", "optimizer", "beta1", BETAS),
        ("adam-beta", "optimizer", "beta1", BETAS),
        ("softmax-momentum-beta", "optimizer", "beta", BETAS),
        ("momentum-beta", "optimizer", "beta", BETAS),
    ],
)
def test_arms_vary_as_in_the_report(name: str, part: str, key: str, values: list[Any]) -> None:
    found = of_arms(name, part, key)
    for value, expected in zip(found, values, strict=True):
        assert value == (pytest.approx(expected) if isinstance(expected, float) else expected)


OF_THE_REPORT = [name for name in bundled.names() if not name.endswith("-tuned")]


@pytest.mark.parametrize("name", OF_THE_REPORT)
def test_common_settings_are_as_in_the_report(name: str) -> None:
    study = study_called(name)
    for experiment in study.experiments.values():
        assert experiment.epochs == 15
        assert experiment.validation_split == pytest.approx(1 / 12)
        assert experiment.samples is None
        if "optimizer.lr" not in study.varies and "summed" not in name:
            assert experiment.optimizer["lr"] == 5e-4
        if experiment.optimizer["class"] == "Momentum" and "beta" not in name:
            assert experiment.optimizer["beta"] == 0.9
        if "batch" not in name:
            assert experiment.batch_size == (16 if name.startswith("optimizers") else 64)


@pytest.mark.parametrize(
    ("name", "hidden"),
    [
        ("learning-rate", [256, 30]),
        ("batch-size-sgd", [256, 30]),
        ("regularize-deep", DEEP),
        ("regularize-wide", [2048, 256]),
        ("combinations", [2048, 256]),
        ("lambda", [5096, 128]),
        ("drop-rate", [5096, 128]),
        ("regularized-momentum", [256, 30]),
    ],
)
def test_networks_are_the_report_s(name: str, hidden: list[int]) -> None:
    assert of_arms(name, "model", "hidden") == [hidden] * len(study_called(name).arms)


def test_arms_divided_by_the_batch_say_so() -> None:
    for name in OF_THE_REPORT:
        study = study_called(name)
        for arm, experiment in study.experiments.items():
            if divided := experiment.model.get("l2"):
                whole = divided * 64 if "/64" in arm else divided
                assert min(abs(whole / rate - 1) for rate in (1e-2, 1e-3, 1e-4)) < 1e-9, arm


def test_deep_dropout_has_both_readings() -> None:
    rates = of_arms("regularize-deep", "model", "dropout")
    assert rates[2:4] == [[0, 0.1, 0.1, 0.1, 0.1], [0, 0.1, 0.1, 0.1, 0]]


def test_every_file_is_listed_under_its_own_name() -> None:
    folder = resources.files("lamella.studies") / "bundled"
    assert sorted(f"{name}.toml" for name in bundled.names()) == sorted(
        file.name for file in folder.iterdir()
    )
    assert [bundled.load(name).name for name in bundled.names()] == bundled.names()


def test_mistyped_name_suggests_the_nearest() -> None:
    with pytest.raises(ArgumentError, match="'learning-rate'"):
        bundled.load("learning-rates")


def test_note_is_the_comment_that_the_file_begins_with() -> None:
    assert bundled.note("learning-rate") == ""
    assert bundled.note("lambda").startswith(
        "1e-2: penalty 1e-2 / 2 sum(W^2) added to the mean loss"
    )
    assert "#" not in bundled.note("lambda")


def test_coupling_through_adam_is_noted_where_it_applies() -> None:
    for name in bundled.names():
        varied = study_called(name).experiments.values()
        adam = any(each.optimizer["class"] == "Adam" for each in varied)
        if adam and any(each.model.get("l2") for each in varied):
            assert "coupled" in bundled.note(name), name


def test_summary_has_question_and_size() -> None:
    summary = bundled.summary("drop-rate")
    assert summary.startswith("How much dropout does a very wide network bear? 3 arms, 5 seeds")


def test_time_grows_with_seeds_epochs_and_images() -> None:
    study = study_called("width")
    whole = bundled.seconds(study)
    assert bundled.seconds(study.resized(seeds=1)) == pytest.approx(whole / 10)
    assert bundled.seconds(study.resized(epochs=3)) == pytest.approx(whole / 5)
    assert whole / 10 < bundled.seconds(study.resized(samples=5500)) < whole / 5


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (20, "under a minute on one core"),
        (65, "about 1 minute on one core"),
        (700, "about 10 minutes on one core"),
        (7200, "about 2.0 hours on one core"),
    ],
)
def test_times_are_given_roughly(seconds: float, said: str) -> None:
    assert bundled.duration(seconds) == said


@pytest.mark.parametrize("name", sorted({*bundled.names()} - {*OF_THE_REPORT}))
def test_tuned_studies_give_each_arm_the_same_trials(name: str) -> None:
    study = study_called(name)
    assert study.tuning is not None
    (trials,) = {len(settings) for settings in study.tuning["trials"].values()}
    assert f"{trials} trials of each arm" in bundled.summary(name)
    assert all("optimizer.lr" in each[0] for each in study.tuning["trials"].values())
    seeds = len(study.seeds)
    runs = trials * len(study.tuning["seeds"]) + seeds * len(study.arms)
    alone = study.with_arms({arm: (arm, fields) for arm, fields in study.arms.items()})
    assert bundled.seconds(study) == pytest.approx(bundled.seconds(alone) * runs / seeds)
    quick = study.quick()
    assert bundled.original(quick)
    assert bundled.original(study)
    assert not bundled.original(alone)
    fewer = "1 of 2 tuning seeds, " if len(study.tuning["seeds"]) > 1 else ""
    assert bundled.cut(quick).startswith(f"2 of {seeds} seeds, {fewer}3 of 15 epochs")


def test_reduced_study_is_still_the_original_and_lists_its_reductions() -> None:
    quick = study_called("depth").quick()
    assert bundled.original(quick)
    assert bundled.cut(quick) == "2 of 10 seeds, 3 of 15 epochs, 6,000 of the training images"
    assert bundled.cut(study_called("depth")) == ""


def test_study_of_another_name_or_content_is_not_the_original() -> None:
    from lamella.studies import Study

    ours = study_called("depth").description()
    about = {key: ours[key] for key in ("base", "arms", "seeds", "baseline")}
    assert bundled.original(Study("depth", **about))
    assert not bundled.original(Study("depths", **about))
    assert not bundled.original(
        Study("depth", **about | {"base": ours["base"] | {"batch_size": 32}})
    )
