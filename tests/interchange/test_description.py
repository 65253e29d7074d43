"""A description agrees with the model, or is refused."""

from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.core.errors import ArgumentError, UsageError
from lamella.interchange.description import describe
from tests.data import clouds


class Doubling(lm.Dense):
    """A layer that overrides forward only: the inherited inference is another function."""

    def forward(self, x: Any, training: bool) -> Any:
        return 2 * super().forward(x, training)


class Branching(lm.Layer):
    """A layer whose forward cannot be traced."""

    def forward(self, x: Any, training: bool) -> Any:
        return np.where(x > 0, x, -x)

    def backward(self, dy: Any) -> Any:
        return dy


class ByHeight(lm.Layer):
    """A layer that reads a shape, which has no batch axis while it is traced."""

    def forward(self, x: Any, training: bool) -> Any:
        return x / x.shape[1]

    def backward(self, dy: Any) -> Any:
        return dy


class Drawing(lm.Layer):
    """A layer that is another function in each call."""

    draws = 0

    def forward(self, x: Any, training: bool) -> Any:
        self.draws += 1
        return x * self.draws

    def backward(self, dy: Any) -> Any:
        return dy


class Described(Branching):
    """The same layer with a formula."""

    def inference(self, x: Any) -> Any:
        return np.absolute(x)


class Counting(lm.MeanSquaredError):
    """A loss whose probabilities are others in each call."""

    calls = 0

    def probabilities(self, pred: Any) -> Any:
        self.calls += 1
        return pred * self.calls


class Shifted(lm.MeanSquaredError):
    """A loss whose probabilities cannot be traced."""

    def probabilities(self, pred: Any) -> Any:
        return np.sort(pred)


def test_inference_of_another_function_than_forward_is_refused() -> None:
    model = lm.Sequential([lm.ReLU(), Doubling(3)], seed=1).build((4,))
    with pytest.raises(UsageError, match=r"layer 1 Doubling .* its inference and its forward"):
        describe(model)


@pytest.mark.parametrize("layer", [ByHeight, Drawing])
def test_a_trace_of_another_function_than_forward_is_refused(layer: Any) -> None:
    with pytest.raises(UsageError, match=r"layer 0 .* its inference and its forward differ by"):
        describe(lm.Sequential([layer()], seed=1).build((4, 5)))


def test_outputs_that_overflow_are_compared_where_they_are_finite() -> None:
    class Exploding(Doubling):
        def forward(self, x: Any, training: bool) -> Any:
            y = super().forward(x, training)
            return y / (y > y.min())

    with pytest.raises(UsageError, match=r"its inference and its forward differ"):
        describe(lm.Sequential([Exploding(3)], seed=1).build((4,)))


def test_probabilities_that_are_no_function_of_the_outputs_are_refused() -> None:
    model = lm.Sequential([lm.Dense(2)], seed=1)
    model.compile(Counting(), lm.SGD(0.1), in_shape=(4,))
    with pytest.raises(UsageError, match=r"Counting\.probabilities cannot .*: its formula"):
        describe(model)


def test_names_of_columns_are_in_the_head() -> None:
    pandas = pytest.importorskip("pandas", reason="a table of pandas has names of columns")
    x, y = clouds()
    model = lm.MLP([4], classes=3, seed=1)
    model.fit(pandas.DataFrame(x, columns=[*"abcdef"]), y, epochs=1, verbose=False, check=False)
    assert "Columns: a, b, c, d, e, f." in describe(model).head()


def test_a_layer_without_an_export_is_refused_until_it_has_a_formula() -> None:
    with pytest.raises(UsageError, match=r"layer 0 Branching .* inference\(self, x\)"):
        describe(lm.Sequential([Branching()], seed=1).build((4,)))
    graph = describe(lm.Sequential([Described()], seed=1).build((4,))).graph
    assert [op.kind for op in graph.operations] == ["input", "absolute"]


def test_a_loss_whose_probabilities_cannot_be_traced_is_refused() -> None:
    model = lm.Sequential([lm.Dense(2)], seed=1)
    model.compile(Shifted(), lm.SGD(0.1), in_shape=(4,))
    with pytest.raises(UsageError, match=r"Shifted\.probabilities cannot be exported"):
        describe(model)


def test_classes_are_numbered_unless_the_targets_were_numbers() -> None:
    x, _ = clouds()
    model = lm.Sequential([lm.Dense(3)], seed=1)
    assert describe(model.build((6,))).class_names == ["0", "1", "2"]
    model.compile(lm.MeanSquaredError(), lm.SGD(1e-3))
    model.fit(x, x[:, :3], epochs=1, verbose=False, check=False)
    assert describe(model).class_names == []


def test_a_single_output_has_names_for_no_and_yes() -> None:
    model = lm.Sequential([lm.Dense(1)], seed=1).build((6,))
    assert describe(model, ["no", "yes"]).class_names == ["no", "yes"]
    with pytest.raises(ArgumentError, match=r"must have 2 names for outputs of shape \(1,\)"):
        describe(model, ["yes"])


def test_a_model_of_another_backend_is_described(backend: Any) -> None:
    model = lm.Sequential([lm.Dense(3), lm.BatchNorm()], seed=1, backend=backend).build((6,))
    found = describe(model).graph.arrays["layer0_W"]
    assert type(found) is np.ndarray
    assert (found == model.state_dict()["0.Dense.W"]).all()


class Counted(lm.MeanSquaredError):
    """A loss whose probabilities have another shape than the outputs."""

    def probabilities(self, pred: Any) -> Any:
        return pred.sum(axis=-1, keepdims=True)


def test_probabilities_of_another_shape_are_refused() -> None:
    model = lm.Sequential([lm.Dense(2)], seed=1)
    model.compile(Counted(), lm.SGD(0.1), in_shape=(4,))
    with pytest.raises(UsageError, match=r"must have shape \(2,\) for a sample, got \(1,\)"):
        describe(model)
