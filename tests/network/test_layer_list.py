"""A built model refuses layers that were changed in its list."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.core.errors import UsageError
from tests.data import clouds
from tests.networks import small_classifier

X, Y = clouds()
EDITS: dict[str, Callable[[list[lm.Layer]], object]] = {
    "pop": lambda layers: layers.pop(2),
    "insert": lambda layers: layers.insert(2, lm.ReLU()),
    "replace": lambda layers: layers.__setitem__(2, lm.Tanh()),
    "swap": lambda layers: layers.reverse(),
    "empty": lambda layers: layers.clear(),
}
USES: dict[str, Callable[[Any, Path], object]] = {
    "predict": lambda model, path: model.predict(X),
    "evaluate": lambda model, path: model.evaluate(X, Y),
    "fit": lambda model, path: model.fit(X, Y, epochs=1, verbose=False),
    "save": lambda model, path: model.save(path / "m.safetensors"),
    "compile": lambda model, path: model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(0.1)),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("edit", EDITS)
def test_layers_edited_after_building_are_refused(edit: str, use: str, tmp_path: Path) -> None:
    model = small_classifier()
    model.fit(X, Y, epochs=1, verbose=False)
    before = model.predict(X)
    layers = [*model.layers]
    EDITS[edit](model.layers)
    with pytest.raises(UsageError, match="changed after the model was built: make a new Seq"):
        USES[use](model, tmp_path)
    assert not [*tmp_path.iterdir()]
    model.layers[:] = layers
    np.testing.assert_array_equal(model.predict(X), before)
