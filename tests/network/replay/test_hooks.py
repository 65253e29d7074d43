"""Methods that are replaced by hand are called in every step and every prediction."""

import functools
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest

import lamella as lm
from tests.network.replay.networks import (
    X,
    Y,
    assert_same,
    in_both_ways,
    never_known,
    small,
    train_with,
)

Wrap = Callable[[Callable[..., Any]], Any]


def counting(original: Callable[..., Any]) -> Any:
    return mock.Mock(side_effect=original)


def wrapped(original: Callable[..., Any]) -> Any:
    """Count calls as most people would: with all attributes of the original."""

    @functools.wraps(original)
    def hook(*arguments: Any, **named: Any) -> Any:
        hook.call_count += 1  # type: ignore[attr-defined]
        return original(*arguments, **named)

    hook.call_count = 0  # type: ignore[attr-defined]
    return hook


def spying(original: Callable[..., Any]) -> Any:
    return mock.Mock(wraps=original)


OBJECTS: dict[str, tuple[Callable[[lm.Sequential], Any], str]] = {
    "layer forward": (lambda model: model.layers[0], "forward"),
    "layer backward": (lambda model: model.layers[2], "backward"),
    "last layer backward": (lambda model: model.layers[-1], "backward"),
    "network forward": (lambda model: model, "forward"),
    "network backward": (lambda model: model, "backward"),
    "differentiate": (lambda model: model, "differentiate"),
    "loss forward": (lambda model: model.loss, "forward"),
    "loss backward": (lambda model: model.loss, "backward"),
    "loss mean": (lambda model: model.loss, "mean"),
    "loss share": (lambda model: model.loss, "scale_by_batch"),
    "loss gradient": (lambda model: model.loss, "gradient"),
    "dot": (lambda model: model.layers[0], "dot"),
    "map": (lambda model: model.layers[2], "map"),
    "sum_rows": (lambda model: model.layers[1], "sum_rows"),
    "mean_rows": (lambda model: model.layers[1], "mean_rows"),
    "scratch": (lambda model: model.layers[0], "scratch"),
}


@pytest.mark.parametrize("wrap", [counting, wrapped, spying])
@pytest.mark.parametrize("name", OBJECTS)
def test_method_replaced_by_hand_is_called_in_every_step_while_it_is_there(
    name: str, wrap: Wrap
) -> None:
    find, method = OBJECTS[name]

    def calls_of_a_step(begin: int, end: int) -> list[int]:
        model, counts = small(), []
        part = find(model)
        for step in range(9):
            if step == begin:
                hook = wrap(getattr(part, method))
                setattr(part, method, hook)
            if step == end:
                delattr(part, method)
            before = hook.call_count if step >= begin else 0
            model.train_step(X, Y)
            counts.append(hook.call_count - before if step >= begin else 0)
        return counts

    with never_known():
        each = max(calls_of_a_step(4, 7))
    assert each > 0
    for begin in (0, 1, 2, 4):
        expected = [each if begin <= step < 7 else 0 for step in range(9)]
        assert calls_of_a_step(begin, 7) == expected


@pytest.mark.parametrize("name", ["layer forward", "network forward", "map", "dot"])
def test_hook_that_changes_numbers_gives_the_same_bits(name: str) -> None:
    find, method = OBJECTS[name]

    def change(model: lm.Sequential) -> None:
        part = find(model)
        original = getattr(part, method)

        @functools.wraps(original)
        def half(*arguments: Any, **named: Any) -> Any:
            result = original(*arguments, **named)
            result *= 0.5
            return result

        setattr(part, method, half)

    for at in (1, 2, 5):
        (some, _), (others, _) = in_both_ways(functools.partial(train_with, change, at, small))
        assert_same(some, others)


def test_hook_is_called_in_every_prediction(monkeypatch: pytest.MonkeyPatch) -> None:
    model = small()
    for _ in range(4):
        model.predict(X[:1])
    hook = mock.Mock(wraps=model.layers[2].forward)
    monkeypatch.setattr(model.layers[2], "forward", hook)
    for count in range(1, 6):
        model.predict(X[:1])
        assert hook.call_count == count
    monkeypatch.undo()
    model.predict(X[:1])
    assert hook.call_count == 5


@pytest.mark.parametrize("kind", [lm.Dense, lm.Dropout, lm.layers.Activation])
def test_method_of_a_class_replaced_in_the_middle_of_training_is_called(
    kind: type[lm.Layer], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, calls = small(), []
    for _ in range(4):
        model.train_step(X, Y)
    assert model.passes == 2
    original = kind.forward

    def forward(self: lm.Layer, x: Any, training: bool) -> Any:
        calls.append(self)
        return original(self, x, training)

    monkeypatch.setattr(kind, "forward", forward)
    of_kind = [layer for layer in model.layers if isinstance(layer, kind)]
    for step in range(1, 5):
        model.train_step(X, Y)
        assert calls == step * of_kind
