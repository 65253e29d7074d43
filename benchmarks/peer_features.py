"""Print the features of lamella and other libraries, checked in the installed sources.

The evidence of a cell is ``package:Name``, a class or function that the package must define, or
``package:-word``, a regular expression that no name of a class or function may contain. It shows
that a feature exists, not how good it is.

    python benchmarks/peer_features.py
"""

import importlib.metadata
import importlib.util
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

LIBRARIES = (  # the distributions behind each column after lamella's
    ["keras"],
    ["torch", "lightning", "skorch"],
    ["scikit-learn"],
    ["thinc"],
    ["dezero"],
    ["tinygrad"],
)
SKLEARN = "sklearn.neural_network"
ROWS: dict[str, list[tuple[str, str]]] = {
    "automatic differentiation": [
        ("no: a layer has a method `backward`", "lamella:-autograd"),
        ("its backend's", "keras:compute_loss_and_updates"),
        ("yes", "torch:backward"),
        ("no", f"{SKLEARN}:-autograd"),
        ("no: layers return their backward function", "thinc:-autograd"),
        ("yes", "dezero:backward"),
        ("yes", "tinygrad:backward"),
    ],
    "convolution": [
        ("no", "lamella:-conv[12]d"),
        ("yes", "keras:Conv2D"),
        ("yes", "torch:Conv2d"),
        ("no", f"{SKLEARN}:-conv"),
        ("no", "thinc:-conv[12]d"),
        ("yes", "dezero:Conv2d"),
        ("yes", "tinygrad:conv2d"),
    ],
    "recurrent layers": [
        ("no", "lamella:-lstm"),
        ("yes", "keras:LSTM"),
        ("yes", "torch:LSTM"),
        ("no", f"{SKLEARN}:-lstm"),
        ("yes", "thinc:LSTM"),
        ("yes", "dezero:LSTM"),
        ("cell", "tinygrad:LSTMCell"),
    ],
    "attention": [
        ("no", "lamella:-attention"),
        ("yes", "keras:MultiHeadAttention"),
        ("yes", "torch:MultiheadAttention"),
        ("no", f"{SKLEARN}:-attention"),
        ("pooling", "thinc:ParametricAttention"),
        ("no", "dezero:-attention"),
        ("yes", "tinygrad:scaled_dot_product_attention"),
    ],
    "branches, several inputs": [
        ("no: layers in a row", "lamella:-concatenate"),
        ("yes", "keras:Functional"),
        ("yes", "torch:Module"),
        ("no", f"{SKLEARN}:-concatenate"),
        ("yes", "thinc:concatenate"),
        ("yes", "dezero:Model"),
        ("yes", "tinygrad:Tensor"),
    ],
    "batches streamed from disk": [
        ("your own loop", "lamella:-loader"),
        ("yes", "keras:PyDataset"),
        ("yes", "torch:DataLoader"),
        ("`partial_fit`", f"{SKLEARN}:partial_fit"),
        ("your own loop", "thinc:minibatch"),
        ("yes", "dezero:DataLoader"),
        ("your own loop", "tinygrad:-dataloader"),
    ],
    "several GPUs": [
        ("no", "lamella:-distribut(ed|ion_strat)"),
        ("yes", "keras:DataParallel"),
        ("yes", "torch:DistributedDataParallel"),
        ("no", f"{SKLEARN}:-cuda"),
        ("no", "thinc:-data_?parallel"),
        ("no", "dezero:-data_?parallel"),
        ("yes", "tinygrad:shard"),
    ],
    "16-bit floats": [
        ("no", "lamella:-autocast"),
        ("yes", "keras:DTypePolicy"),
        ("yes", "torch:autocast"),
        ("no", f"{SKLEARN}:-half"),
        ("PyTorch's layers", "thinc:PyTorchGradScaler"),
        ("no", "dezero:-half"),
        ("yes", "tinygrad:half"),
    ],
    "pretrained networks": [
        ("no", "lamella:-vgg|resnet"),
        ("yes", "keras:VGG16"),
        ("torch.hub", "torch:load_state_dict_from_url"),
        ("no", f"{SKLEARN}:-pretrained"),
        ("no", "thinc:-pretrained|vgg|resnet"),
        ("yes", "dezero:VGG16"),
        ("no", "tinygrad:-vgg|resnet"),
    ],
    "`fit` with callbacks": [
        ("yes", "lamella:Callback"),
        ("yes", "keras:Callback"),
        ("Lightning, skorch", "skorch:Callback"),
        ("`fit` only", f"{SKLEARN}:-callback"),
        ("no", "thinc:-early_?stop|trainer"),
        ("no", "dezero:-callback|trainer"),
        ("no", "tinygrad:-early_?stop|trainer"),
    ],
    "early stopping": [
        ("yes, best weights", "lamella:EarlyStopping"),
        ("yes, best weights by an option", "keras:EarlyStopping"),
        ("yes, best weights by an option (skorch)", "skorch:EarlyStopping"),
        ("yes, best weights", f"{SKLEARN}:_update_no_improvement_count"),
        ("no", "thinc:-early_?stop"),
        ("no", "dezero:-early_?stop"),
        ("no", "tinygrad:-early_?stop"),
    ],
    "random numbers": [
        ("a seed of each model", "lamella:Streams"),
        ("a global seed", "keras:set_random_seed"),
        ("a global seed", "torch:manual_seed"),
        ("a seed of each estimator", "sklearn:check_random_state"),
        ("a global seed", "thinc:fix_random_seed"),
        ("numpy's global seed", "dezero:-seed"),
        ("a global seed", "tinygrad:manual_seed"),
    ],
    "MNIST": [
        ("in the package", "lamella:mnist"),
        ("download", "keras:load_data"),
        ("download (torchvision)", "torch:-mnist_"),
        ("8 x 8 digits in the package", "sklearn:load_digits"),
        ("no", "thinc:-mnist"),
        ("download", "dezero:MNIST"),
        ("download", "tinygrad:mnist"),
    ],
    "comparisons over seeds with corrected tests": [
        ("yes", "lamella:Study"),
        ("no", "keras:-holm|bonferroni"),
        ("no", "torch:-holm|bonferroni"),
        ("no", "sklearn:-holm|bonferroni"),
        ("no", "thinc:-holm|bonferroni"),
        ("no", "dezero:-holm|bonferroni"),
        ("no", "tinygrad:-holm|bonferroni"),
    ],
    "checks of your own parts": [
        ("layers, losses, optimizers", "lamella:check_layer"),
        ("no", "keras:-grad(ient)?_?check"),
        ("gradients", "torch:gradcheck"),
        ("estimators", "sklearn:check_estimator"),
        ("no", "thinc:-grad(ient)?_?check"),
        ("gradients", "dezero:gradient_check"),
        ("no", "tinygrad:-grad(ient)?_?check"),
    ],
    "ONNX": [
        ("writes", "lamella:export_onnx"),
        ("writes", "keras:export_onnx"),
        ("writes", "torch:export"),
        ("no", "sklearn:-(to|export)_?onnx"),
        ("no", "thinc:-onnx"),
        ("no", "dezero:-onnx"),
        ("reads", "tinygrad:OnnxRunner"),
    ],
    "estimator for scikit-learn": [
        ("yes", "lamella:LamellaClassifier"),
        ("yes", "keras:SKLearnClassifier"),
        ("skorch", "skorch:NeuralNetClassifier"),
        ("yes", f"{SKLEARN}:MLPClassifier"),
        ("no", "thinc:-sklearn|estimator"),
        ("no", "dezero:-sklearn|estimator"),
        ("no", "tinygrad:-sklearn|estimator"),
    ],
}
DEFINITION = re.compile(r"^\s*(?:async )?(?:def|class) (\w+)", re.MULTILINE)


@cache
def defined(package: str) -> frozenset[str]:
    """Return the names of all classes and functions in a package's sources, but for tests."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise SystemExit(f"{package} is not installed")
    root = Path(spec.origin).parent
    files = root.rglob("*.py")
    skip = {"tests", "autogen"}  # the latter has tinygrad's headers of drivers
    return frozenset(
        name
        for path in files
        if not skip.intersection(path.parts)
        for name in DEFINITION.findall(path.read_text("utf-8", errors="replace"))
    )


def holds(evidence: str) -> bool:
    """Whether a cell's evidence is found in the installed sources."""
    package, _, name = evidence.partition(":")
    if not name.startswith("-"):
        return name in defined(package)
    absent = re.compile(name[1:], re.IGNORECASE)
    return not any(absent.search(found) for found in defined(package))


def table() -> Iterator[str]:
    """Yield the lines of the table in Markdown."""
    version = importlib.metadata.version
    heads = [", ".join(f"{each} {version(each)}" for each in column) for column in LIBRARIES]
    yield f"| | lamella | {' | '.join(heads)} |"
    yield "|---" * (len(heads) + 2) + "|"
    for feature, cells in ROWS.items():
        yield f"| {feature} | {' | '.join(text for text, _ in cells)} |"


if __name__ == "__main__":
    wrong = [e for cells in ROWS.values() for _, e in cells if not holds(e)]
    if wrong:
        raise SystemExit(f"these no longer hold: {', '.join(wrong)}")
    print("\n".join(table()))
