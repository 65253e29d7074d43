"""Names: the nearest known one for a mistyped name, and lamella's for those of other libraries."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from lamella.core.errors import ArgumentError

FREEZE = "set layer.trainable = False of each layer that training shall not change"
ARRAYS = "read layer.W.value and layer.b.value of a built layer, or model.state_dict()"
NO_SUCH_LAYER = "lamella has no convolution, embedding or recurrent layer: use PyTorch"
EPOCHS = "give it to fit, as in fit(x, y, epochs=5)"
LABELS = "leave it out: fit takes labels (N,), and each model a seed"
NO_TENSORS = "lamella works on numpy arrays and computes gradients by itself"
OWN_LAYER = "write a class of Layer with forward and backward, see docs/extending.md"
PREPARE = "prepare the arrays with numpy, and give them to fit"
RATE = "give it to the optimizer, as in Adam(lr=1e-3)"
SHAPE = "leave it to fit, or use compile(..., in_shape=(features,))"
SCORES = "read the history, as in history['loss']"
SEED = "give each model a seed, as in MLP(seed=0)"
# Words of Keras, PyTorch and scikit-learn: names here, or advice. The first that is a known name,
# or advice, is the answer.
TRANSLATIONS: dict[str, tuple[str, ...]] = {
    "activation": ("put a layer of its own after Dense, such as ReLU(); MLP always takes ReLU()",),
    "alpha": ("slope", "l2"),
    "add_weight": ("add_param",),
    "apply_gradients": ("step",),
    "batch_size": ("give it to fit, as in fit(x, y, batch_size=32)",),
    "bias": ("b", "use_bias", ARRAYS),
    "betas": ("write beta1=0.9, beta2=0.999",),
    "classes_": ("leave it out: predict_classes gives the numbers of classes that fit took",),
    "clone": ("write copy.deepcopy(model)",),
    "count_params": ("summary",),
    "custom_objects": ("custom_layers",),
    "decay": ("use a schedule, such as Adam(lm.InverseTimeDecay(1e-3, decay=0.1))",),
    "device": ("backend",),
    "double": ('make a new model, as in MLP(dtype="float64")',),
    "epochs": (EPOCHS,),
    "early_stopping": ("give fit a callback, as in fit(x, y, callbacks=[EarlyStopping()])",),
    "filepath": ("path", "folder"),
    "from_logits": ("SoftmaxCrossEntropy always takes logits, as does SigmoidCrossEntropy",),
    "get_layer": ("layers",),
    "get_params": ("config",),
    "hidden_layer_sizes": ("hidden",),
    "initial_epoch": ("leave it out: fit continues the last one",),
    "initial_learning_rate": ("lr",),
    "iterations": ("t",),
    "kernel_constraint": ("max_norm",),
    "kernel_initializer": ("init",),
    "kernel_regularizer": ("regularizer",),
    "log_dir": ("folder",),
    "loss_weights": ("give fit a sample_weight",),
    "lr": (RATE,),
    "max_iter": ("epochs", EPOCHS),
    "mean_absolute_error": ("mae",),
    "metrics_names": ("metrics",),
    "minimize": ("step",),
    "momentum": ("beta", "use the optimizer Momentum(lr, beta=0.9)"),
    "n_iter_no_change": ("write early_stopping=EarlyStopping(patience=10)",),
    "named_parameters": ("state_dict",),
    "nesterov": ("use the optimizer Momentum(lr, nesterov=True)",),
    "output_shape": ("shapes",),
    "out_features": ("units",),
    "p": ("rate",),
    "negative_slope": ("slope",),
    "plot": ("plot_weights",),
    "random_state": ("seed", SEED),
    "return_dict": ("leave it out: evaluate returns scores by name",),
    "restore_best_weights": ("leave it out: EarlyStopping always restores the best weights",),
    "rho": ("beta2",),
    "root_mean_squared_error": ("rmse",),
    "save_best_only": ("leave it out: best.safetensors in the folder is the best model",),
    "seed": ("random_state",),
    "smoothing": ("label_smoothing",),
    "solver": ("optimizer",),
    "steps_per_epoch": ("leave it out: an epoch takes all batches of the data",),
    "test_size": ("test",),
    "top_k_categorical_accuracy": ("top_5",),
    "trainable": (FREEZE,),
    "validation_fraction": ("validation_split",),
    "validation_freq": ("leave it out: fit validates after each epoch",),
    "verbose": ("leave it out: only fit prints lines, and takes verbose",),
    "warm_start": ("leave it out: fit of a model continues the last one, partial_fit of others",),
    "weight": ("W", "sample_weight", f"{ARRAYS}; fit takes class_weight and sample_weight"),
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
    "to_json": ("config",),
    "train": ("leave it out: fit and train_step train, predict and evaluate do not",),
    "zero_grad": ("leave it out: each step computes the gradients anew",),
    **dict.fromkeys(("in_features", "input_dim", "input_shape"), ("in_shape", SHAPE)),
    **dict.fromkeys(("acc", "categorical_accuracy", "sparse_categorical_accuracy"), ("accuracy",)),
    **dict.fromkeys(
        ("coef_", "coefs_", "intercepts_", "trainable_weights", "trainable_variables", "variables"),
        ("state_dict", "read model_.state_dict()"),
    ),
    **dict.fromkeys(("best_loss_", "loss_curve_", "n_iter_"), ("history_", SCORES)),
    **{f"kaiming_{kind}": (f"he_{kind}",) for kind in ("normal", "uniform")},
    **{f"xavier_{kind}": (f"glorot_{kind}",) for kind in ("normal", "uniform")},
    **dict.fromkeys(("cuda", "to"), ("choose the backend of a new model, as in MLP(backend=...)",)),
    **dict.fromkeys(("frozen", "requires_grad"), ("trainable", FREEZE)),
    **dict.fromkeys(("kernel", "weights"), ("W", "state_dict", ARRAYS)),
    **dict.fromkeys(("learning_rate", "learning_rate_init"), ("lr", RATE)),
    **dict.fromkeys(("on_train_batch_begin", "on_train_batch_end"), ("on_batch_end",)),
    **dict.fromkeys(("partial_fit", "train_on_batch"), ("train_step",)),
    **dict.fromkeys(("score", "test_on_batch"), ("evaluate",)),
}

# Their modules, classes and functions, looked for in lamella itself.
MODULE_NAMES: dict[str, tuple[str, ...]] = {
    "BCEWithLogitsLoss": ("SigmoidCrossEntropy",),
    "CSVLogger": ("CSV",),
    "CosineAnnealingLR": ("CosineDecay",),
    "DataLoader": ("give arrays to fit, as in fit(x, y, batch_size=32)",),
    "Input": (SHAPE,),
    "LearningRateScheduler": ("give a schedule to the optimizer, as in Adam(StepDecay(1e-3))",),
    "Linear": ("Dense",),
    "MLPClassifier": ("use MLP, or lamella.sklearn.LamellaClassifier in scikit-learn's tools",),
    "MLPRegressor": ("use MLP(outputs=1), or lamella.sklearn.LamellaRegressor",),
    "LogisticRegression": ("SoftmaxClassifier",),
    "MSELoss": ("MeanSquaredError",),
    "PReLU": ("LeakyReLU",),
    "fashion_mnist": ('write lm.datasets.idx_folder(folder, "fashion-mnist")',),
    "StepLR": ("StepDecay",),
    "accuracy_score": ('evaluate the model, as in model.evaluate(x, y)["accuracy"]',),
    "clone_model": ("write copy.deepcopy(model)",),
    "confusion_matrix": ("classification_report",),
    "load_digits": ("mnist", "write lm.datasets.mnist()"),
    "load_model": ("load",),
    "metrics": ('give names to compile, as in compile(loss, optimizer, ["accuracy"])',),
    "nn": ("write lm.Dense(10), lm.ReLU() and so on",),
    "no_grad": (NO_TENSORS,),
    "optim": ("optimizers",),
    "plot_model": ("print model.summary()",),
    "train_test_split": ("write lm.datasets.train_test_split(x, y)",),
    **dict.fromkeys(("BatchNorm1d", "BatchNormalization"), ("BatchNorm",)),
    **dict.fromkeys(("CategoricalCrossentropy", "CrossEntropyLoss"), ("SoftmaxCrossEntropy",)),
    **dict.fromkeys(("Conv1D", "Conv2D", "Conv3D", "Embedding", "LSTM"), (NO_SUCH_LAYER,)),
    **dict.fromkeys(("GaussianNoise", "Identity", "Lambda", "Reshape"), (OWN_LAYER,)),
    **dict.fromkeys(("Model", "Module"), ("Sequential",)),
    **dict.fromkeys(("Normalization", "Rescaling"), (PREPARE,)),
    **dict.fromkeys(("Tensor", "tensor"), (NO_TENSORS,)),
    **dict.fromkeys(("cuda", "device"), ("choose the backend of a model, as in MLP(backend=...)",)),
    **dict.fromkeys(("keras", "tf", "torch"), ("write lm.Dense(10), lm.Adam(1e-3) and so on",)),
    **dict.fromkeys(("manual_seed", "random", "set_random_seed", "set_seed"), (SEED,)),
    **dict.fromkeys(("callbacks", "regularizers"), ("write lm.EarlyStopping(), lm.L2(1e-4)",)),
    **dict.fromkeys(("to_categorical", "utils"), (LABELS,)),
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
