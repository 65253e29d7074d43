"""Studies that grow: planned looks, looks of the past, and resumed growth."""

import json
from pathlib import Path
from typing import Any

import pytest

from lamella.core.errors import ArgumentError, UsageError
from lamella.studies import Results, Study
from lamella.studies.analysis.looks import Looks
from tests.studies.small import RUN, small_study

pytest.importorskip("scipy", reason="comparisons need scipy")
pytest.importorskip("joblib", reason="studies need joblib")


def grown(study: Study, out: Path | None, most: int, **options: Any) -> Results:
    return study.run(**RUN, out=out, until="decided", most=most, **options)


def test_seeds_are_added_until_every_comparison_is_decided(tmp_path: Path) -> None:
    study = small_study(seeds=2)
    results = grown(study, tmp_path / "s", 6)
    verdicts = {each.verdict for each in results.compare()}
    assert results.seeds == list(range(len(results.seeds)))
    assert 3 <= len(results.seeds) <= 6
    assert len(results.seeds) == 6 or verdicts <= {"better", "worse"}
    looks = json.loads((tmp_path / "s" / "study.json").read_text())["looks"]
    assert looks["planned"] == [3, 4, 5, 6]
    loaded = Results.load(tmp_path / "s")
    assert loaded.looks == results.looks == Looks((3, 4, 5, 6), len(results.seeds))
    assert str(loaded.compare()) == str(results.compare())
    again = grown(study, tmp_path / "s", 6)
    assert [run.key for run in again.runs] == [run.key for run in results.runs]


def test_growth_in_memory_has_the_runs_of_growth_in_a_folder(tmp_path: Path) -> None:
    with_folder, without = (grown(small_study(seeds=3), out, 4) for out in (tmp_path / "s", None))
    assert [run.scores for run in with_folder.runs] == [run.scores for run in without.runs]
    assert str(with_folder.compare()) == str(without.compare())


def test_a_wide_margin_decides_at_the_first_look(tmp_path: Path) -> None:
    results = grown(small_study(seeds=3), tmp_path / "s", 4, measure="test_loss", margin=1e3)
    assert len(results.seeds) == 3
    verdicts = {d.verdict for d in results.compare(measure="test_loss", margin=1e3)}
    assert verdicts <= {"equivalent", "better, by less than the margin"}


def test_seeds_added_later_are_a_second_look(tmp_path: Path) -> None:
    first = small_study(seeds=2).run(**RUN, out=tmp_path / "s")
    assert first.looks is None
    more = small_study(seeds=4).run(**RUN, out=tmp_path / "s")
    assert more.looks == Looks((2, 4), 4, planned=False)
    assert "looked at after 2 and 4 seeds (p is multiplied by 20" in str(more.compare())
    fixed = small_study(seeds=4).run(**RUN)
    for ours, theirs in zip(more.compare(), fixed.compare(), strict=True):
        assert ours.p >= theirs.p or ours.p != ours.p


def test_growth_that_is_planned_after_a_look_pays_for_it(tmp_path: Path) -> None:
    small_study(seeds=3).run(**RUN, out=tmp_path / "s")
    later = grown(small_study(seeds=3), tmp_path / "s", 4)
    assert later.looks == Looks((3, 4), len(later.seeds), before=1)
    assert "p is multiplied by 20, after an earlier look" in str(later.compare())


def test_the_greatest_number_of_seeds_is_fixed_before_the_first_look(tmp_path: Path) -> None:
    grown(small_study(seeds=3), tmp_path / "s", 4, measure="test_loss", margin=1e3)
    with pytest.raises(UsageError, match=r"looks at \[3, 4\] seeds, fixed before the first one"):
        grown(small_study(seeds=3), tmp_path / "s", 6)


def test_wrong_numbers_of_seeds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="more than most=3"):
        grown(small_study(seeds=5), tmp_path / "s", 3)
    with pytest.raises(ArgumentError, match=r"most must be .* at least 3"):
        grown(small_study(seeds=2), tmp_path / "s", 2)
    with pytest.raises(ArgumentError, match="until must be"):
        small_study().run(**RUN, until="forever")
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    "options", [{"measure": "test_acuracy"}, {"margin": -1}, {"measure": "steps_to_95"}]
)
def test_what_cannot_decide_is_refused_before_the_first_run(
    options: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(ArgumentError):
        small_study().run(**RUN, out=tmp_path / "out", until="decided", most=4, **options)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("options", [{"most": 4}, {"measure": "test_loss"}, {"margin": 0.1}])
def test_what_only_until_needs_is_refused_without_it(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match='give until="decided" too'):
        small_study().run(**RUN, **options)


def test_losses_that_differ_are_refused_before_the_first_run() -> None:
    arms = {"a": {}, "b": {"loss": "L2"}}
    with pytest.raises(ArgumentError, match="between 'b' and 'a': the arms minimise different"):
        grown(small_study(arms=arms), None, 4, measure="val_loss")


def test_a_failed_run_ends_the_growth(tmp_path: Path) -> None:
    arms = {"good": {}, "bad": {"model.classes": 2}}
    results = grown(small_study(seeds=2, arms=arms), None, 6)
    assert len(results.seeds) == 3
    assert results.compare()["bad"].verdict == "no verdict"


def test_a_folder_with_more_seeds_decides_when_all_count(tmp_path: Path) -> None:
    small_study(seeds=5).run(**RUN, out=tmp_path / "s")
    results = grown(small_study(seeds=3), tmp_path / "s", 6, measure="test_loss", margin=1e3)
    assert len(results.seeds) == 5


def test_more_looks_than_can_be_simulated_are_refused() -> None:
    with pytest.raises(ArgumentError, match="most can be at most 1,000 seeds"):
        grown(small_study(), None, 1001)
