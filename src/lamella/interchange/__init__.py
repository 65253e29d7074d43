"""Interchange with other programs: exports of models, weights of other libraries."""

from lamella.interchange.exporting import export, export_onnx
from lamella.interchange.weights import (
    from_keras,
    from_sklearn,
    from_torch,
    to_keras,
    to_sklearn,
    to_torch,
)

__all__ = [
    "export",
    "export_onnx",
    "from_keras",
    "from_sklearn",
    "from_torch",
    "to_keras",
    "to_sklearn",
    "to_torch",
]
