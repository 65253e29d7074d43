"""Wrong names of arguments and attributes: the error names the right one."""

import copy
import inspect
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import lamella as lm
from lamella.core.errors import ArgumentError
from lamella.core.signatures import KnownNames, known_arguments, names_in_code
from tests.data import clouds
from tests.networks import small_classifier

X, Y = clouds()


class Lamp(KnownNames):
    """A class with an argument by position and one by name."""

    def __init__(self, watts: float, *, colour: str = "white") -> None:
        self.watts, self.colour = watts, colour

    @property
    def price(self) -> float:
        return self.unset  # type: ignore[no-any-return, attr-defined]


class Anything(KnownNames):
    """A class that takes any arguments."""

    def __init__(self, *args: int, **options: int) -> None:
        self.options = options


CALLS: dict[str, tuple[Callable[[], object], str]] = {
    "layer": (lambda: lm.Dense(3, unit=3), "Dense's argument 'unit' .* mean 'units'"),
    "activation": (lambda: lm.Dense(3, activation="relu"), r"layer of its own .* ReLU\(\)"),
    "layer without arguments": (lambda: lm.ReLU(5), "ReLU takes nothing without a name, got 1"),
    "unknown of a layer without": (lambda: lm.ReLU(slope=5), "ReLU's argument 'slope'"),
    "optimizer": (lambda: lm.Adam(learning_rate=1e-3), "Adam's argument 'learning_rate'.* 'lr'"),
    "sgd": (lambda: lm.SGD(0.1, momentum=0.9), r"use the optimizer Momentum\(lr, beta=0.9\)"),
    "by position": (lambda: lm.Adam(1e-3, 0.9), "Adam takes lr without a name, .* beta1=..."),
    "loss": (lambda: lm.SoftmaxCrossEntropy(from_logits=True), "always takes logits"),
    "schedule": (lambda: lm.StepDecay(0.1, evry=3), "StepDecay's argument 'evry' .* 'every'"),
    "model": (lambda: lm.MLP(hiden=[3]), "MLP's argument 'hiden' .* 'hidden'"),
    "layers one by one": (
        lambda: lm.Sequential(lm.Dense(3), lm.ReLU()),
        "Sequential takes layers without a name, got 2 .* in a list",
    ),
    "callback": (lambda: lm.EarlyStopping(patiance=3), "argument 'patiance' .* 'patience'"),
    "study": (lambda: lm.Study("a", base={}, arm={}), "Study's argument 'arm' .* 'arms'"),
    "compile": (
        lambda: small_classifier().compile(lm.MeanSquaredError(), optimiser=lm.SGD()),
        "compile's argument 'optimiser' .* 'optimizer'",
    ),
    "compile, twice": (
        lambda: small_classifier().compile("adam", loss="mse"),
        "compile got loss twice, without a name and with it: the order is loss, optimizer",
    ),
    "max_iter": (lambda: lm.MLP(max_iter=5), r"give it to fit, as in fit\(x, y, epochs=5\)"),
    "filepath": (lambda: lm.ModelCheckpoint(filepath="a"), "use 'folder'"),
    "file for a folder": (lambda: lm.ModelCheckpoint("best.h5"), "to a folder: write best$"),
    "logits": (lambda: lm.BinaryCrossEntropy(from_logits=True), "as does SigmoidCrossEntropy"),
    "twice": (lambda: lm.Dense(3, units=3), "Dense got units twice"),
    "verbose": (lambda: small_classifier().evaluate(X, Y, verbose=0), "leave it out: only fit"),
    "weight": (lambda: lm.SoftmaxCrossEntropy(weight=[1, 2]), "fit takes class_weight"),
    "betas": (lambda: lm.Adam(betas=(0.9, 0.99)), "write beta1=0.9, beta2=0.999"),
    "fit": (
        lambda: small_classifier().fit(X, Y, learning_rate=0.1),
        r"fit's argument 'learning_rate' .* Adam\(lr=1e-3\)",
    ),
    "fit by position": (
        lambda: small_classifier().fit(X, Y, 10),
        "fit takes x, y without a name, got 3 arguments: name the others, such as epochs=...",
    ),
    "predict": (lambda: small_classifier().predict(X, batchsize=3), "'batch_size'"),
    "predict_classes": (lambda: small_classifier().predict_classes(X, batchsize=3), "'batch_size'"),
    "evaluate": (lambda: small_classifier().evaluate(X, Y, batch=3), "'batch_size'"),
    "load": (lambda: lm.load("a", custom_objects={}), "use 'custom_layers'"),
    "split": (lambda: lm.datasets.train_test_split(X, Y, test_size=0.1), "use 'test'"),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_wrong_argument_names_the_right_one(name: str) -> None:
    call, text = CALLS[name]
    with pytest.raises(ArgumentError, match=text):
        call()


MODEL = small_classifier()
METHODS = [
    *("build", "check", "compile", "doctor", "evaluate", "fit", "load_state_dict", "predict"),
    *("predict_classes", "predict_proba", "save", "summary", "train_step"),
]
MODULES = (lm, lm.datasets, lm.testing)
FUNCTIONS = {
    **{name: getattr(lm.Sequential, name) for name in METHODS},
    **{name: getattr(module, name) for module in MODULES for name in module.__all__},
}


@pytest.mark.parametrize(
    "name",
    [name for name in FUNCTIONS if inspect.isfunction(FUNCTIONS[name]) and name != "replayable"],
)
def test_every_public_function_names_its_arguments_if_one_is_wrong(name: str) -> None:
    with pytest.raises(ArgumentError, match=rf"{name}'s argument 'zzz' is not known; known are"):
        FUNCTIONS[name](MODEL if name in METHODS else None, zzz=1)


def test_right_arguments_arrive() -> None:
    lamp = Lamp(60, colour="red")
    assert (lamp.watts, lamp.colour) == (60, "red")
    assert Anything(1, 2, speed=3).options == {"speed": 3}


def test_missing_arguments_are_named_by_python() -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'units'"):
        lm.Dense()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="'loss' and 'optimizer'"):
        small_classifier().compile()  # type: ignore[call-arg]


def through_pickle(thing: Any) -> Any:
    return pickle.loads(pickle.dumps(thing))


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, through_pickle])
def test_copies_are_made_without_arguments(copied: Callable[[Any], Any]) -> None:
    lamp = copied(Lamp(60, colour="red"))
    assert (lamp.watts, lamp.colour) == (60, "red")


@known_arguments
def brew(beans: str, *, grams: int = 18) -> str:
    """Return the recipe."""
    if grams < 0:
        raise TypeError("brew() got an unexpected keyword argument 'inside'")
    return f"{grams} g of {beans}"


def test_a_decorated_function_is_the_same_for_right_calls() -> None:
    assert brew("Arabica", grams=20) == "20 g of Arabica"
    assert list(inspect.signature(brew).parameters) == ["beans", "grams"]
    assert brew.__doc__ == "Return the recipe."
    with pytest.raises(ArgumentError, match=r"brew's argument 'gram' is not known.*'grams'"):
        brew("Arabica", gram=20)  # type: ignore[call-arg]


def test_a_type_error_within_a_decorated_function_is_left_alone() -> None:
    with pytest.raises(TypeError, match="'inside'") as caught:
        brew("Arabica", grams=-1)
    assert type(caught.value) is TypeError


ATTRIBUTES: dict[str, tuple[Callable[[], object], str]] = {
    "add": (lambda: lm.MLP().add, "give Sequential all layers in a list"),
    "get_weights": (lambda: lm.MLP().get_weights, "use 'state_dict'"),
    "train_on_batch": (lambda: lm.MLP().train_on_batch, "use 'train_step'"),
    "parametres": (lambda: lm.MLP().parametres, "did you mean 'parameters'"),
    "layer": (lambda: lm.Dense(3).unitz, "did you mean 'units'"),
    "optimizer": (lambda: lm.Adam().learningrate, "did you mean 'learning_rate'"),
    "history": (lambda: lm.History().history, r'write history\["loss"\]'),
    "before compile": (lambda: lm.Sequential([lm.Dense(3)]).loss, "no attribute 'loss' yet"),
    "nothing near": (lambda: Lamp(3).zzz, "'Lamp' object has no attribute 'zzz'$"),
    "module": (lambda: lm.Relu, "module 'lamella' has no attribute 'Relu': did you mean 'ReLU'"),
}


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_a_wrong_attribute_names_the_right_one(name: str) -> None:
    read, text = ATTRIBUTES[name]
    with pytest.raises(AttributeError, match=text):
        read()


def test_a_logged_name_as_attribute_says_how_to_read_it() -> None:
    history = small_classifier().fit(X, Y, epochs=1, verbose=False)
    with pytest.raises(AttributeError, match=r'write history\["accuracy"\]'):
        history.accuracy  # noqa: B018


def test_names_in_code_are_those_that_a_class_reads_or_writes() -> None:
    class Base:
        given: int

        def method(self) -> None:
            self.stored = [self.read for _ in range(3)]  # type: ignore[attr-defined]
            setattr(self, "by string", 1)

    class Derived(Base):
        @staticmethod
        def function(x: Any) -> Any:
            return x.of_static

    found = names_in_code(Derived)
    assert {"given", "stored", "read", "by string", "of_static"} <= found
    assert "else" not in found
