"""Predictor as an ONNX model."""

import json
from typing import Any

import numpy as np

from lamella.core.errors import ArgumentError, MissingExtraError
from lamella.core.validation import instance
from lamella.interchange.description import Description
from lamella.interchange.graph import Graph
from lamella.interchange.numpy_source import COMPARISONS

OPSETS = 18, 26  # in the first, axes became inputs; later ones than the last are untested
_NAMES = """add:Add subtract:Sub multiply:Mul divide:Div negative:Neg positive:Identity absolute:Abs
sign:Sign sqrt:Sqrt power:Pow exp:Exp log:Log tanh:Tanh maximum:Max minimum:Min matmul:MatMul
max:ReduceMax sum:ReduceSum greater:Greater greater_equal:GreaterOrEqual less:Less
less_equal:LessOrEqual"""
OPERATIONS = dict(name.split(":") for name in _NAMES.split())


class Nodes:
    """Nodes and constants of an ONNX graph in the making."""

    def __init__(self, description: Description) -> None:
        from onnx import helper, numpy_helper

        self.helper, self.to_tensor = helper, numpy_helper.from_array
        self.dtype = description.dtype
        self.type = helper.np_dtype_to_tensor_dtype(self.dtype)
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}
        for name, array in description.graph.arrays.items():
            self.constant(array, name=name)

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node; return the name of its result."""
        result = attributes.pop("name", f"value{len(self.nodes)}")
        self.nodes.append(self.helper.make_node(kind, inputs, [result], **attributes))
        return str(result)

    def constant(self, value: Any, dtype: Any = None, name: str = "") -> str:
        """Add a constant, by default of the model's dtype; return its name."""
        name = name or f"constant{len(self.constants)}"
        self.constants[name] = self.to_tensor(np.array(value, dtype or self.dtype, order="C"), name)
        return name

    def add(self, graph: Graph, x: str) -> str:
        """Add the operations of a graph with input ``x``; return the name of the result."""
        results = [x]
        for operation in graph.operations[1:]:
            kind = operation.kind
            inputs = [
                results[i] if isinstance(i, int) else i if isinstance(i, str) else self.constant(i)
                for i in operation.inputs
            ]
            if kind == "reshape":
                result = self.node(
                    "Reshape", *inputs, self.constant([0, *operation.shape], "int64")
                )
            elif kind in ("max", "sum"):
                result = self.node(OPERATIONS[kind], *inputs, self.constant([-1], "int64"))
            elif kind == "log1p":
                result = self.node("Log", self.node("Add", *inputs, self.constant(1)))
            elif kind == "expm1":
                result = self.node("Sub", self.node("Exp", *inputs), self.constant(1))
            elif kind == "square":
                result = self.node("Mul", *inputs, *inputs)
            else:
                result = self.node(OPERATIONS[kind], *inputs)
            if kind in COMPARISONS:
                result = self.node("Cast", result, to=self.type)
            results.append(result)
        return results[-1]


def onnx_file(description: Description, uint8: bool | None, opset: int) -> bytes:
    """Return the content of an ONNX file, checked by onnx; see `lamella.export_onnx`."""
    try:
        import onnx
    except ImportError:
        raise MissingExtraError("onnx", "onnx", "writing an ONNX file") from None
    from onnx import helper

    d, last = description, min(OPSETS[1], onnx.defs.onnx_opset_version())
    if type(opset) is not int or not OPSETS[0] <= opset <= last:
        raise ArgumentError(f"opset must be from {OPSETS[0]} to {last} here, got {opset!r}")
    nodes, x = Nodes(d), "x"
    uint8 = d.images if uint8 is None else instance("uint8", uint8, bool, "True")
    if uint8:
        x = nodes.node("Div", nodes.node("Cast", "x", to=nodes.type), nodes.constant(255))
    nodes.node("Identity", nodes.add(d.graph, x), name="y")
    kind = onnx.TensorProto.UINT8 if uint8 else nodes.type
    inputs = [helper.make_tensor_value_info("x", kind, ["N", *d.shapes[0]])]
    outputs = [helper.make_tensor_value_info("y", nodes.type, ["N", *d.shapes[1]])]
    constants = list(nodes.constants.values())
    graph_proto = helper.make_graph(nodes.nodes, "lamella", inputs, outputs, constants)
    opsets = [helper.make_opsetid("", opset)]
    model = helper.make_model(graph_proto, opset_imports=opsets, producer_name="lamella")
    model.ir_version = helper.find_min_ir_version_for(opsets)
    model.doc_string = d.head()
    helper.set_model_props(model, {"class_names": json.dumps(d.class_names)})
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())
