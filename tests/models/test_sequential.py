"""Sequential: results of its methods, and everything that they leave unchanged."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from tests.data import clouds
from tests.networks import Gain, small_classifier, small_layers, state_of

Arrays = dict[str, np.ndarray]


class HalfSquaredError(lm.MeanSquaredError):
    """A custom loss."""


class Creep(lm.SGD):
    """A custom optimizer."""


def trained(backend: Backend | str = "numpy", **options: object) -> lm.Sequential:
    model = small_classifier(backend, **options)
    model.fit(*clouds(), epochs=2, batch_size=16, verbose=False)
    return model


def test_it_learns(backend: Backend) -> None:
    x, y = clouds(200)
    model = small_classifier(backend)
    before = model.compile(model.loss, model.optimizer, model.metrics, in_shape=(6,)).evaluate(x, y)
    model.fit(x, y, epochs=15, batch_size=16, verbose=False)
    after = model.evaluate(x, y)
    assert before["accuracy"] < 0.6
    assert after["accuracy"] > 0.85
    assert after["loss"] < 0.5 * before["loss"]


def test_evaluate_is_the_mean_written_out(backend: Backend) -> None:
    x, y = clouds()
    model = trained(backend, dtype="float64")
    z = model.predict(x)
    losses = np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(y)), y]
    scores = model.evaluate(x, y)
    assert set(scores) == {"loss", "accuracy"}
    assert scores["loss"] == pytest.approx(losses.mean(), rel=1e-12)
    assert scores["accuracy"] == (z.argmax(axis=1) == y).mean()
    assert {type(value) for value in scores.values()} == {float}


def test_evaluate_weights_loss_and_metrics(backend: Backend) -> None:
    x, y = clouds()
    model = trained(backend, dtype="float64")
    weight = np.linspace(0, 2, len(y))
    z = model.predict(x)
    losses = np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(y)), y]
    scores = model.evaluate(x, y, sample_weight=weight, batch_size=7)
    assert scores["loss"] == pytest.approx((weight * losses).sum() / weight.sum(), rel=1e-9)
    right = z.argmax(axis=1) == y
    assert scores["accuracy"] == pytest.approx(np.average(right, weights=weight), rel=1e-12)
    assert scores["accuracy"] != model.evaluate(x, y)["accuracy"]


@pytest.mark.parametrize("batch_size", [1, 7, 39, 1000])
def test_results_do_not_depend_on_the_batch_size_of_evaluation(
    backend: Backend, batch_size: int
) -> None:
    x, y = clouds()
    model = trained(backend)
    whole, parts = model.evaluate(x, y), model.evaluate(x, y, batch_size=batch_size)
    assert parts["loss"] == pytest.approx(whole["loss"], rel=1e-5)
    assert parts["accuracy"] == whole["accuracy"]
    np.testing.assert_allclose(
        model.predict(x, batch_size=batch_size), model.predict(x), rtol=1e-5, atol=1e-6
    )


def test_evaluation_and_prediction_change_nothing(backend: Backend) -> None:
    x, y = clouds()
    model = trained(backend)
    before, rows = state_of(model), model.history.rows
    model.evaluate(x, y, batch_size=7)
    model.predict(x)
    model.predict_proba(x)
    model.predict_classes(x)
    np.testing.assert_equal(state_of(model), before)
    assert model.history.rows is rows
    assert model.epochs_done == 2


def test_evaluation_between_two_fits_does_not_change_the_second(backend: Backend) -> None:
    x, y = clouds()
    watched, left_alone = trained(backend), trained(backend)
    watched.evaluate(x, y)
    watched.predict(x[:3])
    for model in (watched, left_alone):
        model.fit(x, y, epochs=1, batch_size=16, verbose=False)
    np.testing.assert_equal(state_of(watched), state_of(left_alone))


def test_predict_gives_copies(backend: Backend) -> None:
    x, _ = clouds()
    model = trained(backend)
    first = model.predict(x)
    kept = first.copy()
    model.predict(x + 1)
    np.testing.assert_array_equal(first, kept)
    first[...] = 0
    np.testing.assert_array_equal(model.predict(x), kept)


def test_predict_does_not_hand_out_the_inputs() -> None:
    x, _ = clouds()
    model = lm.Sequential([lm.Flatten()], seed=0, backend="numpy").build((6,))
    out = model.predict(x)
    np.testing.assert_array_equal(out, x)
    assert not np.shares_memory(out, x)


def test_probabilities_are_the_softmax_of_the_logits(backend: Backend) -> None:
    x, _ = clouds()
    model = trained(backend, dtype="float64")
    z, p = model.predict(x), model.predict_proba(x)
    np.testing.assert_allclose(
        p, np.exp(z) / np.exp(z).sum(axis=1, keepdims=True), rtol=1e-12, atol=1e-15
    )
    np.testing.assert_array_equal(model.predict_classes(x), z.argmax(axis=1))


def test_probabilities_of_huge_logits_are_finite(backend: Backend) -> None:
    model = small_classifier(backend)
    model.build((6,))
    model.layers[-1].b.value = backend.asarray(np.array([1e4, -1e4, 0.0], "float32"))
    np.testing.assert_allclose(model.predict_proba(np.zeros((2, 6))), [[1, 0, 0]] * 2)


def test_probabilities_of_a_softmax_layer_are_its_outputs(backend: Backend) -> None:
    x, _ = clouds()
    model = lm.Sequential([lm.Dense(3), lm.Softmax()], seed=0, backend=backend)
    model.compile(lm.MeanSquaredError(), lm.SGD(0.1), in_shape=(6,))
    np.testing.assert_array_equal(model.predict_proba(x), model.predict(x))


def test_a_single_output_is_yes_above_one_half(backend: Backend) -> None:
    model = lm.Sequential([lm.Dense(1), lm.Sigmoid()], seed=0, backend=backend)
    model.compile(lm.BinaryCrossEntropy(), lm.SGD(0.1), ["accuracy"], in_shape=(1,))
    model.layers[0].W.value = 1.0
    x = np.array([[-2.0], [0.5], [3.0], [-0.1]])
    assert model.predict_classes(x).tolist() == [0, 1, 1, 0]
    scores = model.evaluate(x, np.array([[0], [1], [0], [0]]))
    assert scores["accuracy"] == 0.75


def test_rows_and_images_of_the_same_numbers_are_the_same(backend: Backend) -> None:
    rng = np.random.default_rng(0)
    images, y = rng.random((30, 4, 4), "float32"), rng.integers(0, 3, 30)
    results = []
    for x in (images, images.reshape(30, 16)):
        model = lm.Sequential(
            [lm.Flatten(), lm.Dense(5), lm.ReLU(), lm.Dense(3)], seed=1, backend=backend
        )
        model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(0.1))
        model.fit(x, y, epochs=2, batch_size=8, verbose=False)
        results.append(model.state_dict())
        np.testing.assert_array_equal(model.predict(images), model.predict(images.reshape(30, 16)))
        assert model.evaluate(images, y) == model.evaluate(images.reshape(30, 16), y)
    np.testing.assert_equal(*results)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_images_are_bit_for_bit_their_pixels_over_255(backend: Backend, dtype: str) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (50, 4, 4), "uint8")
    pixels.flat[:256] = np.arange(256)
    y = rng.integers(0, 3, 50)
    results = []
    for x in (pixels, pixels / 255, pixels.astype(dtype) / np.dtype(dtype).type(255)):
        model = lm.Sequential(
            [lm.Flatten(), lm.Dense(3)], seed=1, backend=backend, dtype=dtype
        ).compile(lm.SoftmaxCrossEntropy(), lm.Adam(0.01))
        history = model.fit(x, y, epochs=2, batch_size=8, verbose=False)
        model.train_step(x[:8], y[:8])
        results.append(
            {**model.state_dict(), "steps": np.array(history.steps), "out": model.predict(x)}
        )
    np.testing.assert_equal(results[1], results[0])
    np.testing.assert_equal(results[2], results[0])


@pytest.mark.parametrize(
    "kind", [np.float64, np.float16, np.int64, np.int8, bool, "list", "strided", "fortran"]
)
def test_numbers_of_every_kind_are_taken_as_they_are(backend: Backend, kind: object) -> None:
    whole = np.random.default_rng(0).integers(0, 2, (20, 6))
    y = np.arange(20) % 3
    given = {
        "list": lambda: whole.tolist(),
        "strided": lambda: np.repeat(whole, 2, axis=1).astype("float32")[:, ::2],
        "fortran": lambda: np.asfortranarray(whole, "float32"),
    }.get(kind, lambda: whole.astype(kind))()
    results = []
    for x, labels in ((whole.astype("float32"), y), (given, y.tolist())):
        model = small_classifier(backend)
        model.fit(x, labels, epochs=2, batch_size=8, verbose=False)
        results.append({**model.state_dict(), "out": model.predict(x)})
    np.testing.assert_equal(*results)


def test_arrays_with_a_lookup_called_get_are_taken_as_arrays() -> None:
    class Column:
        """As a column of a data frame: it has a dtype, and ``get`` looks up a key."""

        def __init__(self, values: np.ndarray) -> None:
            self.values, self.dtype = values, values.dtype

        def get(self, key: object) -> object:
            raise KeyError(key)

        def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
            return self.values

    x, y = clouds()
    by_column, by_array = small_classifier(), small_classifier()
    by_column.fit(x, Column(y), epochs=1, verbose=False)
    by_array.fit(x, y, epochs=1, verbose=False)
    np.testing.assert_equal(by_column.state_dict(), by_array.state_dict())


def test_arrays_of_the_device_are_accepted(backend: Backend) -> None:
    x, y = clouds()
    there, here = small_classifier(backend), small_classifier(backend)
    there.fit(backend.asarray(x), backend.asarray(y), epochs=1, verbose=False)
    here.fit(x, y, epochs=1, verbose=False)
    np.testing.assert_equal(there.state_dict(), here.state_dict())


def test_data_are_not_changed(backend: Backend) -> None:
    x, y = clouds()
    kept = x.copy(), y.copy()
    model = trained(backend)
    model.fit(x, y, epochs=1, validation_data=(x, y), verbose=False)
    model.evaluate(x, y)
    model.predict(x)
    model.train_step(x, y)
    np.testing.assert_array_equal(x, kept[0])
    np.testing.assert_array_equal(y, kept[1])


def test_one_hot_rows_train_as_their_labels(backend: Backend) -> None:
    x, y = clouds()
    labels, rows = small_classifier(backend), small_classifier(backend)
    labels.fit(x, y, epochs=2, batch_size=16, validation_split=0.25, verbose=False)
    rows.fit(x, np.eye(3)[y], epochs=2, batch_size=16, validation_split=0.25, verbose=False)
    np.testing.assert_equal(state_of(labels), state_of(rows))


def test_an_own_loop_of_train_step_is_fit_without_shuffling(backend: Backend) -> None:
    x, y = clouds(40)
    by_fit, by_hand = small_classifier(backend), small_classifier(backend)
    history = by_fit.fit(x, y, epochs=2, batch_size=16, shuffle=False, verbose=False)
    losses = [
        float(by_hand.train_step(x[start : start + 16], y[start : start + 16]))
        for _ in range(2)
        for start in range(0, 40, 16)
    ]
    np.testing.assert_equal(state_of(by_hand), state_of(by_fit))
    assert history.steps == losses


def test_train_step_takes_sample_weights(backend: Backend) -> None:
    x, y = clouds(16)
    weight = np.linspace(0.5, 2, 16)
    by_fit, by_hand = small_classifier(backend), small_classifier(backend)
    by_fit.fit(x, y, epochs=1, batch_size=16, shuffle=False, sample_weight=weight, verbose=False)
    by_hand.train_step(x, y, weight)
    np.testing.assert_equal(state_of(by_hand), state_of(by_fit))


def test_train_step_returns_the_loss_before_the_step(backend: Backend) -> None:
    x, y = clouds()
    model = lm.Sequential([lm.Dense(3, regularizer=lm.L2(1.0))], seed=0, backend=backend)
    model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(0.5), in_shape=(6,))
    expected = model.evaluate(x, y)["loss"]
    assert float(model.train_step(x, y)) == pytest.approx(expected, rel=1e-6)
    assert model.evaluate(x, y)["loss"] < expected


def test_one_step_of_gradient_descent_is_as_written(backend: Backend) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((10, 3)), rng.standard_normal((10, 2))
    model = lm.Sequential(
        [lm.Dense(2, regularizer=lm.L2(0.3))], seed=0, backend=backend, dtype="float64"
    )
    model.compile(lm.MeanSquaredError(), lm.SGD(0.1), in_shape=(3,))
    old = model.state_dict()
    loss = float(model.train_step(x, y))
    error = x @ old["0.Dense.W"] + old["0.Dense.b"] - y
    assert loss == pytest.approx((error**2).mean(), rel=1e-12)
    new = model.state_dict()
    slope = 2 / error.size
    np.testing.assert_allclose(
        new["0.Dense.W"],
        old["0.Dense.W"] - 0.1 * (slope * x.T @ error + 0.3 * old["0.Dense.W"]),
        rtol=1e-12,
    )
    np.testing.assert_allclose(
        new["0.Dense.b"], old["0.Dense.b"] - 0.1 * slope * error.sum(axis=0), rtol=1e-12
    )


def test_the_last_prediction_is_kept(backend: Backend) -> None:
    x, y = clouds()
    model = trained(backend)
    model.train_step(x, y)
    assert backend.to_host(model.pred).shape == (40, 3)
    expected = model.predict(x)
    np.testing.assert_array_equal(backend.to_host(model.pred), expected)


def test_compile_keeps_the_weights_and_resets_the_optimizer(backend: Backend) -> None:
    model = trained(backend)
    before = model.state_dict()
    model.compile(lm.SoftmaxCrossEntropy(), lm.Momentum(0.01))
    np.testing.assert_equal(model.state_dict(), before)
    assert model.optimizer.t == 0
    assert model.epochs_done == 2
    model.fit(*clouds(), epochs=1, verbose=False)
    assert np.abs(model.state_dict()["0.Dense.W"] - before["0.Dense.W"]).max() > 0


def test_compile_with_the_shape_it_has_keeps_the_weights() -> None:
    model = trained()
    before = model.state_dict()
    model.compile(lm.SoftmaxCrossEntropy(), lm.Adam(0.01), in_shape=(6,))
    np.testing.assert_equal(model.state_dict(), before)


def test_build_and_compile_may_come_in_any_order() -> None:
    x, y = clouds()
    results = []
    for order in ("build first", "compile first", "at once", "by fit"):
        model = lm.Sequential(small_layers(), seed=1, backend="numpy")
        if order == "build first":
            model.build((6,))
        model.compile(
            lm.SoftmaxCrossEntropy(),
            lm.Adam(0.01),
            in_shape=(6,) if order == "at once" else None,
        )
        if order == "compile first":
            model.build((6,))
        model.fit(x, y, epochs=1, verbose=False)
        results.append(state_of(model))
    for result in results[1:]:
        np.testing.assert_equal(result, results[0])


def test_a_failing_compile_leaves_the_model_as_it_was() -> None:
    x, y = clouds()
    model, other = trained(), trained()
    loss, optimizer = model.loss, model.optimizer
    before = state_of(model)
    with pytest.raises(lm.errors.UsageError, match="already drives another model"):
        model.compile(lm.MeanSquaredError(), other.optimizer)
    assert model.loss is loss
    assert model.optimizer is optimizer
    np.testing.assert_equal(state_of(model), before)
    untouched = state_of(other)
    model.fit(x, y, epochs=1, verbose=False)
    np.testing.assert_equal(state_of(other), untouched)
    assert model.optimizer.t > before["t"]


def test_a_failing_first_compile_leaves_the_other_model_alone() -> None:
    x, y = clouds()
    other = trained()
    model = lm.Sequential(small_layers(), seed=1, backend="numpy")
    with pytest.raises(lm.errors.UsageError, match="already drives another model"):
        model.compile(lm.SoftmaxCrossEntropy(), other.optimizer, in_shape=(6,))
    before = state_of(other)
    with pytest.raises(lm.LamellaError):
        model.fit(x, y, epochs=1, verbose=False)
    np.testing.assert_equal(state_of(other), before)


def test_a_seed_of_none_is_drawn_and_kept() -> None:
    x, y = clouds()
    first, second = small_classifier(seed=None), small_classifier(seed=None)
    assert isinstance(first.seed, int)
    assert first.seed != second.seed
    again = small_classifier(seed=first.seed)
    for model in (first, again):
        model.fit(x, y, epochs=2, batch_size=16, verbose=False)
    np.testing.assert_equal(state_of(first), state_of(again))


@pytest.mark.parametrize("seed", [-1, 1.5, "7", True])
def test_a_seed_that_is_none_is_refused(seed: object) -> None:
    with pytest.raises(lm.errors.ArgumentError, match=r"seed must be a whole number"):
        lm.Sequential(small_layers(), seed=seed)


def test_everything_is_float64_if_asked_for(backend: Backend) -> None:
    x, _ = clouds()
    model = trained(backend, dtype="float64")
    assert model.predict(x).dtype == np.float64
    assert {array.dtype for array in model.state_dict().values()} == {np.dtype("float64")}
    assert {vector.dtype for vector in model.optimizer.state.values()} == {np.dtype("float64")}
    assert model.store.grads.dtype == np.float64


def copies(model: lm.Sequential) -> dict[str, lm.Sequential]:
    return {"pickle": pickle.loads(pickle.dumps(model)), "deepcopy": copy.deepcopy(model)}


@pytest.mark.parametrize("how", ["pickle", "deepcopy"])
def test_a_copy_predicts_the_same_and_is_independent(how: str) -> None:
    x, y = clouds()
    model = lm.Sequential([*small_layers(), Gain()], seed=1, backend="numpy")
    model.compile(lm.SoftmaxCrossEntropy(), lm.Adam(0.01), ["accuracy"])
    model.fit(x, y, epochs=2, verbose=False)
    twin = copies(model)[how]
    np.testing.assert_array_equal(twin.predict(x), model.predict(x))
    assert twin.evaluate(x, y) == model.evaluate(x, y)
    assert repr(twin) == repr(model)

    before = model.state_dict()
    twin.store.values[...] = 2.0
    assert all((p.value == 2).all() for p in twin.store)  # its parameters are views of its vector
    twin.fit(x, y, epochs=1, verbose=False)
    np.testing.assert_equal(model.state_dict(), before)
    assert not np.shares_memory(twin.store.values, model.store.values)


@pytest.mark.parametrize("how", ["pickle", "deepcopy"])
def test_a_copy_keeps_custom_losses_and_optimizers(how: str) -> None:
    x, y = clouds()
    model = lm.Sequential([lm.Dense(3)], seed=1, backend="numpy")
    model.compile(HalfSquaredError(), Creep(0.25), in_shape=(6,))
    twin = copies(model)[how]
    assert type(twin.loss) is HalfSquaredError
    assert type(twin.optimizer) is Creep
    assert twin.optimizer.lr == 0.25
    assert twin.evaluate(x, y) == model.evaluate(x, y)


@pytest.mark.parametrize("how", ["pickle", "deepcopy"])
def test_a_model_that_is_not_built_can_be_copied(how: str) -> None:
    x, y = clouds()
    model = small_classifier()
    twin = copies(model)[how]
    for one in (model, twin):
        one.fit(x, y, epochs=1, verbose=False)
    np.testing.assert_equal(twin.state_dict(), model.state_dict())


def test_a_deep_copy_computes_where_the_model_does(backend: Backend) -> None:
    twin = copy.deepcopy(trained(backend))
    assert twin.backend.name == backend.name


def test_repr_and_summary_show_layers_shapes_and_counts() -> None:
    model = small_classifier()
    assert repr(model).splitlines()[1] == "  0: Dense(units=8, regularizer=L2(rate=0.001))"
    assert "not built yet" in model.summary()
    lines = trained().summary().splitlines()
    assert lines[0] == "Sequential(["
    assert lines[1].endswith("-> (8,), 56 parameters")
    assert lines[2].endswith("-> (8,), 16 parameters")
    assert lines[3].endswith("-> (8,)")
    assert lines[-2] == "99 parameters, input (6,)"
    assert lines[-1] == "float32 on numpy, seed 1"


def test_metrics_may_be_custom_objects(backend: Backend) -> None:
    class Confidence(lm.Metric):
        """The largest logit."""

        name = "confidence"

        def score(self, pred: np.ndarray, target: np.ndarray) -> np.ndarray:
            return pred.max(axis=-1)

    x, y = clouds()
    model = lm.Sequential([lm.Dense(3)], seed=0, backend=backend)
    model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(1e-9), [Confidence(), "accuracy"])
    history = model.fit(x, y, epochs=1, batch_size=16, verbose=False)
    expected = model.predict(x).max(axis=1).mean()
    assert history["confidence"][0] == pytest.approx(expected, rel=1e-5)
    assert list(model.evaluate(x, y)) == ["loss", "confidence", "accuracy"]


def test_an_interrupted_build_is_repeated() -> None:
    """Ctrl-C while weights are drawn, and while the optimizer takes on the parameters."""
    interruptions = [KeyboardInterrupt, KeyboardInterrupt]

    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        if len(interruptions) == 2:
            raise interruptions.pop()
        return rng.standard_normal(shape)

    class Interrupted(lm.SGD):
        def attach(self, store: Any, owner: object) -> None:
            if interruptions:
                raise interruptions.pop()
            super().attach(store, owner)

    def train(optimizer: lm.Optimizer) -> np.ndarray:
        layers = [lm.Dense(4, init=draw), lm.ReLU(), lm.Dense(3)]
        model = lm.Sequential(layers, seed=1, backend="numpy")
        model.compile(lm.SoftmaxCrossEntropy(), optimizer)
        for _ in range(len(interruptions)):
            with pytest.raises(KeyboardInterrupt):
                model.train_step(x, y)
        model.train_step(x, y)
        return model.built().values

    x, y = np.random.default_rng(0).random((6, 5)), np.arange(6) % 3
    interrupted = train(Interrupted(0.1))
    assert not interruptions
    np.testing.assert_array_equal(interrupted, train(lm.SGD(0.1)))
