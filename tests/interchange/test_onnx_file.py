"""What is particular to ONNX files: input, opset, metadata, and that onnx is optional."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import lamella as lm
from lamella.core.errors import ArgumentError, MissingExtraError
from tests.data import contents


def test_a_missing_onnx_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'lamella\[onnx\]'"):
        lm.export_onnx(lm.Sequential([lm.Dense(2)], seed=1).build((3,)), tmp_path / "m.onnx")
    assert contents(tmp_path) == {}


def test_other_opsets_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="onnx writes ONNX files")
    model = lm.Sequential([lm.Dense(2)], seed=1).build((3,))
    for opset in (17, 99, "18", None):
        with pytest.raises(ArgumentError, match="opset must be from 18 to"):
            lm.export_onnx(model, tmp_path / "m.onnx", opset=opset)
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("opset", [18, 21])
def test_the_file_has_a_dynamic_batch_the_opset_and_class_names(opset: int, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx", reason="onnx reads ONNX files")
    model = lm.Sequential([lm.Flatten(), lm.Dense(2), lm.Softmax()], seed=1).build((3, 4))
    lm.export_onnx(model, tmp_path / "m.onnx", opset=opset, class_names=["no", "ja"])
    found = onnx.load(tmp_path / "m.onnx")
    onnx.checker.check_model(found, full_check=True)
    assert found.opset_import[0].version == opset
    assert {entry.key: json.loads(entry.value) for entry in found.metadata_props} == {
        "class_names": ["no", "ja"]
    }
    shapes = [
        [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
        for value in (*found.graph.input, *found.graph.output)
    ]
    assert shapes == [["N", 3, 4], ["N", 2]]


def test_the_input_is_that_of_the_training(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx", reason="onnx reads ONNX files")
    x, y = np.arange(24, dtype="uint8").reshape(6, 4), np.arange(6) % 2
    for given in (x, x / 255):
        model = lm.MLP([3], classes=2, seed=1)
        model.fit(given, y, epochs=1, verbose=False, check=False)
        lm.export(model, tmp_path / "m.onnx")
        kind = onnx.load(tmp_path / "m.onnx").graph.input[0].type.tensor_type.elem_type
        wanted = onnx.TensorProto.UINT8 if given is x else onnx.TensorProto.FLOAT
        assert kind == wanted
