"""Stand-in for cupy.ElementwiseKernel."""

from typing import Any

import numpy as np

from lamella.testing.strict_cupy.counting import StrictError
from lamella.testing.strict_cupy.device_array import ndarray, to_host
from lamella.testing.strict_cupy.streams import launch

C_FUNCTIONS = {
    "sqrt": np.sqrt,
    "fabs": np.abs,
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "tanh": np.tanh,
    "pow": np.power,
    "max": np.maximum,
    "min": np.minimum,
    "sign": np.sign,
}


class ElementwiseKernel:
    """Run a kernel whose body has lines such as ``T t3 = a0 * s2;`` and ``o0 = t3;``."""

    def __init__(
        self, in_params: str, out_params: str, operation: str, name: str, *, preamble: str = ""
    ) -> None:
        self.inputs = [part.split() for part in in_params.split(",")]
        self.outputs = [part.split() for part in out_params.split(",")]
        self.operation, self.name = operation, name

    def __call__(self, *args: Any) -> Any:
        if len(args) != len(self.inputs) + len(self.outputs):
            raise StrictError(f"{self.name} takes {len(self.inputs)} + {len(self.outputs)}")
        outputs = args[len(self.inputs) :]
        if not all(isinstance(out, ndarray) for out in outputs):
            raise StrictError("outputs must be device arrays")
        types = {
            arg.dtype
            for (kind, _), arg in zip(self.inputs + self.outputs, args, strict=True)
            if kind == "T"
        }
        if len(types) != 1:
            raise StrictError(f"{self.name}: type T is ambiguous: {types}")
        values = {
            name: to_host(arg, self.name) for (_, name), arg in zip(self.inputs, args, strict=False)
        }
        dtype = types.pop()

        def work() -> None:
            results = _run(self.operation, values, dtype)
            for out, result in zip(outputs, results, strict=True):
                out.host[...] = result

        launch(work)
        return outputs[0] if len(outputs) == 1 else outputs


def _run(body: str, values: dict[str, Any], dtype: np.dtype) -> list[np.ndarray]:
    """Return the results of a kernel's text as host arrays."""
    names: dict[str, Any] = {**C_FUNCTIONS, **values}
    for line in filter(None, (part.strip() for part in body.split(";"))):
        target, formula = line.removeprefix("T ").split(" = ")
        names[target] = np.asarray(eval(formula, {"__builtins__": {}}, names), dtype)
    results = [names[f"o{i}"] for i in range(sum(name.startswith("o") for name in names))]
    return [np.array(result) for result in results]
