"""A study in the folder of another: arms and seeds are added, and never two studies are mixed."""

import json
from pathlib import Path

import pytest

import lamella as lm
from lamella.core.errors import UsageError
from lamella.studies import Study, StudyFolder
from lamella.studies.running.runner import plan
from lamella.training.numerics import numerics
from tests.data import contents
from tests.studies.small import CHECKSUMS, filled, small_study


def test_other_arms_and_more_seeds_are_added_to_those_of_the_folder(tmp_path: Path) -> None:
    filled(tmp_path, small_study())
    more = small_study(seeds=5, arms={"new": {"batch_size": 10}, "slow": {"optimizer.lr": 1e-3}})
    folder = StudyFolder(tmp_path)
    folder.claim(more, plan(more, CHECKSUMS), CHECKSUMS)
    study = folder.study()
    assert study.seeds == [0, 1, 2, 3, 4]
    assert list(study.arms) == ["slow", "fast", "dropped", "new"]
    assert study.baseline == "slow"
    assert study.varies == ["optimizer.lr", "model.dropout", "batch_size"]
    assert [(run.arm, run.seed) for run in folder.runs()] == [("slow", 0)]
    planned = {(task.arm, task.seed) for task in folder.tasks()}
    assert planned == {
        *((arm, seed) for arm in ("slow", "new") for seed in range(5)),
        *((arm, seed) for arm in ("fast", "dropped") for seed in range(2)),
    }


def test_fewer_arms_and_seeds_change_nothing_in_the_folder(tmp_path: Path) -> None:
    study = small_study(title="Small", baseline="fast")
    filled(tmp_path, study)
    before = contents(tmp_path)
    fewer = small_study(arms={"dropped": study.arms["dropped"]}).resized(seeds=[1])
    StudyFolder(tmp_path).claim(fewer, plan(fewer, CHECKSUMS), CHECKSUMS)
    assert contents(tmp_path) == before


def test_arms_of_another_base_are_not_mixed_in(tmp_path: Path) -> None:
    filled(tmp_path, small_study())
    base = {"model": lm.MLP([6], classes=3), "batch_size": 20, "epochs": 3}
    other = small_study(base=base, arms={"wide": {}})
    with pytest.raises(UsageError, match=r"another base \(model.hidden is \[5\] there, \[6\] here"):
        StudyFolder(tmp_path).claim(other, plan(other, CHECKSUMS), CHECKSUMS)


def test_an_arm_that_was_only_renamed_keeps_its_runs(tmp_path: Path) -> None:
    filled(tmp_path, small_study())
    renamed = small_study(arms={"careful": {"optimizer.lr": 1e-3}}, seeds=1)
    folder = StudyFolder(tmp_path)
    folder.claim(renamed, plan(renamed, CHECKSUMS), CHECKSUMS)
    assert [run.arm for run in folder.runs()] == ["careful"]
    assert list(folder.study().arms) == ["careful", "fast", "dropped"]
    assert folder.study().baseline == "careful"
    assert len(folder.tasks()) == 6


@pytest.mark.parametrize(
    ("study", "data", "text"),
    [
        (
            Study("other", base={"model": {"class": "MLP"}}, arms={"a": {}}),
            CHECKSUMS,
            "holds the study 'small', this is 'other'",
        ),
        (
            small_study().resized(epochs=7),
            CHECKSUMS,
            r"with another arm 'slow' \(epochs is 3 there, 7 here\)",
        ),
        (
            small_study(arms={"slow": {"optimizer.lr": 2e-3}}),
            CHECKSUMS,
            r"arm 'slow' \(optimizer.lr is 0.001 there, 0.002 here\)",
        ),
        (
            small_study().resized(samples=100),
            CHECKSUMS,
            r"\(samples is not set there, 100 here\)",
        ),
        (small_study(), {"train": "a", "test": "c"}, "holds results on other data"),
    ],
    ids=["name", "epochs", "arm", "samples", "data"],
)
def test_another_study_is_not_mixed_in(
    tmp_path: Path, study: Study, data: dict[str, str], text: str
) -> None:
    filled(tmp_path, small_study())
    before = contents(tmp_path)
    with pytest.raises(UsageError, match=text):
        StudyFolder(tmp_path).claim(study, plan(study, data), data)
    assert contents(tmp_path) == before


def rewritten(index: Path, **changes: object) -> None:
    index.write_text(json.dumps({**json.loads(index.read_text()), **changes}))


@pytest.mark.parametrize("there", [{**numerics(), "layers": "0" * 16}, None])
def test_other_numerics_of_lamella_are_not_mixed_in(
    tmp_path: Path, there: dict[str, str] | None
) -> None:
    study = small_study()
    filled(tmp_path, study)
    rewritten(tmp_path / "study.json", lamella="0.0.9", numerics=there)
    before = contents(tmp_path)
    with pytest.raises(UsageError, match=r"lamella 0\.0\.9, .* otherwise \(.*layers.*must not mix"):
        StudyFolder(tmp_path).claim(study, plan(study, CHECKSUMS), CHECKSUMS)
    assert contents(tmp_path) == before
    assert len(StudyFolder(tmp_path).runs()) == 1  # which can still be read


def test_another_version_with_the_same_numerics_continues_the_folder(tmp_path: Path) -> None:
    study = small_study()
    filled(tmp_path, study)
    rewritten(tmp_path / "study.json", lamella="0.0.9")
    StudyFolder(tmp_path).claim(study, plan(study, CHECKSUMS), CHECKSUMS)
    assert json.loads((tmp_path / "study.json").read_text())["lamella"] == lm.__version__
    assert len(StudyFolder(tmp_path).runs()) == 1
