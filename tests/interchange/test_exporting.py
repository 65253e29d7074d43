"""Exports predict as the model does, in every language and for every layer."""

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend.elementwise import OPERATIONS
from lamella.core.errors import ArgumentError, DataError, UsageError
from lamella.interchange.description import describe
from lamella.interchange.javascript_source import javascript_source
from lamella.interchange.onnx_file import onnx_file
from tests.data import clouds, contents
from tests.interchange.predictors import NODE, PREDICTORS
from tests.subprocesses import TIME_LIMIT

ARGUMENTS = {"Dense": (5,), "Dropout": (0.5,)}
LAYERS = [name for name in lm.layers.__all__ if name not in ("Activation", "Layer")]


class Gain(lm.Layer):
    """A layer whose forward can be traced, with names that languages reserve."""

    def build(self, in_shape: Any) -> Any:
        self.gain = self.add_param("int", in_shape, init="ones")
        self.shift = self.add_param("größe-1 */", in_shape)
        return in_shape

    def forward(self, x: Any, training: bool) -> Any:
        self.x = x
        return x * self.gain.value + self.shift.value

    def backward(self, dy: Any) -> Any:
        return dy


class Normalized(lm.Layer):
    """Layer normalisation: reductions, and what is made of them, serve whole rows."""

    def forward(self, x: Any, training: bool) -> Any:
        d = x - x.mean(axis=-1, keepdims=True)
        return d / np.sqrt((d * d).mean(axis=-1, keepdims=True) + 1e-3)

    def backward(self, dy: Any) -> Any:
        return dy


class Everything(lm.Activation):
    """Rule of all operations that a rule may use."""

    @staticmethod
    def rule(x: Any) -> Any:
        a = np.absolute(x)
        y = np.exp(-a) + np.log(1 + a) - np.log1p(a) + np.sqrt(a) + np.tanh(x) - np.expm1(-a)
        y = y * np.sign(x) + np.square(x) + a**1.5 / (1 + a) + np.positive(x)
        y = y + (x > 0) - 2 * (x >= 0.5) + 3 * (x < -0.5) + 4 * (x <= -1)
        return np.maximum(y, np.minimum(x, -1))

    @staticmethod
    def derivative(x: Any, y: Any) -> Any:
        return x


def varied(layers: list[lm.Layer], in_shape: Any, **options: Any) -> lm.Sequential:
    """Return a built model whose parameters and states are all different numbers."""
    model = lm.Sequential(layers, seed=1, backend="numpy", **options).build(in_shape)
    rng = np.random.default_rng(5)
    for part in (*model.parameters, *model.states):
        part.value = rng.uniform(0.5, 1.5, part.shape) * np.sign(part.value + 1e-9)
    return model


def expect_equal(predictor: Any, folder: Path, model: lm.Sequential, x: np.ndarray) -> None:
    found, wanted = predictor(folder, model, x), model.predict(x)
    assert found.shape == wanted.shape
    assert found.dtype == wanted.dtype
    tolerance = 1e-5 if model.dtype == np.float32 else 1e-12
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)


@pytest.fixture(params=[*PREDICTORS])
def predictor(request: pytest.FixtureRequest) -> Any:
    return PREDICTORS[request.param]


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_predicts_as_in_the_model(name: str, predictor: Any, tmp_path: Path) -> None:
    layer = getattr(lm, name)(*ARGUMENTS.get(name, ()))
    x = np.random.default_rng(2).standard_normal((9, 6)).astype("float32")
    expect_equal(predictor, tmp_path, varied([layer], (6,)), x)


@pytest.mark.parametrize(
    ("layers", "shape"),
    [
        ([Everything()], (7,)),
        ([Gain(), lm.Dense(4, use_bias=False), Gain()], (7,)),
        ([Normalized(), Gain(), lm.Flatten(), lm.Dense(3), lm.Softmax()], (4, 5)),
        ([lm.Softmax()], (3, 2, 5)),
        ([lm.Flatten()], (2, 3)),
    ],
    ids=["operations", "own layers", "layer norm", "softmax of axes", "nothing"],
)
def test_own_layers_and_shapes_predict_as_in_the_model(
    layers: list[lm.Layer], shape: Any, predictor: Any, tmp_path: Path
) -> None:
    x = np.random.default_rng(3).uniform(-2, 2, (11, *shape))
    again = [type(layer)(**layer.config()) for layer in layers]
    expect_equal(predictor, tmp_path, varied(again, shape), x.astype("float32"))
    again = [type(layer)(**layer.config()) for layer in layers]
    expect_equal(predictor, tmp_path, varied(again, shape, dtype="float64"), x)


def test_the_rule_of_these_tests_has_all_operations() -> None:
    from lamella.backend.elementwise import trace

    program = trace(Everything.rule, 1, 0)
    used = {step.ufunc.__name__ for step in (*program.steps, *program.scalar_steps)}
    assert used == set(OPERATIONS)


@pytest.mark.parametrize("loss", [lm.SoftmaxCrossEntropy, lm.SigmoidCrossEntropy])
def test_logits_become_probabilities(loss: Any, predictor: Any, tmp_path: Path) -> None:
    x, y = clouds()
    model = lm.Sequential([lm.Dense(4), lm.Tanh(), lm.Dense(3)], seed=1, backend="numpy")
    model.compile(loss(), lm.Adam(0.1)).fit(x, y, epochs=2, verbose=False, check=False)
    found = predictor(tmp_path, model, x)
    np.testing.assert_allclose(found, model.predict_proba(x), atol=1e-6)


def test_images_are_scaled_inside(predictor: Any, digits: Any, tmp_path: Path) -> None:
    train, test = digits
    model = lm.MLP([16], batch_norm=True, seed=1, backend="numpy")
    model.fit(train.x[:600], train.y[:600], epochs=1, verbose=False)
    names = [
        "zero",
        'two"s\\',
        "*/ ??/",
        "</script>",
        "größe",
        "\n",
        "`${1}`",
        "/*/ ???/",
        "{8}",
        "",
    ]
    found = predictor(tmp_path, model, test.x[:300], class_names=names)
    np.testing.assert_allclose(found, model.predict_proba(test.x[:300]), atol=1e-5)


def test_the_head_of_a_file_describes_the_model(tmp_path: Path) -> None:
    x, y = clouds()
    odd = type("größe */", (lm.ReLU,), {})()
    model = lm.Sequential([lm.Dense(4), odd, lm.Dense(3)], seed=1)
    model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(0.1))
    model.fit(x, y, epochs=1, verbose=False, check=False)
    for suffix in ("py", "c", "js"):
        lm.export(model, tmp_path / f"m.{suffix}", class_names=["red", "green", "blue"])
        text = (tmp_path / f"m.{suffix}").read_text("ascii")
        assert "Dense(units=4)" in text
        assert "samples of shape (6,)" in text
        assert "Classes: red, green, blue." in text


def test_names_of_a_file_are_identifiers_everywhere(tmp_path: Path) -> None:
    model = lm.Sequential([lm.Dense(2)], seed=1).build((3,))
    for stem, name in {"int": "int", "1 größe-x": "model_1_gr__e_x", "_a_": "a"}.items():
        lm.export(model, tmp_path / f"{stem}.c")
        assert f"void {name}_predict(const float *x" in (tmp_path / f"{stem}.c").read_text()
        lm.export(model, tmp_path / f"{stem}.js")
        assert f"globalThis.{name}_model =" in (tmp_path / f"{stem}.js").read_text()


def test_wrong_calls_write_nothing(tmp_path: Path) -> None:
    model = lm.Sequential([lm.Dense(2)], seed=1)
    with pytest.raises(UsageError, match="not built yet"):
        lm.export(model, tmp_path / "m.c")
    model.build((3,))
    with pytest.raises(ArgumentError, match=r"exported to numpy, c, js, onnx .* got 'm.cpp'"):
        lm.export(model, tmp_path / "m.cpp")
    with pytest.raises(ArgumentError, match="did you mean 'numpy'"):
        lm.export(model, tmp_path / "m.py", to="nunpy")
    for name, to in {"m.py": "c", "m.safetensors": "js", "m.pt": "onnx", "m.js": "onnx"}.items():
        with pytest.raises(ArgumentError, match=rf"{name} is no name for {to}: write m\."):
            lm.export(model, tmp_path / name, to=to)
    for names in ("ab", ["a"], ["a", 2], {"a", "b"}, {"a": 0, "b": 1}, 2):
        with pytest.raises(ArgumentError, match=r"class_names must (be a list|have 2 names)"):
            lm.export(model, tmp_path / "m.py", class_names=names)
    with pytest.raises(UsageError, match="cannot write"):
        lm.export(model, tmp_path, to="c")
    with pytest.raises(UsageError, match="cannot write"):
        lm.export(model, tmp_path / "missing" / "m.c")
    with pytest.raises(ArgumentError, match="model must be a Trainable such as"):
        lm.export("m.safetensors", tmp_path / "m.c")
    model.parameters[0].value[0, 0] = np.nan
    with pytest.raises(DataError, match=r"0\.Dense\.W has NaN"):
        lm.export(model, tmp_path / "m.c")
    assert contents(tmp_path) == {}


def test_weights_that_a_format_cannot_hold_are_refused() -> None:
    description = describe(lm.Sequential([lm.Dense(2)], seed=1).build((3,)))
    graph, zero = description.graph, np.float32(0)
    graph.arrays["layer0_W"] = np.broadcast_to(zero, (10_000, 10_000))
    with pytest.raises(UsageError, match=r"have 0\.4 GB, and node reads scripts of up to 0\.5 GB"):
        javascript_source(description, "m")
    pytest.importorskip("onnx", reason="onnx writes ONNX files")
    graph.arrays["layer0_W"] = np.broadcast_to(zero, (30_000, 30_000))
    with pytest.raises(UsageError, match=r"have 3\.6 GB, and files of ONNX have less than 2 GB"):
        onnx_file(description, None, 18)


def test_an_export_leaves_the_model_as_it_is(tmp_path: Path) -> None:
    x, y = clouds()
    models = [lm.MLP([4], classes=3, dropout=0.2, seed=1, backend="numpy") for _ in range(2)]
    for model in models:
        model.fit(x, y, epochs=1, verbose=False, check=False)
    lm.export(models[0], tmp_path / "m.js")
    for model in models:
        model.fit(x, y, epochs=1, verbose=False, check=False)
    one, other = (model.state_dict() for model in models)
    assert all((one[name] == other[name]).all() for name in one)


def test_javascript_returns_the_outputs_of_each_layer(tmp_path: Path) -> None:
    if NODE is None:
        pytest.skip("node runs the exported JavaScript, and is not installed")
    x, _ = clouds()
    layers = [lm.Dense(4), lm.Tanh(), lm.Flatten(), lm.Dropout(0.5), lm.Dense(3)]
    model = lm.Sequential(layers, seed=1, backend="numpy")
    model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(0.1)).build(x.shape[1:])
    lm.export(model, tmp_path / "m.js")
    sample = np.float32(x[:1])
    script = f"""const found = require("./m.js").layers({sample[0].tolist()});
    console.log(JSON.stringify(Object.entries(found).map(([name, y]) => [name, [...y]])))"""
    run = subprocess.run(
        [NODE, "-e", script], cwd=tmp_path, capture_output=True, timeout=TIME_LIMIT
    )
    found = dict(json.loads(run.stdout))
    assert [*found] == ["0 Dense", "1 Tanh", "4 Dense", "probabilities"]
    for name, layer in {"0 Dense": 0, "1 Tanh": 1, "4 Dense": 4}.items():
        sample = model.layers[layer].forward(sample, training=False)
        np.testing.assert_allclose(found[name], sample[0], rtol=1e-5)
    np.testing.assert_allclose(found["probabilities"], model.predict_proba(x[:1])[0], rtol=1e-5)


class Caching(lm.Layer):
    """A layer whose forward keeps what backward needs: the outputs do not use it."""

    def forward(self, x: Any, training: bool) -> Any:
        self.above = x > np.ones(x.shape[-1:], "float32") / 2
        return x * [1.0, 2.0, 3.0]

    def backward(self, dy: Any) -> Any:
        return dy * self.above


class Long(lm.Layer):
    """A layer of one long formula."""

    def forward(self, x: Any, training: bool) -> Any:
        for _ in range(300):
            x = np.tanh(x) + 0.1
        return x

    def backward(self, dy: Any) -> Any:
        return dy


@pytest.mark.parametrize("layer", [Caching, Long])
def test_unused_and_long_formulas_are_exported(layer: Any, predictor: Any, tmp_path: Path) -> None:
    x = np.random.default_rng(4).uniform(-1, 1, (5, 3)).astype("float32")
    expect_equal(predictor, tmp_path, varied([layer()], (3,)), x)


def test_names_with_control_characters_are_escaped(predictor: Any, tmp_path: Path) -> None:
    odd = type("ab\n\r\\", (lm.ReLU,), {})()
    x = np.random.default_rng(4).uniform(-1, 1, (5, 3)).astype("float32")
    model = varied([odd], (3,))
    names = ["a\0", "\r\n*/ ?\ud800", '\u2028"""\\']
    found = predictor(tmp_path, model, x, class_names=names)
    np.testing.assert_allclose(found, model.predict(x))
