"""Losses for classes: extreme numbers, both kinds of labels, probabilities."""

from pathlib import Path

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.backend.selection import host_backend
from lamella.losses.classification import cross_entropy_rows, soft_cross_entropy_rows
from tests.losses.test_base import bound, compute
from tests.subprocesses import run_python

FLOAT32 = np.dtype("float32")


def test_integer_and_one_hot_labels_give_the_same(
    backend: Backend, rng: np.random.Generator
) -> None:
    labels = np.array([2, 0, 1, 1])
    logits = rng.normal(size=(4, 3))
    results = []
    for target in (labels, np.eye(3)[labels], np.eye(3, dtype="uint8")[labels]):
        loss = bound(lm.SoftmaxCrossEntropy(), backend)
        results.append(compute(loss, logits, loss.check_targets(target, (3,), loss.dtype)))
    for result in results[1:]:
        assert result.loss == results[0].loss
        np.testing.assert_array_equal(result.gradient, results[0].gradient)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_loop_over_samples_is_the_formula_on_whole_arrays(
    dtype: str, rng: np.random.Generator
) -> None:
    logits = (30 * rng.normal(size=(9, 5))).astype(dtype)
    labels = rng.integers(0, 5, 9)
    loss = bound(lm.SoftmaxCrossEntropy(), host_backend(), dtype)
    loss.d = np.empty_like(logits)
    losses, losses_of_each = np.empty((2, 9), dtype)
    loss._cross_entropy_of_all(logits, labels, losses)
    d, wrong = np.empty_like(logits), np.array([7, 7])
    # As plain Python; numba compiles the same.
    cross_entropy_rows(logits, labels, d, losses_of_each, wrong)
    assert wrong[0] == 0
    tolerance = 1e-5 if dtype == "float32" else 1e-13
    np.testing.assert_allclose(losses_of_each, losses, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(d, loss.d, rtol=tolerance, atol=tolerance)


def soft_rows(rng: np.random.Generator, samples: int, classes: int) -> np.ndarray:
    """Return rows of probabilities, some of them 0."""
    rows = rng.dirichlet(np.ones(classes), samples) * (rng.random((samples, classes)) > 0.3)
    rows[:, 0] += 1e-3
    return rows / rows.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_loops_over_soft_targets_are_the_formula_on_whole_arrays(
    dtype: str, rng: np.random.Generator
) -> None:
    logits = (30 * rng.normal(size=(9, 5))).astype(dtype)
    rows = soft_rows(rng, 9, 5).astype(dtype)
    loss = bound(lm.SoftmaxCrossEntropy(), host_backend(), dtype)
    loss.d = np.empty_like(logits)
    losses, losses_of_each = np.empty((2, 9), dtype)
    loss._soft_cross_entropy_of_all(logits, rows, losses)
    d = np.empty_like(logits)
    soft_cross_entropy_rows(logits, rows, d, losses_of_each)  # as plain Python
    tolerance = 1e-5 if dtype == "float32" else 1e-13
    np.testing.assert_allclose(losses_of_each, losses, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(d, loss.d, rtol=tolerance, atol=tolerance)


def test_soft_targets_that_are_one_hot_give_the_loss_of_labels(
    backend: Backend, rng: np.random.Generator
) -> None:
    logits, labels = 5 * rng.normal(size=(6, 4)), rng.integers(0, 4, 6)
    hard = compute(bound(lm.SoftmaxCrossEntropy(), backend), logits, labels)
    soft = compute(bound(lm.SoftmaxCrossEntropy(), backend), logits, np.eye(4)[labels])
    np.testing.assert_allclose(soft.loss, hard.loss, rtol=1e-14)
    np.testing.assert_allclose(soft.gradient, hard.gradient, rtol=1e-13, atol=1e-16)


def test_smoothing_spreads_a_fraction_over_all_classes(
    backend: Backend, rng: np.random.Generator
) -> None:
    logits, labels = 5 * rng.normal(size=(6, 4)), rng.integers(0, 4, 6)
    smooth = 0.7 * np.eye(4)[labels] + 0.3 / 4
    expected = compute(bound(lm.SoftmaxCrossEntropy(), backend), logits, smooth)
    for target in (labels, np.eye(4)[labels]):
        loss = bound(lm.SoftmaxCrossEntropy(label_smoothing=0.3), backend)
        got = compute(loss, logits, target)
        np.testing.assert_allclose(got.loss, expected.loss, rtol=1e-14)
        np.testing.assert_allclose(got.gradient, expected.gradient, rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize("smoothing", [-0.1, 1.5, "0.1", None])
@pytest.mark.parametrize("kind", [lm.SoftmaxCrossEntropy, lm.SigmoidCrossEntropy])
def test_smoothing_is_a_fraction(kind: type[lm.Loss], smoothing: object) -> None:
    with pytest.raises(lm.LamellaError, match="label_smoothing must be"):
        kind(label_smoothing=smoothing)


def test_soft_targets_and_smoothing_train_and_are_saved(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 5)), soft_rows(rng, 60, 3)
    model = lm.MLP([8], classes=3, loss=lm.SoftmaxCrossEntropy(0.1), seed=1, backend="numpy")
    history = model.fit(x, y, epochs=8, validation_data=(x, y.argmax(axis=1)), verbose=False)
    assert history["loss"][-1] < history["loss"][0]
    assert history["val_accuracy"][-1] == model.evaluate(x, y)["accuracy"]
    model.save(tmp_path / "m.safetensors")
    again = lm.load(tmp_path / "m.safetensors", backend="numpy")
    assert repr(again.loss) == "SoftmaxCrossEntropy(label_smoothing=0.1)"
    assert again.evaluate(x, y) == model.evaluate(x, y)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_logits_further_apart_than_the_largest_number_lose_infinitely(
    backend: Backend, dtype: str
) -> None:
    largest = float(np.finfo(dtype).max)
    z = np.array([[largest, -largest]])
    for target in (np.array([1]), np.array([[0.0, 1.0]]), np.array([[0.5, 0.5]])):
        got = compute(bound(lm.SoftmaxCrossEntropy(), backend, dtype), z, target)
        assert got.loss == np.inf
        p = np.array([[1.0, 0.0]])
        t = target if target.ndim == 2 else np.array([[0.0, 1.0]])
        np.testing.assert_array_equal(got.gradient, p - t)
    for target in (np.array([0]), np.array([[1.0, 0.0]])):
        got = compute(bound(lm.SoftmaxCrossEntropy(), backend, dtype), z, target)
        assert (got.loss, got.gradient.tolist()) == (0, [[0, 0]])


def test_softmax_cross_entropy_is_right_at_logits_of_ten_thousand(backend: Backend) -> None:
    logits = np.array([[1e4, -1e4, 0], [1e4, -1e4, 0], [-1e4, -1e4, -1e4], [1e4, 1e4, -1e4]])
    labels = np.array([0, 1, 2, 0])
    got = compute(bound(lm.SoftmaxCrossEntropy(), backend, "float32"), logits, labels)
    each = [0, 2e4, np.log(3), np.log(2)]
    np.testing.assert_allclose(got.loss, np.mean(each), rtol=1e-6)
    expected = [[0, 0, 0], [1, -1, 0], [1 / 3, 1 / 3, -2 / 3], [-0.5, 0.5, 0]]
    np.testing.assert_allclose(got.gradient, np.array(expected) / 4, rtol=1e-6, atol=1e-12)


def test_softmax_cross_entropy_keeps_rows_of_very_different_size_apart(backend: Backend) -> None:
    logits = np.array([[1e30, -1e30], [1e-3, 0], [-3e4, -3e4], [0, 80]])
    got = compute(
        bound(lm.SoftmaxCrossEntropy(), backend, "float32"), logits, np.array([0, 0, 1, 1])
    )
    small = np.log1p(np.exp(-1e-3))
    np.testing.assert_allclose(got.loss, (0 + small + np.log(2) + 0) / 4, rtol=1e-6)
    p = 1 / (1 + np.exp(-1e-3))
    expected = np.array([[0, 0], [p - 1, 1 - p], [0.5, -0.5], [0, 0]]) / 4
    np.testing.assert_allclose(got.gradient, expected, rtol=1e-6, atol=1e-12)


def test_softmax_cross_entropy_is_exact_where_the_probability_vanishes(backend: Backend) -> None:
    """exp(-200) is 0 in float32, and its log infinite; the loss is still 200."""
    got = compute(
        bound(lm.SoftmaxCrossEntropy(), backend, "float32"), np.array([[0, 200.0]]), np.array([0])
    )
    assert got.loss == 200
    np.testing.assert_array_equal(got.gradient, [[-1, 1]])


def test_number_of_classes_may_change_between_calls(backend: Backend) -> None:
    loss = bound(lm.SoftmaxCrossEntropy(), backend)
    for classes in (2, 5, 3):
        got = compute(loss, np.zeros((1, classes)), np.array([classes - 1]))
        np.testing.assert_allclose(got.loss, np.log(classes), rtol=1e-12)


def test_probabilities_are_the_softmax_of_logits(backend: Backend) -> None:
    loss = bound(lm.SoftmaxCrossEntropy(), backend, "float32")
    logits = np.array([[0, np.log(3)], [1e4, -1e4]])
    p = backend.to_host(loss.probabilities(backend.asarray(logits, "float32")))
    np.testing.assert_allclose(p, [[0.25, 0.75], [1, 0]], rtol=1e-6)


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (np.array([0, 3]), r"labels must be in 0\.\.2 for 3 outputs, got values from 0 to 3"),
        (np.array([-1, 2]), r"labels must be in 0\.\.2 for 3 outputs, got values from -1 to 2"),
        (np.array([0.0, 2.0]), r"labels must be integers, got float64: use y\.astype\(int\)"),
        (
            np.array([0.0, 1.5]),
            r"float64 with fractions: for numbers, use MeanSquaredError\(\)",
        ),
        (np.array([0.0, np.nan]), r"labels have missing values \(NaN\), first in sample 1"),
        (np.eye(4)[:2], "one-hot and soft targets must have 3 columns, one for each output, got 4"),
        (
            np.array([[1, 1, 0], [0, 0, 0]]),
            "row 0 has .* of sum 2, or several labels a row: use Sig",
        ),
        (np.array([[0.2, 0.8, 0], [0, 0, 0.9]]), "row 1 has values from 0 to 0.9 of sum 0.9$"),
        (np.array([[0, 1, 0], [0.5, 0.7, -0.2]]), "row 1 has values from -0.2 to 0.7 of sum 1$"),
        (np.array([[np.nan, 0, 0], [0, 0, 1]]), "rows of probabilities of sum 1; row 0 has .* nan"),
        (np.zeros((2, 3, 1), int), r"labels must have shape \(N,\), got \(2, 3, 1\)"),
    ],
)
def test_softmax_cross_entropy_names_the_error_in_its_targets(
    target: np.ndarray, text: str
) -> None:
    with pytest.raises(lm.LamellaError, match=text):
        lm.SoftmaxCrossEntropy().check_targets(target, (3,), FLOAT32)


@pytest.mark.parametrize("label", [3, -1, 50, 10**12, -(2**63)])
def test_label_that_is_no_class_is_an_error_of_an_unchecked_loss_too(label: int) -> None:
    """As an unchecked index it would be written to, wherever it points."""
    script = (
        "import numpy as np, lamella as lm\n"
        "loss = lm.SoftmaxCrossEntropy()\n"
        "loss.attach(backend='numpy')\n"
        "right, wrong = np.array([0, 1, 2, 0]), np.array([0, 1, LABEL, LABEL])\n"
        "for labels in (right, wrong):\n"
        "    loss(np.zeros((4, 3), 'f4'), labels)\n"
    ).replace("LABEL", str(label))
    done = run_python("-c", script, status=1)
    message = f"DataError: label {label} of sample 2 in the batch is not in 0..2: y has changed"
    assert message in done.stderr


def test_a_label_for_each_row_is_required() -> None:
    loss = bound(lm.SoftmaxCrossEntropy(), host_backend())
    for count in (1, 3):
        with pytest.raises(ValueError, match=r"one label for each row|cannot reshape"):
            loss(np.zeros((2, 4)), np.zeros(count, int))


@pytest.mark.parametrize("out_shape", [(1,), (4, 3)])
def test_softmax_cross_entropy_refuses_a_model_without_class_scores(
    out_shape: tuple[int, ...],
) -> None:
    with pytest.raises(lm.LamellaError, match=r"end it with Dense\(number of classes\)"):
        lm.SoftmaxCrossEntropy().check_targets(np.array([0, 1]), out_shape, FLOAT32)


def test_labels_out_of_range_reach_the_user_before_training() -> None:
    model = lm.Sequential([lm.Dense(3)], seed=0, backend="numpy")
    model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(0.1), in_shape=(2,))
    before = model.state_dict()
    with pytest.raises(lm.LamellaError, match=r"labels must be in 0\.\.2"):
        model.train_step(np.ones((2, 2)), np.array([0, 7]))
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize("last", [lm.Softmax, lm.Sigmoid])
def test_logits_loss_refuses_probabilities(last: type[lm.Layer]) -> None:
    model = lm.Sequential([lm.Dense(3), last()], backend="numpy")
    with pytest.raises(lm.LamellaError, match=f"{last.__name__}, .* leave that layer out"):
        model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(0.1))
