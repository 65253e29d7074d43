"""lamella's GPU kernels in numpy: arithmetic is translated, random kernels have twins."""

from typing import Any

import numpy as np

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


def run(
    name: str, body: str, values: dict[str, Any], out: np.ndarray, dtype: np.dtype
) -> list[np.ndarray]:
    """Return the results of a kernel as host arrays."""
    if name in TWINS:
        return [TWINS[name](values, out)]
    names: dict[str, Any] = {**C_FUNCTIONS, **values}
    for line in filter(None, (part.strip() for part in body.split(";"))):
        target, formula = line.removeprefix("T ").split(" = ")
        names[target] = np.asarray(eval(formula, {"__builtins__": {}}, names), dtype)
    results = [names[f"o{i}"] for i in range(sum(name.startswith("o") for name in names))]
    return [np.array(result) for result in results]


def philox(key: int, draw: int, index: np.ndarray) -> np.ndarray:
    """Return Philox4x32-10 bits: lane index % 4 of the counter (index / 4, draw)."""
    mask = np.uint64(0xFFFFFFFF)
    half = np.uint64(32)
    block = index.astype(np.uint64) >> np.uint64(2)
    c = [block & mask, block >> half]
    c += [np.full_like(block, draw & 0xFFFFFFFF), np.full_like(block, draw >> 32)]
    k0, k1 = key & 0xFFFFFFFF, key >> 32
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [
            (p1 >> half) ^ c[1] ^ np.uint64(k0),
            p1 & mask,
            (p0 >> half) ^ c[3] ^ np.uint64(k1),
            p0 & mask,
        ]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    lane: np.ndarray = np.choose(index & 3, c).astype(np.uint32)
    return lane


def _numbers(values: dict[str, Any], index: np.ndarray) -> np.ndarray:
    return philox(int(values["key"]), int(values["draw"]), index)


def _unit(bits: np.ndarray, dtype: np.dtype) -> np.ndarray:
    return np.asarray(np.multiply(bits >> 8, 2**-24, dtype=dtype))


def _uniform(values: dict[str, Any], out: np.ndarray) -> np.ndarray:
    return np.reshape(_unit(_numbers(values, np.arange(out.size)), out.dtype), out.shape)


def _normal(values: dict[str, Any], out: np.ndarray) -> np.ndarray:
    index = np.arange(out.size)
    u = _unit(_numbers(values, 2 * index), out.dtype)
    u += out.dtype.type(2**-24)  # above 0, where the logarithm is defined
    v = _unit(_numbers(values, 2 * index + 1), out.dtype)
    return np.reshape(np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * v), out.shape)


def _dropout_mask(values: dict[str, Any], out: np.ndarray) -> np.ndarray:
    mask = (_numbers(values, np.arange(out.size)) >> 16) < values["threshold"]
    return np.reshape(mask * values["scale"], out.shape)


TWINS = {
    "lamella_uniform": _uniform,
    "lamella_normal": _normal,
    "lamella_dropout_mask": _dropout_mask,
}
