"""Model files: safetensors with damaged bytes, tables of tensors or descriptions."""

import json
import struct
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import lamella as lm
from tests.fuzz.mutate import NAMES, Rng, bytes_mutated, hostile, pick, to_text, tree_mutated
from tests.networks import halves


class Gain(lm.Layer):
    """A custom layer that checks nothing."""

    def __init__(self, start: float = 1.0, table: dict[str, Any] | None = None) -> None:
        self.start, self.table = start, table
        self.inverse = 1 / start

    def build(self, in_shape: tuple[int, ...]) -> tuple[int, ...]:
        self.gain = self.add_param("gain", in_shape, init="ones")
        return in_shape

    def forward(self, x: Any, training: bool) -> Any:
        self.x = x
        return x * self.gain.value * self.start

    def backward(self, dy: Any) -> Any:
        self.gain.grad = (dy * self.x * self.start).sum(axis=0)
        return dy * self.gain.value * self.start


def models() -> list[lm.Sequential]:
    """Return models that use every part a file can name."""
    mixed = lm.Sequential(
        [
            *(lm.Flatten(), lm.Dense(8, init="glorot_normal", regularizer=lm.L1L2(1e-4, 1e-3))),
            *(lm.BatchNorm(0.8), lm.LeakyReLU(0.1), lm.Dropout(0.1), lm.Dense(3), lm.Softmax()),
        ],
        seed=1,
        backend="numpy",
    )
    rate = lm.Warmup(lm.StepDecay(0.01, every=3), epochs=2)
    mixed.compile(lm.MeanSquaredError(), lm.AdamW(rate), ["accuracy"], in_shape=(2, 3))
    wide = lm.MLP([40, 30], classes=3, dropout=0.2, l2=1e-4, batch_norm=True, seed=1).build((40,))
    plain = lm.SoftmaxClassifier(classes=3, seed=1, dtype="float64").build((4, 4))
    own = lm.Sequential([Gain(2.0), lm.Dense(3, init=halves)], seed=1)
    own.compile(lm.SoftmaxCrossEntropy(), lm.Momentum(0.1), in_shape=(5,))
    bare = lm.Sequential([lm.Dense(2), lm.Tanh()], seed=1).build((3,))
    return [mixed, wide, plain, own, bare]


@cache
def samples() -> list[bytes]:
    """Return the bytes of good files; one holds an optimizer's moments too, as a checkpoint may."""
    from safetensors.numpy import load, save

    found = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m"
        for model in models():
            model.save(path)
            found.append(path.read_bytes())
    table, _ = parts(found[0])
    arrays = load(found[0])
    moments = {f"optimizer/{slot}": np.zeros(99, "f4") for slot in "mv"}
    found.append(save({**arrays, **moments}, table["__metadata__"]))
    return found


def parts(content: bytes) -> tuple[dict[str, Any], bytes]:
    """Take a file apart: its table, and the numbers."""
    size = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + size]), content[8 + size :]


def make(rng: Rng) -> bytes:
    """Return a mutated file."""
    content = pick(rng, samples())
    kind = rng.random()
    if kind < 0.25:
        return bytes_mutated(rng, content, pick(rng, samples()))
    table, numbers = parts(content)
    if kind < 0.7:
        header = json.loads(table["__metadata__"]["lamella"])
        table["__metadata__"]["lamella"] = to_text(rng, tree_mutated(rng, header))
        text = json.dumps(table)
    else:
        text = to_text(rng, tensors_mutated(rng, table))
    if rng.random() < 0.1:
        numbers = numbers[: int(rng.integers(len(numbers) + 1))] + rng.bytes(int(rng.integers(9)))
    head = text.encode("utf-8", "surrogatepass")
    size = len(head) if rng.random() < 0.95 else pick(rng, (0, 2**31, 2**63, 2**64 - 1))
    return struct.pack("<Q", size) + head + numbers


def tensors_mutated(rng: Rng, table: dict[str, Any]) -> dict[str, Any]:
    """Change types, shapes, offsets and names of tensors."""
    name = pick(rng, list(table))
    kind = int(rng.integers(6))
    if kind == 0 or name == "__metadata__":
        return dict(tree_mutated(rng, table))
    entry = table[name]
    if kind == 1:
        types = ("F64", "F16", "BF16", "I64", "U8", "BOOL", "F8_E4M3", "F8_E5M2", "F4", "C64", "x")
        entry["dtype"] = pick(rng, types)
    elif kind == 2:
        entry["shape"] = pick(rng, ([0], [0, 2**62], [2**62, 0], [2**32, 2**32], [], [1] * 70))
        if rng.random() < 0.5:
            entry["data_offsets"] = [entry["data_offsets"][0]] * 2
    elif kind == 3:
        entry["data_offsets"] = table[pick(rng, [n for n in table if n[0] != "_"])]["data_offsets"]
    elif kind == 4:
        table[pick(rng, NAMES)] = table.pop(name)
    else:
        entry[pick(rng, ("shape", "dtype", "data_offsets"))] = hostile(rng)
    return table


def read(path: Path) -> None:
    """Load a file with and without custom layers; a loaded model must save and load the same."""
    refused: Exception | None = None
    loaded = 0
    for own in ((), (Gain, halves)):
        try:
            model = lm.load(path, custom_layers=own, backend="numpy")
        except lm.LamellaError as error:
            refused = error
            continue
        loaded += 1
        assert isinstance(model, lm.Sequential)
        assert len(repr(model)) > 9
        if model.store is not None:
            expect_same(model)
    if refused is not None and not loaded:
        raise refused


def expect_same(model: lm.Sequential) -> None:
    """Assert that a loaded model is complete: its parts give the same model, and it predicts."""
    from lamella.models.loading import KNOWN
    from lamella.network.model_file import from_parts, to_parts

    header, arrays = to_parts(model)
    try:
        again = from_parts(header, arrays, {**KNOWN, "Gain": Gain, "halves": halves}, "numpy")
    except lm.LamellaError as error:  # the worker would count it as refused
        raise AssertionError(f"loaded, but refused when built again: {error}") from error
    np.testing.assert_equal(again.state_dict(), model.state_dict())
    with np.errstate(all="ignore"):
        pred = model.predict(np.ones((2, *model.in_shape), "f4"))
    assert pred.shape == (2, *model.shapes[-1])
