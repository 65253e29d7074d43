"""ReduceLROnPlateau: rates of its peers, in training, after an interruption."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lamella as lm
from lamella.core.errors import ArgumentError, UsageError
from tests.data import clouds
from tests.networks import bits_of, small_classifier
from tests.training.checkpoints.interrupting import Interrupt, Interruption

SCORES = [5, 4, 4.1, 4.05, 3.9, 3.95, 3.96, 3.97, 3.0, 3.1, 3.2, 3.3, 3.4, 3.5]
# Options, and the number of falls after each epoch of keras.callbacks.ReduceLROnPlateau, 3.15.1.
KERAS: list[tuple[dict[str, Any], list[int]]] = [
    ({"patience": 2}, [0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 3, 3, 4, 4]),
    ({"patience": 1}, [0, 0, 1, 2, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10]),
    ({"patience": 2, "cooldown": 2}, [0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 4]),
    ({"patience": 1, "cooldown": 1}, [0, 0, 1, 2, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10]),
    ({"patience": 1, "cooldown": 3}, [0, 0, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 4, 4]),
    ({"patience": 2, "min_delta": 0.2}, [0, 0, 0, 1, 1, 2, 2, 3, 3, 3, 4, 4, 5, 5]),
    ({"patience": 3}, [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2]),
]


def rates(callback: lm.ReduceLROnPlateau, scores: list[float], lr: float = 0.1) -> list[float]:
    """Return the rate after each epoch with one of these scores."""
    model = lm.Sequential([lm.Dense(1)], seed=0).compile(lm.MeanSquaredError(), lm.SGD(lr))
    callback.on_fit_begin(model, len(scores), 1)
    found = []
    for epoch, score in enumerate(scores):
        callback.on_epoch_end(model, epoch, {"score": score})
        found.append(model.optimizer.learning_rate)
    return found


@pytest.mark.parametrize(("options", "falls"), KERAS, ids=[str(k[0]) for k in KERAS])
def test_rates_fall_when_those_of_keras_do(options: dict[str, Any], falls: list[int]) -> None:
    got = rates(
        lm.ReduceLROnPlateau("score", factor=0.5, mode="min", **options), [float(s) for s in SCORES]
    )
    np.testing.assert_allclose(got, 0.1 * 0.5 ** np.array(falls), rtol=1e-12)


def test_rate_does_not_fall_below_its_limit() -> None:
    """As in Keras: .1, .05, and .03 in place of .025."""
    callback = lm.ReduceLROnPlateau("score", patience=1, factor=0.5, min_lr=0.03, mode="min")
    assert rates(callback, [5, 4, 4, 4, 4])[1:] == [0.1, 0.05, 0.03, 0.03]


def test_largest_scores_may_be_the_best() -> None:
    callback = lm.ReduceLROnPlateau("score", patience=2, mode="max", factor=0.5)
    scores = [0.1, 0.2, 0.2, 0.2, 0.3, 0.3, 0.3, 0.3]
    assert rates(callback, scores, lr=0.8) == [0.8, 0.8, 0.8, 0.4, 0.4, 0.4, 0.2, 0.2]


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    scores=st.lists(st.sampled_from([1.0, 0.9, 0.8, 0.75, 0.5, 2.0]), min_size=1, max_size=20),
    patience=st.integers(1, 4),
    min_delta=st.sampled_from([0.0, 0.06, 0.3]),
)
def test_rates_without_a_cooldown_equal_those_of_torch(
    scores: list[float], patience: int, min_delta: float
) -> None:
    torch = pytest.importorskip("torch", reason="torch is the peer this is compared with")
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=0.1)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer,
        factor=0.5,
        patience=patience - 1,
        threshold=min_delta,
        threshold_mode="abs",
        eps=0,
    )
    expected = []
    for score in scores:
        scheduler.step(score)
        expected.append(optimizer.param_groups[0]["lr"])
    callback = lm.ReduceLROnPlateau(
        "score", factor=0.5, patience=patience, min_delta=min_delta, mode="min"
    )
    np.testing.assert_allclose(rates(callback, scores), expected, rtol=1e-12)


def fitted(callbacks: list[lm.Callback], **options: Any) -> lm.Sequential:
    model = small_classifier(lr=0.5)
    plateau = lm.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=0.05)
    model.fit(*clouds(), epochs=12, verbose=False, callbacks=[plateau, *callbacks], **options)
    return model


def test_the_lower_rate_holds_from_the_next_epoch_on() -> None:
    history = fitted([]).history
    losses, seen = history["loss"], history["learning_rate"]
    expected, rate, best = [], 0.5, np.inf
    for loss in losses:
        expected.append(rate)
        rate = rate if best - loss > 0.05 else rate / 2
        best = loss if best - loss > 0.05 else best
    assert seen == expected
    assert seen[-1] < 0.5


def test_a_resumed_training_has_the_same_rates(tmp_path: Path) -> None:
    whole = fitted([Interrupt(-1)])
    folder = lm.ResumeFolder(tmp_path, seconds=0)
    with pytest.raises(Interruption):
        fitted([Interrupt(7)], checkpoint=folder)
    assert bits_of(fitted([Interrupt(-1)], checkpoint=folder)) == bits_of(whole)


def test_a_schedule_and_a_plateau_exclude_each_other() -> None:
    model = small_classifier()
    model.optimizer.lr = lm.CosineDecay(0.1, 5)
    with pytest.raises(UsageError, match="which a schedule sets too: give the optimizer a number"):
        model.fit(*clouds(), verbose=False, callbacks=[lm.ReduceLROnPlateau("loss")])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"factor": 1.0}, r"factor must be in \[0, 1\), got 1\.0"),
        ({"factor": 0}, "factor must be greater than 0"),
        ({"patience": 0}, "patience must be a whole number of at least 1"),
        ({"cooldown": -1}, "cooldown must be a whole number of at least 0"),
        ({"min_lr": -1}, "min_lr must be at least 0"),
        ({"min_delta": -1}, "min_delta must be at least 0"),
        ({"mode": "best"}, "mode must be one of"),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ArgumentError, match=text):
        lm.ReduceLROnPlateau(**options)
