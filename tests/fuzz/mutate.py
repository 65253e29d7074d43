"""Mutations of bytes and of JSON values."""

import copy
import json
from typing import Any

import numpy as np

Rng = np.random.Generator
NAMES = ("os.system", "../../etc/passwd", "/tmp/x", "", "a.b", "eval", "__import__", "\0", "é" * 9)
PARTS = (
    *("Sequential", "MLP", "SoftmaxClassifier", "Dense", "ReLU", "BatchNorm", "Dropout", "Layer"),
    *("Activation", "LeakyReLU", "Softmax", "Flatten", "Loss", "SoftmaxCrossEntropy", "Optimizer"),
    *("MeanSquaredError", "Adam", "AdamW", "SGD", "Momentum", "StepDecay", "Warmup", "L1L2"),
    *("CosineDecay", "Accuracy", "zeros", "ones", "he_normal", "standard_normal", "Gain", "halves"),
)
WORDS = ("units", "init", "rate", "lr", "hidden", "layers", "shape", "rng", "seed", "dtype", "loss")
NUMBERS = (0, 1, -1, 2, 255, 2**31, 2**32, 2**63, 2**64, 10**18, 10**400, 0.5, 1e-45, 1e308, -0.0)


def pick(rng: Rng, choices: Any) -> Any:
    """Return one of some things, of whatever kinds."""
    return choices[int(rng.integers(len(choices)))]


def bytes_mutated(rng: Rng, content: bytes, other: bytes) -> bytes:
    """Flip, cut, repeat, insert, fill or splice bytes, once or several times."""
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 5))):
        size = len(data)
        at = (
            int(rng.integers(size + 1))
            if rng.random() < 0.5
            else int(rng.integers(64)) % (size + 1)
        )
        length = int(2 ** rng.uniform(0, 8))
        kind = int(rng.integers(8))
        if kind <= 1 and at < size:
            data[at] ^= 1 << int(rng.integers(8))
        elif kind == 2:
            del data[at:]
        elif kind == 3:
            del data[at : at + length]
        elif kind == 4:
            data[at:at] = rng.bytes(length)
        elif kind == 5:
            data[at : at + length] = bytes([pick(rng, (0, 255, 127, 128))]) * length
        elif kind == 6:
            data[at:at] = data[at : at + length] * int(rng.integers(1, 4))
        else:
            start = int(rng.integers(len(other) + 1))
            data[at:] = other[start:]
    return bytes(data)


def hostile(rng: Rng) -> Any:
    """Return a value that no valid file has."""
    kind = int(rng.integers(12))
    if kind <= 3:
        return pick(rng, NUMBERS)
    if kind == 4:
        return pick(rng, (None, True, False, [], {}, float("nan"), float("inf"), float("-inf")))
    if kind == 5:
        return pick(rng, NAMES + PARTS)
    if kind == 6:
        return [pick(rng, NUMBERS)] * int(2 ** rng.uniform(0, 15))
    if kind == 7:
        nested: Any = pick(rng, (1, {"class": "SGD", "config": {}}))
        for _ in range(int(2 ** rng.uniform(0, 8))):
            config = {"schedule": nested, "epochs": 1}
            nested = pick(rng, ([nested], {"class": "Warmup", "config": config}))
        return nested
    if kind == 8:
        return {"function": pick(rng, PARTS + NAMES)}
    if kind == 9:
        return {
            "class": pick(rng, ("ones", "zeros", "halves")),
            "config": {"rng": 0, "shape": 10**9},
        }
    config = {pick(rng, WORDS): hostile(rng) for _ in range(int(rng.integers(4)))}
    return {"class": pick(rng, PARTS + NAMES), pick(rng, ("config", "args")): config}


def places(tree: Any) -> list[tuple[Any, Any]]:
    """Return every (table or list, key) of a tree."""
    found: list[tuple[Any, Any]] = []
    waiting = [tree]
    while waiting:
        parent = waiting.pop()
        found += [(parent, key) for key in keys_of(parent)]
        waiting += [parent[key] for key in keys_of(parent) if isinstance(parent[key], dict | list)]
    return found


def tree_mutated(rng: Rng, tree: Any) -> Any:
    """Change, remove, rename, repeat or exchange parts of a JSON value in place."""
    for _ in range(int(rng.integers(1, 4))):
        found = places(tree)
        if not 0 < len(found) < 100_000:
            break
        parent, key = pick(rng, found)
        kind = int(rng.integers(8))
        if kind <= 3:
            parent[key] = hostile(rng)
        elif kind == 4:
            del parent[key]
        elif kind == 5 and isinstance(parent, dict):
            parent[pick(rng, NAMES + WORDS)] = parent.pop(key)
        elif kind == 6 and isinstance(parent, list):
            parent[key:key] = [parent[key]] * int(2 ** rng.uniform(0, 12))
        else:
            other, place = pick(rng, found)
            parent[key] = copy.deepcopy(other[place]) if place in keys_of(other) else 0
    return tree


def keys_of(parent: Any) -> Any:
    """Return the keys of a table, or the indices of a list."""
    return parent if isinstance(parent, dict) else range(len(parent))


def to_text(rng: Rng, tree: Any) -> str:
    """Write JSON; sometimes with a key twice, or with brackets without end."""
    try:
        text = json.dumps(tree)
    except (ValueError, RecursionError, MemoryError):  # too deep or too large to be written
        return '{"a":' * 900 + "1" + "}" * 900
    kind = int(rng.integers(12))
    at = text.find("{", int(rng.integers(len(text))))
    if kind == 0 and at >= 0:
        key = json.dumps(pick(rng, (*WORDS, "class", "config", "format", "in_shape")))
        value = json.dumps(hostile(rng))
        return f"{text[: at + 1]}{key}:{value},{key}:{value},{text[at + 1 :]}"
    if kind == 1:
        return "[" * int(2 ** rng.uniform(8, 18)) + text
    return text
