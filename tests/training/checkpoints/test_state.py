"""State of a training: restored into a new model, it continues with the same bits."""

import json
from typing import Any

import numpy as np

import lamella as lm
from lamella.backend import Backend
from lamella.training.checkpoints.state import collect, restore
from tests.data import clouds
from tests.networks import small_classifier, state_of


class Counter(lm.Callback):
    """Keeps a number and an array."""

    def __init__(self, count: int) -> None:
        self.count, self.seen = count, np.arange(count)

    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count, "seen": self.seen}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.count, self.seen = state["count"], state["seen"]


def test_restored_model_takes_the_same_steps(backend: Backend) -> None:
    x, y = clouds()
    model, other = small_classifier(backend), small_classifier(backend)
    for one in (model, other):
        one.train_step(x, y)
    model.train_step(x, y)
    counters = [Counter(3), Counter(5)]
    header, arrays = collect(model, counters)
    new = [Counter(0), Counter(0)]
    restore(other, new, json.loads(json.dumps(header)), arrays)
    np.testing.assert_equal(state_of(other), state_of(model))
    assert [counter.count for counter in new] == [3, 5]
    assert [counter.seen.tolist() for counter in new] == [[0, 1, 2], [0, 1, 2, 3, 4]]
    for one in (model, other):
        one.train_step(x, y)
    np.testing.assert_equal(state_of(other), state_of(model))


def test_missing_last_callback_is_left_out(backend: Backend) -> None:
    model = small_classifier(backend)
    model.train_step(*clouds())
    header, arrays = collect(model, [Counter(3), Counter(5)])
    kept = Counter(0)
    restore(model, [kept], header, arrays)
    assert kept.count == 3
