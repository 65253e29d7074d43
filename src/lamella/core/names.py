"""Names: the nearest known one for a mistyped name, and lamella's for those of other libraries."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from lamella.core.errors import ArgumentError

FREEZE = "set layer.trainable = False of each layer that training shall not change"
ARRAYS = "read layer.W.value and layer.b.value of a built layer, or model.state_dict()"
NO_SUCH_LAYER = "lamella has no convolution, embedding or recurrent layer: use PyTorch"
RATE = "give it to the optimizer, as in Adam(lr=1e-3)"
SHAPE = "leave it to fit, or use compile(..., in_shape=(features,))"
SEED = "give each model a seed, as in MLP(seed=0)"
# Words of Keras, PyTorch and scikit-learn: names here, or advice. The first that is a known name,
# or advice, is the answer.
TRANSLATIONS: dict[str, tuple[str, ...]] = {
    "activation": ("put a layer of its own after it, such as ReLU()",),
    "alpha": ("slope", "l2"),
    "batch_size": ("give it to fit, as in fit(x, y, batch_size=32)",),
    "bias": ("b", "use_bias", ARRAYS),
    "custom_objects": ("custom_layers",),
    "decay": ("use a schedule, such as Adam(lm.InverseTimeDecay(1e-3, decay=0.1))",),
    "device": ("backend",),
    "early_stopping": ("give fit a callback, as in fit(x, y, callbacks=[EarlyStopping()])",),
    "from_logits": ("SoftmaxCrossEntropy always takes logits",),
    "hidden_layer_sizes": ("hidden",),
    "kernel_constraint": ("max_norm",),
    "kernel_initializer": ("init",),
    "kernel_regularizer": ("regularizer",),
    "lr": (RATE,),
    "max_iter": ("epochs",),
    "momentum": ("beta", "use the optimizer Momentum(lr, beta=0.9)"),
    "nesterov": ("use the optimizer Momentum(lr, nesterov=True)",),
    "out_features": ("units",),
    "p": ("rate",),
    "negative_slope": ("slope",),
    "random_state": ("seed", SEED),
    "restore_best_weights": ("leave it out: EarlyStopping always restores the best weights",),
    "rho": ("beta2",),
    "save_best_only": ("leave it out: best.safetensors in the folder is the best model",),
    "smoothing": ("label_smoothing",),
    "test_size": ("test",),
    "trainable": (FREEZE,),
    "weight_decay": ("use the optimizer AdamW, or regularizer=L2(rate) of a layer",),
    "add": ("give Sequential all layers in a list",),
    "eval": ("leave it out: only training drops units and takes the batch's mean",),
    "get_weights": ("state_dict", ARRAYS),
    "load_weights": ("load_state_dict",),
    "on_train_begin": ("on_fit_begin",),
    "on_train_end": ("on_fit_end",),
    "param_groups": ("lr",),
    "predict_on_batch": ("predict",),
    "save_weights": ("save",),
    "set_weights": ("load_state_dict", "set layer.W.value and layer.b.value of a built layer"),
    "stop_training": ("call model.stop(reason) in a callback",),
    "train": ("leave it out: fit and train_step train, predict and evaluate do not",),
    "zero_grad": ("leave it out: each step computes the gradients anew",),
    **dict.fromkeys(("in_features", "input_dim", "input_shape"), ("in_shape", SHAPE)),
    **dict.fromkeys(("acc", "categorical_accuracy", "sparse_categorical_accuracy"), ("accuracy",)),
    **dict.fromkeys(("coef_", "coefs_", "trainable_weights"), ("state_dict",)),
    **dict.fromkeys(("cuda", "to"), ("choose the backend of a new model, as in MLP(backend=...)",)),
    **dict.fromkeys(("frozen", "requires_grad"), ("trainable", FREEZE)),
    **dict.fromkeys(("initial_epoch", "warm_start"), ("leave it out: fit continues the last one",)),
    **dict.fromkeys(("kernel", "weight", "weights"), ("W", "state_dict", "sample_weight", ARRAYS)),
    **dict.fromkeys(("learning_rate", "learning_rate_init"), ("lr", RATE)),
    **dict.fromkeys(("on_train_batch_begin", "on_train_batch_end"), ("on_batch_end",)),
    **dict.fromkeys(("partial_fit", "train_on_batch"), ("train_step",)),
    **dict.fromkeys(("score", "test_on_batch"), ("evaluate",)),
}

# Their modules, classes and functions, looked for in lamella itself.
MODULE_NAMES: dict[str, tuple[str, ...]] = {
    "BCEWithLogitsLoss": ("SigmoidCrossEntropy",),
    "DataLoader": ("give arrays to fit, as in fit(x, y, batch_size=32)",),
    "Input": (SHAPE,),
    "Linear": ("Dense",),
    "MLPClassifier": ("use MLP, or lamella.sklearn.LamellaClassifier in scikit-learn's tools",),
    "MLPRegressor": ("use MLP(outputs=1), or lamella.sklearn.LamellaRegressor",),
    "MSELoss": ("MeanSquaredError",),
    "load_model": ("load",),
    "metrics": ('give names to compile, as in compile(loss, optimizer, ["accuracy"])',),
    "nn": ("write lm.Dense(10), lm.ReLU() and so on",),
    "optim": ("optimizers",),
    **dict.fromkeys(("BatchNorm1d", "BatchNormalization"), ("BatchNorm",)),
    **dict.fromkeys(("CategoricalCrossentropy", "CrossEntropyLoss"), ("SoftmaxCrossEntropy",)),
    **dict.fromkeys(("Conv1D", "Conv2D", "Conv3D", "Embedding", "LSTM"), (NO_SUCH_LAYER,)),
    **dict.fromkeys(("manual_seed", "set_random_seed", "set_seed"), (SEED,)),
    **dict.fromkeys(("callbacks", "regularizers"), ("write lm.EarlyStopping(), lm.L2(1e-4)",)),
    **dict.fromkeys(("to_categorical", "utils"), ("leave it out: fit takes labels (N,)",)),
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


def suggestion(
    name: str,
    known: Iterable[str],
    cutoff: float = 0.5,
    translations: Mapping[str, tuple[str, ...]] = TRANSLATIONS,
) -> str | None:
    """Return advice on an unknown name, with the name to use if there is one, or None."""
    words = list(known)
    near = nearest(name, words, cutoff)
    if name not in translations and near and nearest(name, [near, *translations], 0.85) == near:
        return f"did you mean {near!r}?"
    for translation in translations.get(nearest(name, translations, 0.85) or "", ()):
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


def object_named(kind: str, name: str, cutoff: float = 0.7) -> str | None:
    """Return how to write the object of a kind, such as "Loss", that a string names, or None.

    A ``cutoff`` of 1 takes no mistyped names.
    """
    words = OBJECTS.get(kind, {})
    found = nearest("".join(filter(str.isalnum, name)), words, cutoff)
    return words[found] if found else None


def public_names(
    module: str, names: Sequence[str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` of a module that shows its public names only."""

    def refuse(name: str) -> Any:
        found = None if name.startswith("_") else suggestion(name, names, 0.7, MODULE_NAMES)
        hint = f": {found}" if found else ""
        raise AttributeError(f"module {module!r} has no attribute {name!r}{hint}")

    return refuse, lambda: sorted(names)
