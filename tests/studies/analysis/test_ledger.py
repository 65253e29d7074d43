"""Ledger: everything that was read, and the verdicts that stand among all of it."""

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

import lamella as lm
from lamella.studies.analysis.reads import Reads
from lamella.studies.analysis.statistics import holm
from lamella.studies.results import Results
from tests.studies.small import RUN, small_study
from tests.studies.synthetic import broken, run, scored, study, trained

stats = pytest.importorskip("scipy.stats")

VALUES = {
    "base": [0.95, 0.951, 0.949, 0.95, 0.9505],
    "a": [0.953, 0.9546, 0.9524, 0.9531, 0.9535],
    "b": [0.9495, 0.952, 0.949, 0.951, 0.9502],
    "c": [0.9521, 0.9519, 0.9517, 0.9525, 0.9512],
}


def both(values: dict[str, list[float]] = VALUES) -> Results:
    """Return results with two measures, the second in another order of seeds."""
    runs = [
        run(arm, seed, {"test_accuracy": value, "val_accuracy": row[(seed + 2) % 5]})
        for arm, row in values.items()
        for seed, value in enumerate(row)
    ]
    return Results(study(list(values), 5), runs)


def paired_p(ours: str, theirs: str) -> float:
    return float(stats.ttest_rel(VALUES[ours], VALUES[theirs]).pvalue)


def test_the_declared_comparison_alone_is_corrected_for_itself() -> None:
    results = scored(VALUES)
    found = results.compare()
    expected = holm([paired_p(arm, "base") for arm in "abc"])
    assert [d.p_adjusted for d in found] == pytest.approx(expected)
    assert "corrected for 3 comparisons (Holm)." in str(found)
    assert [d.p_adjusted for d in results.compare()] == pytest.approx(expected)


def test_comparing_to_another_arm_counts_all_pairs() -> None:
    results = scored(VALUES)
    results.compare()
    found = results.compare(to="a")
    pairs = [("base", "a"), ("b", "a"), ("c", "a"), ("b", "base"), ("c", "base"), ("c", "b")]
    expected = holm([paired_p(*pair) for pair in pairs])
    assert [d.p_adjusted for d in found] == pytest.approx(expected[:3])
    assert (
        "corrected for 6 comparisons (Holm): 3 here, 2 read before, 1 that could be chosen instead."
        in str(found)
    )
    assert results.compare()["c"].p_adjusted == pytest.approx(expected[4])


def test_each_measure_that_was_read_counts() -> None:
    results = both()
    results.compare(measure="val_accuracy")
    found = results.compare()
    assert "corrected for 6 comparisons (Holm): 3 here, 3 read before." in str(found)
    p = [paired_p(arm, "base") for arm in "abc"]
    assert [d.p_adjusted for d in found] == pytest.approx(holm([*p, *p])[:3])


def test_a_margin_anywhere_makes_the_correction_bonferroni() -> None:
    results = scored(VALUES)
    results.compare(margin=0.01)
    found = results.compare()
    assert "(Bonferroni)" in str(found)
    assert found["a"].p_adjusted == pytest.approx(3 * paired_p("a", "base"))


def test_the_order_of_reading_does_not_change_the_ledger() -> None:
    reads = [{}, {"to": "a"}, {"to": "b"}, {"measure": "val_accuracy"}, {"margin": 0.01}]
    ledgers = set()
    for order in list(permutations(reads))[::17]:
        results = both()
        for options in order:
            results.compare(**options)
        ledgers.add(str(results.ledger()))
    assert len(ledgers) == 1


def test_a_verdict_that_does_not_stand_among_all_is_withdrawn() -> None:
    values = {**VALUES, "a": [0.9512, 0.9546, 0.9515, 0.9529, 0.9516]}
    results = both(values)
    assert results.compare()["a"].verdict == "better"
    for arm in "abc":
        results.compare(to=arm, measure="val_accuracy")
    first = results.ledger().entries[0]
    assert (first.difference.arm, first.alone.verdict) == ("a", "better")
    assert first.difference.verdict == "undecided"
    assert first.verdict == "withdrawn: better"
    assert "withdrawn: better" in str(results.ledger())


def test_every_pair_that_was_read_stands_once() -> None:
    results = scored(VALUES)
    for to in (None, "a", "all", "base"):
        results.compare(to=to)
    pairs = [(e.difference.arm, e.difference.to) for e in results.ledger().entries]
    assert len({frozenset(pair) for pair in pairs}) == len(pairs) == 6


def test_pictures_pages_and_the_ledger_itself_are_no_reads(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("jinja2")
    results = small_study().run(**RUN)
    results.report(tmp_path / "page.html")
    results.save_plots(tmp_path, ["svg"])
    results.ledger()
    assert list(results.reads) == []
    assert results.ledger().facts["measures read"] == "none"


def test_the_ledger_lists_gaps_reductions_and_choices() -> None:
    lost = broken()
    facts = lost.ledger().facts
    assert "partly: diverged with seed 1; not run with seed 2" in facts["runs without numbers"]
    assert "Ledger: 3 arms, 3 seeds, 1 look, no comparison read, 3 runs diverged, " in str(
        lost.table()
    )
    results = trained({"SGD": 0.9, "Adam": 0.97})
    results.study.cut = "3 of 5 seeds"
    results.best()
    trials = {"SGD": [{"optimizer.lr": 0.1}, {"optimizer.lr": 1}], "Adam": [{}, {}]}
    tuning = {"seeds": [1000], "trials": trials, "chosen": {"SGD": 0, "Adam": 1}}
    results.study.tuning = tuning
    facts = results.ledger().facts
    assert facts["cut"] == "3 of 5 seeds"
    assert "arm Adam, by the validation accuracy (results.best)" in facts["chosen"]
    assert (
        "settings of each arm, from 2, by validation with the tuning seed 1000 (tune)"
        in facts["chosen"]
    )
    assert "best epoch of each run, by the validation accuracy" in facts["chosen"]


def test_a_second_process_knows_what_was_read_and_left_out(tmp_path: Path) -> None:
    pytest.importorskip("joblib")
    small_study().run(**RUN, out=tmp_path).compare(to="fast")
    fewer = small_study(arms={"slow": {"optimizer.lr": 1e-3}, "fast": {"optimizer.lr": 3e-2}})
    results = fewer.run(**RUN, out=tmp_path)
    assert "arm dropped of the folder left out" in str(results.table())
    assert (
        "corrected for 3 comparisons (Holm): 1 here, 1 read before, 1 that could be chosen instead"
        in str(results.compare())
    )
    assert "1 comparison read of arms or measures not in these runs" in str(results.ledger())
    assert len(Results.load(tmp_path).ledger().entries) == 2


def test_callbacks_that_end_training_are_choices() -> None:
    stop = lm.EarlyStopping(patience=1)
    base = {"model": lm.MLP([5], classes=3), "batch_size": 20, "epochs": 2, "callbacks": [stop]}
    results = small_study(base=base, seeds=1).run(**RUN)
    assert "length of training, by EarlyStopping(" in results.ledger().facts["chosen"]


def test_ledgers_of_one_arm_and_of_no_run_can_be_printed() -> None:
    assert "Measures read: none" in str(Results(study(["a"]), []).ledger())
    assert np.isnan(scored({"a": [0.9], "b": [0.8]}).compare()["b"].p_adjusted)


def test_a_drawn_comparison_is_read_and_numpy_margins_are_numbers() -> None:
    pytest.importorskip("matplotlib")
    results = scored(VALUES)
    results.plot("differences", to="a")
    assert [read.to for read in results.reads] == ["a"]
    results.compare(margin=np.float32(0.5))
    assert [read.margin for read in results.reads] == [None, 0.5]


def test_ten_comparisons_are_not_none() -> None:
    values = {f"arm {place}": [0.9 + place / 100, 0.91 + place / 90] for place in range(11)}
    results = scored(values)
    results.compare()
    assert "10 comparisons read (test accuracy)." in str(results.table())


def test_a_margin_stands_beside_its_comparisons() -> None:
    results = scored(VALUES)
    results.compare()
    results.compare(margin=0.01)
    labels = {entry.label for entry in results.ledger().entries}
    assert labels == {"test accuracy", "test accuracy, margin 1 points"}
    assert "(Bonferroni)" in str(results.ledger())


def test_times_to_scores_of_two_columns_are_two_measures() -> None:
    rows = [{"val_accuracy": 0.5, "val_loss": 0.6}, {"val_accuracy": 0.9, "val_loss": 0.2}]
    runs = [
        run(arm, seed, {"test_accuracy": 0.9}, epochs=rows, steps_per_epoch=4 + seed)
        for arm in ("base", "a")
        for seed in range(3)
    ]
    results = Results(study(["base", "a"], 3), runs)
    results.speed(0.5)
    results.speed(0.5, measure="val_loss")
    results.speed(0.500000001)
    assert {entry.measure.name for entry in results.ledger().entries} == {
        "steps_to_val_accuracy_0.5",
        "steps_to_val_accuracy_0.500000001",
        "steps_to_val_loss_0.5",
    }
    assert len(results.ledger().entries) == 3
    assert "ratio" in str(results.ledger())


def test_a_damaged_file_is_said() -> None:
    results = small_study().run(**RUN)
    results.reads = Reads(None, b"{\n")
    assert "reads.jsonl is damaged: 1 line of it cannot be read" in str(results.ledger())
    assert "reads.jsonl is damaged" in str(results.table())


def test_a_ratio_that_is_a_bound_is_called_one() -> None:
    rows = {"base": [{"val_accuracy": 0.96}], "a": [{"val_accuracy": 0.5}]}
    runs = [
        run(arm, seed, epochs=epochs, steps_per_epoch=4)
        for arm, epochs in rows.items()
        for seed in range(3)
    ]
    results = Results(study(["base", "a"], 3), runs)
    results.speed(0.95)
    (entry,) = results.ledger().entries
    assert entry.contrast == "at least 2.00"
