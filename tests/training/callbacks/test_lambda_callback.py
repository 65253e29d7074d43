"""LambdaCallback calls functions as hooks, and refuses what fit would not call."""

from pathlib import Path
from typing import Any

import pytest

import lamella as lm
from lamella.core.errors import ArgumentError, UsageError
from tests.data import clouds
from tests.networks import small_classifier


def test_functions_are_called_with_the_arguments_of_the_hooks() -> None:
    x, y = clouds()
    seen: list[Any] = []
    callback = lm.LambdaCallback(
        on_fit_begin=lambda model, epochs, batches: seen.append((epochs, batches)),
        on_batch_end=lambda model, batch, log: seen.append(batch),
        on_epoch_end=lambda model, epoch, logs: seen.append(logs["epoch"]),
        on_fit_end=lambda model: seen.append("end"),
    )
    model = small_classifier()
    model.fit(x, y, epochs=2, batch_size=20, verbose=False, check=False, callbacks=[callback])
    assert seen == [(2, 2), 0, 1, 1, 0, 1, 2, "end"]


def test_wrong_functions_are_refused() -> None:
    with pytest.raises(ArgumentError, match="did you mean 'on_epoch_end'"):
        lm.LambdaCallback(on_epoch_ends=print)
    with pytest.raises(ArgumentError, match="on_epoch_end must be a function"):
        lm.LambdaCallback(on_epoch_end=3)
    with pytest.raises(UsageError, match=r"does not take .* on_epoch_end\(model, epoch, logs\)"):
        lm.LambdaCallback(on_epoch_end=lambda logs: None)


def test_functions_of_which_a_call_does_nothing_are_refused() -> None:
    async def later(model: Any, epoch: int, logs: Any) -> None:
        raise AssertionError

    for function in (later, lambda model, epoch, logs: (yield)):
        with pytest.raises(UsageError, match=r"on_epoch_end is async or has a yield"):
            lm.LambdaCallback(on_epoch_end=function)


def test_a_training_is_not_resumed_with_other_functions(tmp_path: Path) -> None:
    x, y = clouds()

    def train(callback: lm.Callback, epochs: int) -> None:
        options = {"callbacks": [callback], "checkpoint": tmp_path / "run"}
        small_classifier().fit(x, y, epochs=epochs, verbose=False, check=False, **options)

    train(lm.LambdaCallback(on_epoch_end=lambda model, epoch, logs: None), 1)
    train(lm.LambdaCallback(on_epoch_end=lambda model, epoch, logs: None), 2)
    with pytest.raises(UsageError, match="the code of <lambda>"):
        train(lm.LambdaCallback(on_epoch_end=lambda model, epoch, logs: model.stop("now")), 3)
