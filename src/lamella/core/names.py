"""Names: the nearest known one for a mistyped name, and lamella's for those of other libraries."""

from collections.abc import Iterable
from typing import Any

from lamella.core.errors import ArgumentError

FREEZE = "set layer.trainable = False of each layer that training shall not change"
# Arguments and attributes of Keras, PyTorch and scikit-learn: names here, or advice. The first that
# is a known name, or advice, is the answer.
TRANSLATIONS: dict[str, tuple[str, ...]] = {
    "activation": ("put a layer of its own after it, such as ReLU()",),
    "add": ("give Sequential all layers in a list",),
    "alpha": ("slope", "l2"),
    "batch_size": ("give it to fit, as in fit(x, y, batch_size=32)",),
    "bias": ("use_bias",),
    "custom_objects": ("custom_layers",),
    "decay": ("use a schedule, such as Adam(lm.InverseTimeDecay(1e-3, decay=0.1))",),
    "device": ("backend",),
    "frozen": ("trainable", FREEZE),
    "from_logits": ("SoftmaxCrossEntropy always takes logits",),
    "get_weights": ("state_dict",),
    "hidden_layer_sizes": ("hidden",),
    "input_dim": ("in_shape", "use compile(..., in_shape=(features,)), or leave it to fit"),
    "input_shape": ("in_shape", "use compile(..., in_shape=(features,)), or leave it to fit"),
    "kernel_constraint": ("max_norm",),
    "kernel_initializer": ("init",),
    "kernel_regularizer": ("regularizer",),
    "learning_rate": ("lr", "give it to the optimizer, as in Adam(lr=1e-3)"),
    "load_weights": ("load_state_dict",),
    "lr": ("give it to the optimizer, as in Adam(lr=1e-3)",),
    "max_iter": ("epochs",),
    "momentum": ("beta", "use the optimizer Momentum(lr, beta=0.9)"),
    "negative_slope": ("slope",),
    "nesterov": ("use the optimizer Momentum(lr, nesterov=True)",),
    "on_batch_begin": ("on_batch_end",),
    "on_train_batch_begin": ("on_batch_end",),
    "on_train_batch_end": ("on_batch_end",),
    "on_train_begin": ("on_fit_begin",),
    "on_train_end": ("on_fit_end",),
    "out_features": ("units",),
    "p": ("rate",),
    "partial_fit": ("train_step",),
    "predict_on_batch": ("predict",),
    "random_state": ("seed",),
    "save_weights": ("save",),
    "score": ("evaluate",),
    "set_weights": ("load_state_dict",),
    "stop_training": ("call model.stop(reason) in a callback",),
    "test_on_batch": ("evaluate",),
    "test_size": ("test",),
    "train_on_batch": ("train_step",),
    "rho": ("beta2",),
    "requires_grad": ("trainable", FREEZE),
    "smoothing": ("label_smoothing",),
    "trainable": (FREEZE,),
    "weight_decay": ("use the optimizer AdamW, or regularizer=L2(rate) of a layer",),
}


# Strings of Keras and scikit-learn by the kind of object, in lower case without separators.
OBJECTS: dict[str, dict[str, str]] = {
    "Layer": {
        "relu": "ReLU()",
        "leakyrelu": "LeakyReLU()",
        "elu": "ELU()",
        "gelu": "GELU()",
        "silu": "SiLU()",
        "swish": "SiLU()",
        "softplus": "Softplus()",
        "sigmoid": "Sigmoid()",
        "logistic": "Sigmoid()",
        "tanh": "Tanh()",
        "softmax": "Softmax()",
        "flatten": "Flatten()",
        "batchnormalization": "BatchNorm()",
        "layernormalization": "LayerNorm()",
    },
    "Loss": {
        "mse": "MeanSquaredError()",
        "l2": "MeanSquaredError()",
        "meansquarederror": "MeanSquaredError()",
        "mae": "MeanAbsoluteError()",
        "l1": "MeanAbsoluteError()",
        "meanabsoluteerror": "MeanAbsoluteError()",
        "huber": "Huber()",
        "poisson": "Poisson()",
        "hinge": "Hinge()",
        "bce": "SigmoidCrossEntropy()",
        "binarycrossentropy": "SigmoidCrossEntropy()",
        "crossentropy": "SoftmaxCrossEntropy()",
        "categoricalcrossentropy": "SoftmaxCrossEntropy()",
        "sparsecategoricalcrossentropy": "SoftmaxCrossEntropy()",
        "softmaxcrossentropy": "SoftmaxCrossEntropy()",
    },
    "Optimizer": {
        "sgd": "SGD()",
        "momentum": "Momentum()",
        "nesterov": "Momentum(nesterov=True)",
        "adam": "Adam()",
        "adamw": "AdamW()",
        "nadam": "NAdam()",
        "rmsprop": "RMSProp()",
        "adagrad": "AdaGrad()",
        "lion": "Lion()",
    },
    "Regularizer": {"l1": "L1(1e-4)", "l2": "L2(1e-4)", "l1l2": "L1L2(1e-4, 1e-4)"},
}


def nearest(name: str, known: Iterable[str], cutoff: float = 0.5) -> str | None:
    """Return the known name that is most similar to a mistyped one; None if none is similar."""
    lower = {word.lower(): word for word in known}
    import difflib  # only an error needs it

    found = difflib.get_close_matches(name.lower(), lower, 1, cutoff)
    return lower[found[0]] if found else None


def suggestion(name: str, known: Iterable[str], cutoff: float = 0.5) -> str | None:
    """Return advice on an unknown name, with the name to use if there is one, or None."""
    words = list(known)
    near = nearest(name, words, cutoff)
    if name not in TRANSLATIONS and near and nearest(name, [near, *TRANSLATIONS], 0.85) == near:
        return f"did you mean {near!r}?"
    for translation in TRANSLATIONS.get(nearest(name, TRANSLATIONS, 0.85) or "", ()):
        if translation in words:
            return f"use {translation!r}"
        if " " in translation:
            return translation
    return near and f"did you mean {near!r}?"


def did_you_mean(value: object, known: Iterable[object]) -> str:
    """Return the end of an error message on a value: the nearest of the known strings, if any."""
    words = [word for word in known if isinstance(word, str)]
    near = nearest(value, words) if isinstance(value, str) else None
    return f": did you mean {near!r}?" if near else ""


def expect_known(kind: str, name: Any, known: Iterable[str]) -> None:
    """Raise an ArgumentError with the nearest known name, unless ``name`` is known."""
    words = list(known)
    if isinstance(name, str) and name in words:
        return
    found = suggestion(str(name), words)
    hint = f": {found}" if found else f"; known are {', '.join(words) or 'none'}"
    raise ArgumentError(f"{kind} {name!r} is not known{hint}")


def object_named(kind: str, name: str) -> str | None:
    """Return how to write the object of a kind, such as "Loss", that a string names, or None."""
    words = OBJECTS.get(kind, {})
    found = nearest("".join(filter(str.isalnum, name)), words, 0.7)
    return words[found] if found else None
