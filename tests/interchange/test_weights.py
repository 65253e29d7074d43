"""Weights of PyTorch, Keras and scikit-learn give their predictions, and go back."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.core.errors import ArgumentError, DataError, FileFormatError, ShapeError, UsageError
from lamella.interchange import (
    from_keras,
    from_sklearn,
    from_torch,
    to_keras,
    to_sklearn,
    to_torch,
)

X = np.random.default_rng(4).standard_normal((50, 6)).astype("float32")


def network(norm: bool = True, **options: Any) -> lm.Sequential:
    middle = [lm.BatchNorm()] if norm else []
    layers = [lm.Flatten(), lm.Dense(5), *middle, lm.ReLU(), lm.Dense(3)]
    return lm.Sequential(layers, seed=2, **options).build((6,))


def torch_network(torch: Any) -> Any:
    """Return a module in evaluation whose running statistics are not those of the start."""
    torch.manual_seed(3)
    nn = torch.nn
    module = nn.Sequential(
        *(nn.Flatten(), nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 3))
    )
    for _ in range(4):
        module(torch.randn(32, 6) * 2 + 1)
    return module.eval()


def test_torch_weights_predict_as_in_torch_and_go_back(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is where the weights come from")
    module, model = torch_network(torch), network()
    from_torch(model, module.state_dict())
    with torch.no_grad():
        wanted = module(torch.from_numpy(X)).numpy()
    np.testing.assert_allclose(model.predict(X), wanted, rtol=1e-6, atol=1e-6)
    state = to_torch(model, tmp_path / "m.safetensors")
    back = {name: torch.from_numpy(array) for name, array in state.items()}
    torch.nn.Module.load_state_dict(other := torch_network(torch), back)
    for name, value in module.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(other.state_dict()[name], value)
    again = network()
    from_torch(again, tmp_path / "m.safetensors")
    assert (again.predict(X) == model.predict(X)).all()


@pytest.mark.filterwarnings("ignore")  # of the peer
def test_keras_weights_predict_as_in_keras_and_go_back() -> None:
    found = [name for name in ("jax", "torch", "tensorflow") if find_spec(name)]
    os.environ.setdefault("KERAS_BACKEND", found[0] if found else "none")
    reason = "Keras, with jax, torch or tensorflow, is where the weights come from"
    keras = pytest.importorskip("keras", reason=reason, exc_type=ImportError)
    names = keras.layers
    layers = [names.Dense(5), names.BatchNormalization(epsilon=1e-5), names.ReLU(), names.Dense(3)]
    other = keras.Sequential([keras.Input((6,)), *layers])
    rng = np.random.default_rng(5)
    other.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in other.get_weights()])
    model = network()
    from_keras(model, other.get_weights())
    wanted = other.predict(X, verbose=0)
    np.testing.assert_allclose(model.predict(X), wanted, rtol=1e-6, atol=1e-6)
    before = other.get_weights()
    other.set_weights([0 * w for w in before])
    other.set_weights(to_keras(model))
    assert all((a == b).all() for a, b in zip(other.get_weights(), before, strict=True))


@pytest.mark.filterwarnings("ignore")  # of the peer
def test_sklearn_weights_predict_as_in_sklearn_and_go_back() -> None:
    networks = pytest.importorskip(
        "sklearn.neural_network", reason="scikit-learn is where the weights come from"
    )
    y = X @ np.ones((6, 3)) + X**2 @ np.ones((6, 3))
    estimator = networks.MLPRegressor(
        hidden_layer_sizes=(5,), max_iter=500, random_state=1, tol=1e-2
    ).fit(X, y)
    model = network(norm=False, dtype="float64")
    from_sklearn(model, estimator.coefs_, estimator.intercepts_)
    wanted = estimator.predict(X.astype(float))
    np.testing.assert_allclose(model.predict(X), wanted, rtol=1e-6, atol=1e-6)
    coefs, intercepts = to_sklearn(model)
    estimator.coefs_, estimator.intercepts_ = coefs, intercepts
    np.testing.assert_array_equal(estimator.predict(X.astype(float)), wanted)


def test_other_architectures_are_refused_and_change_nothing() -> None:
    model = network()
    before = model.state_dict()
    state = {f"layers.{name}": array for name, array in to_torch(model).items()}
    fewer = {name: array for name, array in state.items() if not name.startswith("layers.4")}
    with pytest.raises(ShapeError, match=r"3 layers with weights \(1 Dense, 2 BatchNorm, 4 Dense"):
        from_torch(model, fewer)
    without = {name: array for name, array in state.items() if name != "layers.1.bias"}
    with pytest.raises(ShapeError, match=r"missing \['layers.1.bias'\]"):
        from_torch(model, without)
    wide = {**state, "layers.4.weight": np.ones((3, 6))}
    with pytest.raises(ShapeError, match=r"4\.Dense\.W has shape \(5, 3\), but layers.4.weight"):
        from_torch(model, wide)
    with pytest.raises(DataError, match=r"layers\.4\.bias has NaN"):
        from_torch(model, {**state, "layers.4.bias": np.full(3, np.nan)})
    with pytest.raises(ShapeError, match="got 2 arrays, the model has 8"):
        from_keras(model, to_keras(model)[:2])
    with pytest.raises(ShapeError, match=r"in each layer, this one has .*2\.BatchNorm\.gamma"):
        to_sklearn(model)
    with pytest.raises(ShapeError, match="2 coefs, but 1 intercepts"):
        from_sklearn(model, [1, 2], [1])
    with pytest.raises(ArgumentError, match="state must be"):
        from_torch(model, [1, 2])
    assert all((model.state_dict()[name] == value).all() for name, value in before.items())


def test_a_single_torch_layer_has_names_without_a_layer() -> None:
    model = lm.Sequential([lm.Dense(2)], seed=1).build((3,))
    from_torch(model, {"weight": np.arange(6).reshape(2, 3), "bias": np.ones(2)})
    assert model.state_dict()["0.Dense.W"].tolist() == [[0, 3], [1, 4], [2, 5]]


def test_files_of_torch_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"write m\.safetensors for m\.pt"):
        to_torch(network(), tmp_path / "m.pt")
    assert not [*tmp_path.iterdir()]


def test_unbuilt_models_are_refused() -> None:
    model = lm.Sequential([lm.Dense(2)], seed=1)
    for work in (to_torch, to_keras, to_sklearn):
        with pytest.raises(UsageError, match="not built yet"):
            work(model)
    with pytest.raises(UsageError, match="not built yet"):
        from_keras(model, [])


def test_files_must_say_the_order_of_the_layers(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    model = lm.Sequential([lm.Dense(6, use_bias=False) for _ in range(12)], seed=1).build((6,))
    wanted = to_torch(model)
    save_file({f"fc{name}": array for name, array in wanted.items()}, tmp_path / "a.safetensors")
    other = lm.Sequential([lm.Dense(6, use_bias=False) for _ in range(12)], seed=2).build((6,))
    from_torch(other, tmp_path / "a.safetensors")
    assert all((to_torch(other)[name] == array).all() for name, array in wanted.items())
    mixed = {"head.weight": wanted["0.weight"], "body.weight": wanted["1.weight"]}
    save_file(mixed, tmp_path / "b.safetensors")
    two = lm.Sequential([lm.Dense(6, use_bias=False) for _ in range(2)], seed=2).build((6,))
    with pytest.raises(DataError, match="does not say their order"):
        from_torch(two, tmp_path / "b.safetensors")
    two.save(tmp_path / "c.safetensors")
    with pytest.raises(FileFormatError, match=r"use lm\.load"):
        from_torch(two, tmp_path / "c.safetensors")
    (tmp_path / "d.safetensors").write_bytes(b"no")
    with pytest.raises(FileFormatError, match="not a safetensors file"):
        from_torch(two, str(tmp_path / "d.safetensors"))


def test_checkpoints_around_a_state_dict_are_refused() -> None:
    model = network()
    with pytest.raises(ArgumentError, match=r"give from_torch state\['model'\]"):
        from_torch(model, {"epoch": 3, "model": to_torch(model)})


def test_files_that_numpy_cannot_read_say_how_torch_does(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch writes the files")
    files = pytest.importorskip("safetensors.torch")
    module = torch_network(torch)
    files.save_file(module.bfloat16().state_dict(), tmp_path / "half.safetensors")
    model, other = network(), network()
    from_torch(model, files.load_file(tmp_path / "half.safetensors"))
    if "ml_dtypes" in sys.modules:  # from then on, numpy knows bfloat16
        from_torch(other, tmp_path / "half.safetensors")
        assert (model.predict(X) == other.predict(X)).all()
    else:
        with pytest.raises(DataError, match=r"bfloat16.*safetensors\.torch\.load_file\(path\)"):
            from_torch(other, tmp_path / "half.safetensors")
    torch.save(module.state_dict(), tmp_path / "m.pt")
    with pytest.raises(FileFormatError, match=r"torch\.load\(path\)"):
        from_torch(network(), tmp_path / "m.pt")


class Doubled(lm.Layer):
    """A layer with two parameters that torch calls weight."""

    def build(self, in_shape: Any) -> Any:
        self.gamma = self.add_param("gamma", in_shape)
        self.weight = self.add_param("weight", in_shape)
        return in_shape

    def forward(self, x: Any, training: bool) -> Any:
        return x

    def backward(self, dy: Any) -> Any:
        return dy


def test_two_arrays_of_one_name_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"0\.Doubled\.weight is one, would be 0\.weight"):
        to_torch(lm.Sequential([Doubled()], seed=1).build((3,)))


def test_layers_without_a_bias_do_not_go_to_scikit_learn() -> None:
    with pytest.raises(ShapeError, match=r"W and b in each layer, this one has 0\.Dense\.W"):
        to_sklearn(lm.Sequential([lm.Dense(2, use_bias=False)], seed=1).build((3,)))


def test_a_negative_variance_is_refused() -> None:
    model = lm.Sequential([lm.BatchNorm()], seed=1).build((3,))
    with pytest.raises(DataError, match=r"weights\[3\] is a variance, .* negative number -1"):
        from_keras(model, [np.ones(3), np.ones(3), np.ones(3), np.array([1.0, -1.0, 1.0])])
    assert (model.state_dict()["0.BatchNorm.gamma"] == 1).all()


def test_tensors_that_hold_no_real_numbers_are_refused() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is where the weights come from")
    model = lm.Sequential([lm.Dense(2)], seed=1).build((3,))
    state = torch.nn.Linear(3, 2).state_dict()
    with pytest.raises(DataError, match="weight must hold numbers, got an array of complex64"):
        from_torch(model, {**state, "weight": state["weight"].to(torch.complex64)})
    with pytest.raises(DataError, match="weight cannot be read as an array"):
        from_torch(model, {**state, "weight": state["weight"].to("meta")})
    from_torch(model, {name: tensor.bfloat16() for name, tensor in state.items()})
    np.testing.assert_array_equal(to_torch(model)["0.bias"], state["bias"].bfloat16().float())
