"""Studies whose arms are tuned: choice, comparison, resumption, and the arms at other choices."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

import lamella as lm
from lamella.core.errors import UsageError
from lamella.studies import Results, Study, StudyStopped, repeat_runs
from tests.data import clouds
from tests.studies.small import RUN, TEST, TRAIN, small_study

pytest.importorskip("scipy", reason="comparisons need scipy")
pytest.importorskip("joblib", reason="studies need joblib")

pytestmark = pytest.mark.slow

ARMS = {
    "SGD": {"optimizer": lm.SGD(0.1)},
    "Momentum": {"optimizer": lm.Momentum(0.1)},
    "Adam": {"optimizer": lm.Adam(1e-3)},
}
RATES = [0.003, 0.03, 0.3]


class Interrupt(lm.Callback):
    """Interrupts the second training after the file was written."""

    def __init__(self, file: str) -> None:
        self.file = file

    def on_epoch_end(self, model: Any, epoch: int, logs: Any) -> None:
        path = Path(self.file)
        if epoch == 0 and path.exists():
            if path.read_text():
                raise KeyboardInterrupt
            path.write_text("once")


def small(**changes: Any) -> Study:
    """Return a tuned study of two arms, two trials of each, one epoch."""
    base = {"model": lm.MLP([5], classes=3), "batch_size": 20, "epochs": 1}
    arms = {name: ARMS[name] for name in ("SGD", "Adam")}
    tune = {"optimizer.lr": RATES[:2]}
    return small_study(**{"base": base, "arms": arms, "tune": tune, **changes})


def stored(folder: Path) -> dict[str, bytes]:
    """Return all files that the keys determine."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.parent.name != "log"]
    paths = [path for path in paths if path.name != "reads.jsonl"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def tables(results: Results) -> list[str]:
    """Return all tables, without the lines that count the comparisons read so far."""
    table = results.table(["test_accuracy", "val_accuracy"])
    found = map(str, [table, results.compare(), results.tuning, results.best()])
    return [re.sub(r"^Ledger: .*$", "", text, flags=re.MULTILINE) for text in found]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished study; only to be read."""
    folder = tmp_path_factory.mktemp("tuned") / "out"
    small_study(arms=ARMS, tune={"optimizer.lr": RATES}, tuning_seeds=2).run(**RUN, out=folder)
    return folder


@pytest.fixture
def results(out: Path) -> Results:
    return Results.load(out)


def test_arms_meet_with_the_settings_that_other_seeds_chose(results: Results) -> None:
    tuning = results.tuning
    assert tuning is not None
    for arm in ARMS:
        by_hand = {}
        for rate in RATES:
            alone = small_study(
                arms={"x": {**ARMS[arm], "optimizer.lr": rate}}, seeds=[1_000_000, 1_000_001]
            ).run(**RUN)
            by_hand[rate] = sum(run.scores["val_accuracy"] for run in alone.runs) / 2
        chosen = tuning[arm].chosen
        assert chosen is not None
        best = max(by_hand, key=lambda rate: by_hand[rate])
        assert chosen.setting == {"optimizer.lr": best}
        assert [trial.mean for trial in tuning[arm].trials] == pytest.approx([*by_hand.values()])
        found = {run.config["experiment"]["optimizer"]["lr"] for run in results.of(arm)}
        assert found == {best}
    assert tuning.budget == 3


def test_the_comparison_is_that_of_a_study_with_these_settings(results: Results) -> None:
    arms = {}
    for arm, fields in ARMS.items():
        chosen = results.tuning and results.tuning[arm].chosen
        assert chosen
        arms[arm] = {**fields, **chosen.setting}
    plain = small_study(arms=arms).run(**RUN)
    assert [run.key for run in plain.runs] == [run.key for run in results.runs]
    for ours, theirs in zip(results.compare(), plain.compare(), strict=True):
        assert (ours.mean, ours.p, ours.verdict) == (theirs.mean, theirs.p, theirs.verdict)
    assert "As tuned: the best of 3 trials each by validation" in str(results.compare())
    assert "As tuned" in str(results.table())


def test_arms_at_each_other_s_choice_are_trained_on_the_seeds_of_the_comparison(
    results: Results,
) -> None:
    tuning = results.tuning
    assert tuning is not None
    assert set(tuning.crossed) == {(arm, other) for arm in ARMS for other in ARMS}
    for (arm, other), found in tuning.crossed.items():
        chosen = tuning[other].chosen
        assert chosen is not None
        alone = small_study(arms={"x": {**ARMS[arm], **chosen.setting}}).run(**RUN)
        assert found.mean == pytest.approx(alone.summary()["x"].mean)


def test_rows_do_not_mix_trials_with_the_comparison(results: Results) -> None:
    assert results.tuning is not None
    assert {row["seed"] for row in results.rows("run")} == {0, 1}
    rows = results.tuning.rows()
    assert {row["seed"] for row in rows} == {1_000_000, 1_000_001}
    assert len(rows) == 3 * 3 * 2
    assert {row["optimizer.lr"] for row in rows if row["arm"] == "Adam"} == {*RATES}
    assert sum(row["chosen"] for row in rows) == 3 * 2


def test_folder_memory_and_two_processes_give_the_same_bits(tmp_path: Path) -> None:
    results = small().run(**RUN, out=tmp_path / "one")
    before = stored(tmp_path / "one")
    assert tables(Results.load(tmp_path / "one")) == tables(results)
    assert tables(small().run(**RUN, out=tmp_path / "one")) == tables(results)
    assert stored(tmp_path / "one") == before
    assert tables(small().run(**RUN)) == tables(results)
    small().run(**RUN, out=tmp_path / "two", n_jobs=2)
    assert stored(tmp_path / "two") == before


def test_a_study_interrupted_after_every_run_ends_with_the_same_bits(tmp_path: Path) -> None:
    file = tmp_path / "interrupt"
    base = {"model": lm.MLP([5], classes=3), "epochs": 1, "callbacks": [Interrupt(str(file))]}
    study = small(base=base)
    whole = study.run(**RUN, out=tmp_path / "whole")
    for _ in range(30):
        file.write_text("")
        try:
            results = study.run(**RUN, out=tmp_path / "pieces")
            break
        except KeyboardInterrupt:
            Results.load(tmp_path / "pieces").table()
    assert stored(tmp_path / "pieces") == stored(tmp_path / "whole")
    assert tables(results) == tables(whole)


def test_an_unfinished_tuning_can_be_read(tmp_path: Path) -> None:
    small().run(**RUN, out=tmp_path / "out")
    shutil.rmtree(tmp_path / "out" / "tuning")
    assert "chosen; 0 of 1 seeds run" in str(Results.load(tmp_path / "out").tuning)


def test_every_run_can_be_repeated(out: Path) -> None:
    found = list(repeat_runs(out, TRAIN, TEST))
    trials = 3 * 3 * 2
    crossed = json.loads((out / "crossed" / "study.json").read_text())["runs"]
    assert len(found) == trials + 3 * 2 + len(crossed)
    assert not any(each.parts for each in found)
    assert len(list(repeat_runs(out, TRAIN, TEST, most=4))) == 4


def test_seeds_are_added_until_decided_after_one_tuning(tmp_path: Path) -> None:
    options: dict[str, Any] = {**RUN, "until": "decided", "most": 4}
    results = small().run(**options, out=tmp_path / "s", keep="last")
    index = json.loads((tmp_path / "s" / "study.json").read_text())
    assert index["looks"] == {"planned": [3, 4], "past": []}
    assert results.tuning is not None
    assert results.tuning.crossed["SGD", "Adam"].of == len(results.seeds)
    assert "last" in results.runs[0].models
    assert tables(results) == tables(small().run(**options))
    with pytest.raises(lm.LamellaError, match="the tuning has the seed 3 of the comparison"):
        small(tuning_seeds=[3]).run(**options)


def test_more_arms_join_with_the_same_budget(tmp_path: Path) -> None:
    small().run(**RUN, out=tmp_path)
    small(arms={"Momentum": ARMS["Momentum"]}).run(**RUN, out=tmp_path)
    joined = Results.load(tmp_path)
    assert joined.arms == ["SGD", "Adam", "Momentum"]
    assert joined.tuning is not None
    assert [each.chosen is not None for each in joined.tuning.arms.values()] == [True] * 3
    arms = {"other": {"optimizer": lm.AdamW(0.1)}}
    with pytest.raises(UsageError, match="tuned with another budget"):
        small(arms=arms, tune={"optimizer.lr": RATES}).run(**RUN, out=tmp_path)


def test_a_wider_range_takes_its_trials_to_another_folder(tmp_path: Path) -> None:
    small().run(**RUN, out=tmp_path / "a")
    wider = small(tune={"optimizer.lr": RATES})
    with pytest.raises(UsageError, match=r"tuned to optimizer.lr=0.03; now .* copy the folder"):
        wider.run(**RUN, out=tmp_path / "a")
    shutil.copytree(tmp_path / "a" / "tuning", tmp_path / "b" / "tuning")
    before = stored(tmp_path / "b" / "tuning" / "runs")
    wider.run(**RUN, out=tmp_path / "b")
    assert stored(tmp_path / "b" / "tuning" / "runs") == before


def test_a_folder_of_an_untuned_study_is_refused_before_any_trial(tmp_path: Path) -> None:
    untuned = small_study(arms=ARMS)
    untuned.run(**RUN, out=tmp_path)
    with pytest.raises(UsageError, match="choose another folder"):
        small_study(arms=ARMS, tune={"optimizer.lr": RATES}).run(**RUN, out=tmp_path)
    assert not (tmp_path / "tuning").exists()


def test_tuning_needs_validation_scores() -> None:
    base = {"model": lm.MLP([5], classes=3), "epochs": 1, "validation_split": 0.0}
    with pytest.raises(UsageError, match="tune= chooses by the validation score"):
        small(base=base).run(**RUN)
    base.pop("validation_split")
    others = lm.datasets.Samples(*clouds(60, seed=3))
    assert small(base=base).run(**RUN, validation=others).tuning is not None


def test_trials_that_all_diverge_are_named() -> None:
    wild = {"optimizer.lr": [1e30, 1e31]}
    results = small(tune={"SGD": wild, "Adam": {"optimizer.lr": RATES[:2]}}).run(**RUN)
    assert results.tuning is not None
    assert "SGD: all trials diverged, so the first was taken." in results.tuning.table().notes
    assert [run.arm for run in results.failed] == ["SGD", "SGD"]


def test_a_failed_trial_stops_the_study() -> None:
    with pytest.raises(StudyStopped, match=r"the trial 'SGD: model.classes=2' failed with seed"):
        small(tune={"model.classes": [2, 3]}).run(**RUN)


def test_the_page_shows_the_tuning(results: Results, tmp_path: Path) -> None:
    pytest.importorskip("jinja2")
    page = results.report(tmp_path / "page.html").read_text("utf-8")
    assert "Tuning: 3 trials of each arm" in page
    assert "choice of Momentum" in page
    assert "As tuned: the best of 3 trials each by validation" in page
