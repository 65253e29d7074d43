"""Predictor as an ONNX model."""

import json
from typing import Any

import numpy as np

from lamella.core.errors import ArgumentError, MissingExtraError
from lamella.core.validation import instance
from lamella.interchange.description import Description
from lamella.interchange.numpy_source import COMPARISONS

MOST_BYTES = 2**31 - 2**20  # of weights in a message of protobuf
OPSETS = 18, 26  # in the first, axes became inputs; later ones than the last are untested
_NAMES = """add:Add subtract:Sub multiply:Mul divide:Div negative:Neg absolute:Abs sign:Sign
sqrt:Sqrt power:Pow exp:Exp log:Log tanh:Tanh maximum:Max minimum:Min matmul:MatMul
max:ReduceMax sum:ReduceSum greater:Greater greater_equal:GreaterOrEqual less:Less
less_equal:LessOrEqual"""
OPERATIONS = dict(name.split(":") for name in _NAMES.split())


def onnx_file(description: Description, uint8: bool | None, opset: int) -> bytes:
    """Return the content of an ONNX file, checked by onnx; see `lamella.export_onnx`."""
    try:
        import onnx
    except ImportError:
        raise MissingExtraError("onnx", "onnx", "writing an ONNX file") from None
    from onnx import helper, numpy_helper

    d, last = description, min(OPSETS[1], onnx.defs.onnx_opset_version())
    if type(opset) is not int or not OPSETS[0] <= opset <= last:
        raise ArgumentError(f"opset must be from {OPSETS[0]} to {last} here, got {opset!r}")
    d.expect_size(MOST_BYTES, "and files of ONNX have less than 2 GB")
    uint8 = d.images if uint8 is None else instance("uint8", uint8, bool, "True")
    real = helper.np_dtype_to_tensor_dtype(d.dtype)
    nodes: list[Any] = []
    constants: list[Any] = []

    def node(kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """Add a node; return the name of its result."""
        name = name or f"value{len(nodes)}"
        nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def constant(value: Any, dtype: Any = d.dtype, name: str = "") -> str:
        """Add a constant; return its name."""
        name = name or f"constant{len(constants)}"
        constants.append(numpy_helper.from_array(np.array(value, dtype, order="C"), name))
        return name

    for name, array in d.graph.arrays.items():
        constant(array, name=name)
    results = [node("Div", node("Cast", "x", to=real), constant(255)) if uint8 else "x"]
    for operation in d.graph.operations[1:]:
        kind = operation.kind
        inputs = [
            results[i] if isinstance(i, int) else i if isinstance(i, str) else constant(i)
            for i in operation.inputs
        ]
        if kind == "reshape":
            result = node("Reshape", *inputs, constant([0, *operation.shape], "int64"))
        elif kind in ("max", "sum"):
            result = node(OPERATIONS[kind], *inputs, constant([-1], "int64"))
        elif kind == "log1p":
            result = node("Log", node("Add", *inputs, constant(1)))
        elif kind == "expm1":
            result = node("Sub", node("Exp", *inputs), constant(1))
        else:
            result = node(OPERATIONS[kind], *inputs)
        results.append(node("Cast", result, to=real) if kind in COMPARISONS else result)
    node("Identity", results[-1], name="y")
    value = helper.make_tensor_value_info
    x = value("x", onnx.TensorProto.UINT8 if uint8 else real, ["N", *d.shapes[0]])
    y = value("y", real, ["N", *d.shapes[1]])
    opsets = [helper.make_opsetid("", opset)]
    graph = helper.make_graph(nodes, "lamella", [x], [y], constants)
    model = helper.make_model(graph, opset_imports=opsets, producer_name="lamella")
    model.ir_version = helper.find_min_ir_version_for(opsets)
    model.doc_string = d.head()
    helper.set_model_props(model, {"class_names": json.dumps(d.class_names)})
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())
