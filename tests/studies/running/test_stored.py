"""Studies at a path, and the trials of tuned arms within them."""

from pathlib import Path

import pytest

import lamella as lm
from lamella.core.errors import UsageError
from lamella.studies import Results, Study, read_archive, write_archive
from lamella.studies.results import read_all
from lamella.studies.running.stored import stored_studies
from tests.studies.small import RUN, small_study

pytest.importorskip("scipy", reason="comparisons need scipy")
pytest.importorskip("joblib", reason="joblib is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of tuned arms and a plain one."""
    folder = tmp_path_factory.mktemp("runs")
    study = Study(
        "tuned",
        base={"model": lm.MLP([5], classes=3), "batch_size": 20, "epochs": 2},
        arms={"SGD": {"optimizer": lm.SGD(0.1)}, "Adam": {"optimizer": lm.Adam(0.1)}},
        seeds=2,
        tune={"optimizer.lr": [1e-3, 1e-1]},
    )
    study.run(**RUN, out=folder / "tuned")
    small_study(seeds=1).run(**RUN, out=folder / "small")
    return folder


def test_studies_and_their_parts_are_found(folder: Path) -> None:
    small, tuned = stored_studies(folder)
    assert [each.study().name for each in (small, tuned)] == ["small", "tuned"]
    assert small.parts() == {}
    assert "tuning" in tuned.parts()
    (alone,) = stored_studies(folder / "tuned")
    assert alone.study().name == "tuned"
    assert alone.has(alone.tasks()[0].key)
    assert not small.has(alone.tasks()[0].key)
    with pytest.raises(UsageError, match="there is no folder or archive"):
        stored_studies(folder / "missing")


def test_tuning_comes_back_from_an_archive(folder: Path, tmp_path: Path) -> None:
    archive = write_archive(folder, tmp_path / "a.tar.xz")
    (_, packed), (_, tuned) = stored_studies(archive), stored_studies(folder)
    assert list(packed.parts()) == list(tuned.parts())
    assert all(packed.has(task.key) for task in packed.tasks())
    old, new = Results.load(folder / "tuned"), read_archive(archive)[1]
    assert old.tuning is not None
    assert repr(new.tuning) == repr(old.tuning)
    assert str(new.table()) == str(old.table())
    assert str(read_all(archive)[1].compare()) == str(old.compare())
    again = write_archive(archive, tmp_path / "again.tar.xz")
    assert again.read_bytes() == archive.read_bytes()
