"""Stand-in for cupy.ElementwiseKernel."""

from typing import Any

from lamella.testing.strict_cupy.counting import StrictError
from lamella.testing.strict_cupy.device_array import ndarray, to_host
from lamella.testing.strict_cupy.kernels import run
from lamella.testing.strict_cupy.streams import launch


class ElementwiseKernel:
    """Run a kernel whose body has lines such as ``T t3 = a0 * s2;`` and ``o0 = t3;``.

    Kernels that draw random numbers are recognised by name.
    """

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
            results = run(self.name, self.operation, values, outputs[0].host, dtype)
            for out, result in zip(outputs, results, strict=True):
                out.host[...] = result

        launch(work)
        return outputs[0] if len(outputs) == 1 else outputs
