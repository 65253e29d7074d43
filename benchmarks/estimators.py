"""Compare lamella's estimators with those of scikit-learn and skorch: scores and time of fit.

    pip install '.[fast,sklearn]' torch skorch
    python benchmarks/estimators.py

All train the same network with the same settings: one hidden layer of 100 with ReLU, Adam of rate
1e-3, batches of 32, 50 epochs, no penalty; features are standardized, and so are targets that are
numbers. Scores are means and standard deviations over five folds of accuracy, or of R2 for
diabetes; seconds are the median time of a fit. Libraries that are not installed are left out.
"""

import argparse
import importlib.util
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from lamella.sklearn import LamellaClassifier, LamellaRegressor

DATA = {
    "digits": load_digits,
    "breast cancer": load_breast_cancer,
    "wine": load_wine,
    "diabetes": load_diabetes,
}
WIDTH, BATCH, RATE = 100, 32, 1e-3


def with_lamella(classes: int, features: int, epochs: int, seed: int) -> Any:
    kind = LamellaClassifier if classes else LamellaRegressor
    return kind([WIDTH], epochs=epochs, batch_size=BATCH, random_state=seed)


def with_sklearn(classes: int, features: int, epochs: int, seed: int) -> Any:
    kind = MLPClassifier if classes else MLPRegressor
    return kind(
        hidden_layer_sizes=(WIDTH,),
        learning_rate_init=RATE,
        batch_size=BATCH,
        alpha=0.0,
        max_iter=epochs,
        n_iter_no_change=epochs,
        random_state=seed,
    )


def with_skorch(classes: int, features: int, epochs: int, seed: int) -> Any:
    import torch
    from skorch import NeuralNetClassifier, NeuralNetRegressor

    torch.manual_seed(seed)
    kind = NeuralNetClassifier if classes else NeuralNetRegressor
    layers = torch.nn.Linear(features, WIDTH), torch.nn.ReLU(), torch.nn.Linear(WIDTH, classes or 1)
    net = kind(
        torch.nn.Sequential(*layers),
        criterion=torch.nn.CrossEntropyLoss if classes else torch.nn.MSELoss,
        optimizer=torch.optim.Adam,
        lr=RATE,
        batch_size=BATCH,
        max_epochs=epochs,
        train_split=None,
        iterator_train__shuffle=True,
        verbose=0,
    )
    return make_pipeline(FunctionTransformer(np.float32, validate=False), net)


CONTESTANTS: dict[str, Callable[[int, int, int, int], Any]] = {
    "lamella": with_lamella,
    "scikit-learn": with_sklearn,
    "skorch": with_skorch,
}


def measure(name: str, contestant: str, epochs: int) -> tuple[np.ndarray, float]:
    """Return the scores of five folds, and the median time of a fit in seconds."""
    x, y = DATA[name](return_X_y=True)
    classes = 0 if name == "diabetes" else int(y.max()) + 1
    folds = (StratifiedKFold if classes else KFold)(5, shuffle=True, random_state=0)
    scores, seconds = [], []
    for seed, (train, test) in enumerate(folds.split(x, y)):
        net = CONTESTANTS[contestant](classes, x.shape[1], epochs, seed)
        targets = y if classes else (y - y[train].mean()) / y[train].std()
        if contestant == "skorch" and not classes:  # takes a column of the network's dtype
            targets = targets.astype(np.float32)[:, None]
        model = make_pipeline(StandardScaler(), net)
        began = time.perf_counter()
        model.fit(x[train], targets[train])
        seconds.append(time.perf_counter() - began)
        scores.append(model.score(x[test], targets[test]))
    return np.array(scores), float(np.median(seconds))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=50, help="(default: %(default)s)")
    epochs = parser.parse_args().epochs
    warnings.simplefilter("ignore")  # scikit-learn's, that the epochs did not suffice
    found = [name for name in CONTESTANTS if name != "skorch" or importlib.util.find_spec(name)]
    print("| data |", " | ".join(found), "|")
    print("|---|" + "---|" * len(found))
    for name in DATA:
        cells = []
        for contestant in found:
            scores, seconds = measure(name, contestant, epochs)
            cells.append(f"{scores.mean():.3f} ± {scores.std(ddof=1):.3f}, {seconds:.2f} s")
        print(f"| {name} |", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
