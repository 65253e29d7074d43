"""Hooks: those that `fit` calls, and names that it does not."""

from typing import Any

import pytest

import lamella as lm
from lamella.core.errors import UsageError
from tests.data import clouds
from tests.networks import small_classifier

X, Y = clouds()


def fit_with(callback: lm.Callback) -> lm.Sequential:
    model = small_classifier()
    model.fit(X, Y, epochs=2, batch_size=20, verbose=False, check=False, callbacks=[callback])
    return model


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("on_epoch_ends", "did you mean 'on_epoch_end'"),
        ("on_train_begin", "use 'on_fit_begin'"),
        ("on_train_batch_end", "use 'on_batch_end'"),
        (
            "on_zzz",
            "hooks are on_fit_begin, on_epoch_begin, on_batch_end, on_epoch_end, on_fit_end",
        ),
    ],
)
def test_a_method_that_looks_like_a_hook_is_refused(name: str, text: str) -> None:
    kind = type("Mine", (lm.Callback,), {name: lambda self, *given: None})
    with pytest.raises(UsageError, match=f"fit never calls Mine.{name}: {text}"):
        fit_with(kind())
    callback = lm.Callback()
    setattr(callback, name, lambda *given: None)
    with pytest.raises(UsageError, match=name):
        fit_with(callback)


def test_a_method_that_the_callback_itself_uses_is_its_own() -> None:
    class Button(lm.Callback):
        clicks = 0

        def on_click(self) -> None:
            self.clicks += 1

        def on_epoch_end(self, model: Any, epoch: int, logs: dict[str, Any]) -> None:
            self.on_click()

    button = Button()
    fit_with(button)
    assert button.clicks == 2


def test_a_misspelt_attribute_of_a_callback_is_refused() -> None:
    stopping = lm.EarlyStopping("loss")
    stopping.patiance = 3  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match=r"'patiance' of EarlyStopping .* mean 'patience'"):
        fit_with(stopping)


def test_hooks_set_on_one_object_are_called() -> None:
    seen: list[Any] = []
    callback = lm.Callback()
    callback.on_batch_end = lambda model, batch, log: seen.append(batch)  # type: ignore[method-assign]
    callback.on_epoch_end = lambda model, epoch, logs: seen.append("end")  # type: ignore[method-assign]
    fit_with(callback)
    assert seen == [0, 1, "end"] * 2


class AsInKeras(lm.Callback):
    def on_epoch_end(self, epoch: int, logs: Any) -> None:  # type: ignore[override]
        pass


class BeginsAsInKeras(lm.Callback):
    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # type: ignore[override]
        pass


class TakesAll(lm.Callback):
    def on_epoch_end(self, *args: Any) -> None:
        self.args = args


def test_a_hook_with_the_signature_of_keras_is_refused_with_the_right_one() -> None:
    for callback, text in (
        (AsInKeras(), r"write def on_epoch_end\(self, model, epoch, logs\)"),
        (BeginsAsInKeras(), r"write def on_epoch_begin\(self, model, epoch\)"),
    ):
        model = small_classifier()
        with pytest.raises(UsageError, match=text):
            model.fit(*clouds(), epochs=1, verbose=False, callbacks=[callback])
        assert model.optimizer.t == 0
    takes_all = TakesAll()
    model = small_classifier()
    model.fit(*clouds(), epochs=1, verbose=False, callbacks=[takes_all])
    assert takes_all.args[:2] == (model, 0)
