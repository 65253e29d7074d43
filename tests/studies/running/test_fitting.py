"""Training of a run: its part of the data, and nothing compiled while it is timed."""

from pathlib import Path

import numpy as np
import pytest

import lamella as lm
from lamella.core.seeds import Streams
from lamella.datasets import Samples
from lamella.studies import Experiment
from lamella.studies.definition.fields import fields_table
from lamella.studies.running.fitting import training_parts
from tests.studies.small import TRAIN
from tests.subprocesses import run_python


def rows_of(samples: int | None, share: float = 1 / 12, seed: int = 0) -> dict[str, list[int]]:
    """Return which samples each part has: here a sample's one feature is its number."""
    numbered = Samples(np.arange(240, dtype=np.float32).reshape(-1, 1), TRAIN.y)
    given = {"model": lm.MLP([5]), "samples": samples, "validation_split": share}
    experiment = Experiment.from_table(fields_table(given))
    parts = training_parts(experiment, Streams(seed), numbered)
    for part in parts.values():
        assert np.array_equal(part.y, TRAIN.y[part.x[:, 0].astype(int)])
    return {name: part.x[:, 0].astype(int).tolist() for name, part in parts.items()}


def test_few_samples_are_among_many_of_the_same_seed() -> None:
    few, many, all_of_them = (rows_of(count, share=0.0)["train"] for count in (30, 60, None))
    assert (len(few), len(many)) == (30, 60)
    assert set(few) < set(many)
    assert all_of_them == list(range(240))
    assert few == sorted(few)
    assert rows_of(30, share=0.0, seed=1)["train"] != few


def test_samples_are_drawn_before_a_part_is_held_out() -> None:
    parts = rows_of(60, share=0.25)
    assert (len(parts["train"]), len(parts["val"])) == (45, 15)
    assert sorted(parts["train"] + parts["val"]) == rows_of(60, share=0.0)["train"]


def test_each_class_is_held_out_alike() -> None:
    parts = rows_of(None, share=0.25)
    held = np.bincount(TRAIN.y[parts["val"]])
    assert np.abs(held - 0.25 * np.bincount(TRAIN.y)).max() < 1


COMPILING = """
import sys
import numba.core.event
import lamella as lm
from lamella.studies.running.fitting import RunMonitor
from tests.studies.small import RUN, small_study

class Counter(numba.core.event.Listener):
    timed, found = False, {True: 0, False: 0}
    def on_start(self, event):
        self.found[self.timed] += 1
    def on_end(self, event):
        pass

counter = Counter()
numba.core.event.register("numba:compile", counter)
RunMonitor.on_fit_begin = lambda *_: setattr(counter, "timed", True)
RunMonitor.on_fit_end = lambda *_: setattr(counter, "timed", False)
model = lm.MLP([5], classes=3, dropout=0.2, batch_norm=True, l2=0.1)
base = {"model": model, "batch_size": 50, "epochs": 9, "metrics": ["top_2"]}
small_study(base=base, arms={"one": {"class_weight": "balanced"}}, seeds=1).run(**RUN)
print(counter.found[True], counter.found[False] > 20)
"""


@pytest.mark.slow
def test_nothing_is_compiled_within_the_timed_part_of_a_first_run(tmp_path: Path) -> None:
    pytest.importorskip("numba", reason="numba is not installed: nothing is compiled")
    environment = {"XDG_CACHE_HOME": str(tmp_path)}
    assert run_python("-c", COMPILING, environment=environment).stdout == "0 True\n"
